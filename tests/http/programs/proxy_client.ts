/**
 * Makes requests by the proxies that the environment names, which is for no other test to see.
 *
 * @module
 */

import { run } from "@aio/asyncio/loop";
import { ClientSession, TCPConnector } from "@aio/asyncio/http";
import type { TCPConnectorOptions } from "@aio/asyncio/http";
import { answer, RawSite } from "../_client_servers.ts";

await using proxy = RawSite.saying(answer("200 OK", "proxy"));
await using site = RawSite.saying(answer("200 OK", "site"));

/** Says who has answered. */
async function tell(env: Record<string, string>, options: TCPConnectorOptions = {}): Promise<void> {
  for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
  await run(async () => {
    await using session = new ClientSession({ connector: new TCPConnector(options) });
    await using response = await session.get(site.url);
    console.log(await response.text());
  });
  for (const name of Object.keys(env)) Deno.env.delete(name);
}

await tell({});
await tell({ HTTP_PROXY: proxy.url });
await tell({ http_proxy: proxy.url, no_proxy: "127.0.0.1" });
await tell({}, { proxy: proxy.url });
await tell({ NO_PROXY: "127.0.0.1" }, { proxy: proxy.url });
