/**
 * Talks HTTP over a Unix socket. It needs a permission that the other tests do without.
 *
 * @module
 */

import { run } from "@aio/asyncio/loop";
import { ClientSession, UnixConnector } from "@aio/asyncio/http";

const folder = await Deno.makeTempDir();
const path = `${folder}/http.sock`;
const server = Deno.serve(
  { path, onListen() {} },
  (request) => new Response(request.headers.get("host")),
);
await run(async () => {
  await using session = new ClientSession({ connector: new UnixConnector(path) });
  await using response = await session.get("http://any.example/");
  console.log(await response.text());
});
await server.shutdown();
await Deno.remove(folder, { recursive: true });
