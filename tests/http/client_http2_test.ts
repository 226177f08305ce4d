/**
 * What a client session does when an HTTP/2 server breaks off.
 *
 * @module
 */

import http2 from "node:http2";
import { run } from "@aio/asyncio";
import { ClientPayloadError, ClientSession, TCPConnector } from "@aio/asyncio/http";
import type { ClientResponse } from "@aio/asyncio/http";
import { assert, assertEquals, assertRejects } from "../_support/assert.ts";
import { makeCertificate } from "./_certificate.ts";
import { test } from "./_support.ts";

const LENGTH = 100;
const SENT = "12345";

const READERS: Record<string, (response: ClientResponse) => Promise<unknown>> = {
  "read()": async (response) => await response.read(),
  "text()": async (response) => await response.text(),
  "iterAny()": (response) => Array.fromAsync(response.iterAny()),
  content: (response) => new Response(response.content).bytes(),
};

/** A server that sends part of each body; `breakOff()` closes the last request's connection. */
async function startServer(cert: string, key: string) {
  const server = http2.createSecureServer({ cert, key });
  let session: http2.Http2Session | null = null;
  server.on("stream", (stream: http2.ServerHttp2Stream) => {
    session = stream.session ?? null;
    stream.on("error", () => {}); // about the part that is not sent
    stream.respond({ ":status": 200, "content-length": LENGTH });
    stream.write(SENT);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as { port: number };
  return {
    url: `https://127.0.0.1:${port}/`,
    breakOff: () => session!.destroy(),
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

test("ClientResponse does not take a body for a whole one whose connection was lost", async () => {
  const { cert, key } = await makeCertificate();
  await using server = await startServer(cert, key);
  for (const [name, read] of Object.entries(READERS)) {
    await run(async () => {
      await using connector = new TCPConnector({ caCerts: [cert] });
      await using session = new ClientSession({ connector });
      await using response = await session.get(server.url);
      const reading = read(response);
      server.breakOff();
      const error = await assertRejects(() => reading, ClientPayloadError);
      assert(error.message.includes(server.url), `${name}: ${error.message}`);
      assertEquals([name, response.closed], [name, true]);
    });
  }
});
