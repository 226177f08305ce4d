/**
 * The three web applications, asked what was asked of the chapter's scripts on aiohttp. Compared
 * are the status and its reason, the body, and the headers Content-Type, Content-Length and Allow.
 * What differs and does not matter: a charset is `UTF-8` here and `utf-8` there (case means
 * nothing in it), `Server` is not sent, and `Vary: Accept-Encoding` may be.
 *
 * @module
 */

import { assertEquals, assertMatch, assertStringIncludes } from "../_support/assert.ts";
import { ask, Client, LOCAL, Script, temporaryFolder, test } from "./_support.ts";
import type { HttpResponse } from "./_support.ts";
import { transcripts } from "./_transcripts.ts";
import type { WebResponse, WebTranscript } from "./_transcripts.ts";

const { simple_async_web_app: simple, static_page_server: page, multiple_routes: routes } =
  transcripts.scripts;

/** All web applications, and what was recorded; `name (what it is run with)`. */
const APPLICATIONS: Record<string, WebTranscript> = {
  "simple_async_web_app": simple,
  "static_page_server (with its file)": page.with_index_html,
  "static_page_server (without its file)": page.without_index_html,
  "multiple_routes": routes,
};

/** A type and its parameters, in which neither case nor space means anything. */
function contentType(value: string | null): string[] {
  return (value ?? "").toLowerCase().split(/\s*;\s*/);
}

/** What is compared, of an answer here and of one that was recorded. */
function here(request: string, { status, reason, headers, body }: HttpResponse): unknown {
  const type = contentType(headers.get("content-type"));
  const length = headers.get("content-length");
  return { request, status, reason, type, length, allow: headers.get("allow"), body };
}
function there(recorded: WebResponse): unknown {
  const { request, status, reason, allow, body } = recorded;
  const type = contentType(recorded.content_type);
  return { request, status, reason, type, length: recorded.content_length, allow, body };
}

for (const [title, recorded] of Object.entries(APPLICATIONS)) {
  const name = title.split(" ")[0]!;
  test(`parity: ${title} answers and ends as on aiohttp when asked, then interrupted`, async () => {
    await using folder = await temporaryFolder();
    for (const [file, text] of Object.entries(recorded.files)) {
      await Deno.writeTextFile(`${folder.path}/${file}`, text);
    }
    const isPage = name === "static_page_server";
    const flags = isPage ? ["--file", `${folder.path}/index.html`] : [];
    // The host is the default one, as the line that says where it runs must be aiohttp's.
    const permissions = ["--allow-net=0.0.0.0", ...isPage ? [`--allow-read=${folder.path}`] : []];
    await using script = new Script(name, [...flags, "--port", "0"], permissions);
    const port = await script.port();
    for (const response of recorded.responses) {
      assertEquals(here(response.request, await ask(port, response.request)), there(response));
    }
    script.signal("SIGINT");
    const { code, lines, err } = await script.end();
    assertEquals(lines.map((line) => line.replace(`:${port} `, ":8080 ")), recorded.stdout);
    assertEquals([code, err], [recorded.exit_code_after_sigint, ""]);
  });
}

for (const name of ["simple_async_web_app", "static_page_server", "multiple_routes"]) {
  test(`${name} ends well when it gets SIGTERM`, async () => {
    await using script = new Script(name, LOCAL);
    await script.port();
    script.signal("SIGTERM");
    const { code, lines, err } = await script.end();
    assertEquals([code, lines.length, err], [0, 2, ""]);
  });

  test(`${name} says so and fails when its port is in use`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const port = String(listener.addr.port);
    await using script = new Script(name, ["--host", "127.0.0.1", "--port", port]);
    const { code, lines, err } = await script.end();
    assertEquals([code, lines], [1, []]);
    assertStringIncludes(err, "AddrInUse: Address already in use");
  });

  test(`${name} says so and fails when a flag or a port is wrong`, async () => {
    const wrong: [string[], RegExp][] = [
      [["--nope"], /Unknown option '--nope'/],
      [["nope"], /Unexpected argument 'nope'/],
      [[...LOCAL, "--port", "http"], /Invalid port/],
      [[...LOCAL, "--port", "65536"], /Invalid port.*65536/],
    ];
    for (const [flags, message] of wrong) {
      await using script = new Script(name, flags);
      const { code, lines, err } = await script.end();
      assertEquals([code, lines], [1, []]);
      assertMatch(err, message);
    }
  });
}

test("static_page_server serves the page beside it when told no file", async () => {
  await using script = new Script("static_page_server", LOCAL);
  const { status, headers, body } = await ask(await script.port(), "GET /");
  assertEquals(status, 200);
  assertEquals(contentType(headers.get("content-type")), ["text/html", "charset=utf-8"]);
  assertStringIncludes(body, "你好，世界");
});

test("static_page_server sees it when its file comes and goes", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/index.html`;
  await using script = new Script("static_page_server", [...LOCAL, "--file", file]);
  const port = await script.port();
  const seen: [number, string][] = [];
  const look = async (): Promise<void> => {
    const { status, body } = await ask(port, "GET /");
    seen.push([status, body]);
  };
  await look();
  await Deno.writeTextFile(file, "<p>早");
  await look();
  await Deno.remove(file);
  await look();
  assertEquals(seen, [[404, "Page not found"], [200, "<p>早"], [404, "Page not found"]]);
});

test("static_page_server answers 500 and goes on when its file can't be read", async () => {
  await using folder = await temporaryFolder();
  await using script = new Script("static_page_server", [...LOCAL, "--file", folder.path]);
  const port = await script.port();
  for (let i = 0; i < 2; i++) assertEquals((await ask(port, "GET /")).status, 500);
  script.signal("SIGINT");
  const { code, err } = await script.end();
  assertEquals(code, 0);
  assertEquals(err.match(/Error handling request/g)?.length, 2);
});

test("simple_async_web_app goes on and ends well when clients send nonsense and stay", async () => {
  await using script = new Script("simple_async_web_app", LOCAL);
  const port = await script.port();
  const nonsense = {
    "nothing": "",
    "half a line": "GET / HT",
    "half a head": "GET / HTTP/1.1\r\nHost: a\r\n",
    "garbage": "\0\xff\x16\x03\x01".repeat(100) + "\r\n\r\n",
    "a header that is too long": `GET / HTTP/1.1\r\nHost: a\r\nA: ${"a".repeat(1 << 20)}`,
  };
  using stack = new DisposableStack();
  for (const text of Object.values(nonsense)) {
    const client = stack.use(await Client.connect(port));
    await client.send(text).catch((error) => {
      // The server may hang up before it has read all.
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    });
    assertEquals((await ask(port, "GET /")).body, "Hello, World!");
  }
  script.signal("SIGINT");
  const { code, err } = await script.end();
  assertEquals([code, err], [0, ""]);
});

test("simple_async_web_app answers all when 200 ask at once", async () => {
  await using script = new Script("simple_async_web_app", LOCAL);
  const port = await script.port();
  const all = await Promise.all(Array.from({ length: 200 }, () => ask(port, "GET /")));
  assertEquals(
    new Set(all.map(({ status, body }) => `${status} ${body}`)),
    new Set(["200 Hello, World!"]),
  );
});
