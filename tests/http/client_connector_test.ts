/**
 * Proxies, TLS, Unix sockets: what TCPConnector passes to the runtime.
 *
 * @module
 */

import {
  BasicAuth,
  ClientConnectorCertificateError,
  ClientConnectorError,
  retryMiddleware,
  TCPConnector,
} from "@aio/asyncio/http";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "../_support/assert.ts";
import { runProgram } from "../_support/program.ts";
import { answer, RawSite, serve, withSession } from "./_client_servers.ts";

/** A proxy that answers by itself, with the head of the request it got. */
function echoingProxy(): RawSite {
  return new RawSite(async (conn) => {
    const head = await conn.head();
    await conn.write(answer("200 OK\r\nContent-Type: text/plain", head!));
  });
}

Deno.test("TCPConnector makes its requests by a proxy, with name and password", async () => {
  await using proxy = echoingProxy();
  const url = proxy.url.replace("//", "//me:s%40cret@");
  await withSession({ connector: new TCPConnector({ proxy: url }) }, async (session) => {
    await using response = await session.get("http://127.0.0.1:60001/path");
    const head = await response.text();
    assert(head.startsWith("GET http://127.0.0.1:60001/path HTTP/1.1\r\n"), head);
    const auth = new BasicAuth("me", "s@cret").encode();
    assert(head.toLowerCase().includes(`proxy-authorization: ${auth.toLowerCase()}`), head);
  });
});

Deno.test("TCPConnector takes a name and a password of its proxy's URL as they are", async () => {
  await using proxy = echoingProxy();
  const url = proxy.url.replace("//", "//me:100%@");
  await withSession({ connector: new TCPConnector({ proxy: url }) }, async (session) => {
    await using response = await session.get("http://127.0.0.1:60001/path");
    const auth = new BasicAuth("me", "100%").encode();
    assertStringIncludes((await response.text()).toLowerCase(), auth.toLowerCase());
  });
});

Deno.test("ClientSession.get() takes a proxy of its own, and keeps it for redirects", async () => {
  await using proxy = new RawSite(async (conn) => {
    const head = await conn.head();
    const isFirst = head!.startsWith("GET http://127.0.0.1:60001/a ");
    const status = isFirst ? "302 Found\r\nLocation: http://127.0.0.1:60002/b" : "200 OK";
    await conn.write(answer(status, head!));
  });
  await withSession({}, async (session) => {
    const options = { proxy: proxy.url };
    await using response = await session.get("http://127.0.0.1:60001/a", options);
    assert((await response.text()).startsWith("GET http://127.0.0.1:60002/b HTTP/1.1"));
  });
});

Deno.test("TCPConnector goes by the proxies of the environment, and by none where that says so", async () => {
  const program = new URL("programs/proxy_client.ts", import.meta.url);
  const end = await runProgram(program, ["--allow-env", "--allow-net=127.0.0.1"]);
  assertEquals([end.code, end.out, end.err], [0, "site\nproxy\nsite\nproxy\nsite\n", ""]);
});

Deno.test("TCPConnector closes the connection after each request if forceClose is set", async () => {
  const left = Promise.withResolvers<void>();
  await using site = new RawSite(async (conn, number) => {
    while (await conn.head() !== null) await conn.write("HTTP/1.1 204 No Content\r\n\r\n");
    if (number === 2) left.resolve();
  });
  await withSession({ connector: new TCPConnector({ forceClose: true }) }, async (session) => {
    for (let i = 0; i < 2; i++) await session.get(site.url);
    assertEquals(site.connections, 2);
    await left.promise;
  });
});

Deno.test("ClientSession.get() asks for another host than the one it connects to, if told so", async () => {
  await using site = serve((request) => {
    const { host, pathname } = new URL(request.url);
    if (pathname !== "/elsewhere") return new Response(host);
    return new Response(null, { status: 302, headers: { location: `http://localhost:${port}/` } });
  });
  const { port } = site;
  await withSession({ headers: { host: "one.example" } }, async (session) => {
    const ask = async (path: string, headers: HeadersInit = {}): Promise<string> => {
      await using response = await session.get(site.url + path, { headers });
      return await response.text();
    };
    assertEquals(await ask(""), "one.example");
    assertEquals(await ask("", { host: "two.example" }), "two.example");
    // The `Host` header was meant for one origin.
    assertEquals(await ask("elsewhere"), `localhost:${port}`);
    session.headers.delete("host");
    assertEquals(await ask(""), `127.0.0.1:${port}`);
  });
});

Deno.test("UnixConnector makes its requests over a Unix socket", async () => {
  const program = new URL("programs/unix_client.ts", import.meta.url);
  const end = await runProgram(program, ["--allow-all"]);
  assertEquals([end.code, end.out, end.err], [0, "any.example\n", ""]);
});

/** Makes a self-signed certificate for 127.0.0.1; null if there is no openssl. */
async function certificate(): Promise<{ cert: string; key: string } | null> {
  const folder = await Deno.makeTempDir();
  try {
    const { success } = await new Deno.Command("openssl", {
      args:
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
          .concat(
            " -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out cert.pem",
          ).split(" "),
      cwd: folder,
      stderr: "null",
    }).output();
    if (!success) return null;
    const read = (name: string): Promise<string> => Deno.readTextFile(`${folder}/${name}`);
    return { cert: await read("cert.pem"), key: await read("key.pem") };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const identity = await certificate();

Deno.test({
  name: "TCPConnector trusts the certificates that it is given, and no others",
  ignore: identity === null,
  async fn() {
    const options = { hostname: "127.0.0.1", port: 0, onListen: (): void => {}, ...identity! };
    const aborter = new AbortController();
    const server = Deno.serve({ ...options, signal: aborter.signal }, (request) => {
      return new Response(new URL(request.url).protocol);
    });
    const url = `https://127.0.0.1:${server.addr.port}/`;
    await withSession({}, async (session) => {
      const error = await assertRejects(
        async () => await session.get(url),
        ClientConnectorCertificateError,
      );
      assert(/certificate|UnknownIssuer/i.test(error.message), error.message);
      assertEquals(error.name, "ClientConnectorCertificateError");
      assertInstanceOf(error, ClientConnectorError);
      const socket = async () => await session.wsConnect(url);
      await assertRejects(socket, ClientConnectorCertificateError);
    });
    let retries = 0;
    const retry = retryMiddleware({ backoff: () => 0, onRetry: () => retries++ });
    await withSession({ middlewares: [retry] }, async (session) => {
      await assertRejects(async () => await session.get(url), ClientConnectorCertificateError);
      assertEquals(retries, 0); // a retry would fail in the same way
    });
    const connector = new TCPConnector({ caCerts: [identity!.cert], keepaliveTimeout: 5 });
    await withSession({ connector }, async (session) => {
      await using response = await session.get(url);
      assertEquals(await response.text(), "https:");
    });
    aborter.abort();
    await server.finished;
  },
});
