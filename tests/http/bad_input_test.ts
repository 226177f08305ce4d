/**
 * What no client should send, over raw connections: the server gives each request the right answer
 * or hangs up, and goes on serving.
 *
 * @module
 */

import {
  Application,
  cookies,
  matchInfo,
  query,
  readJson,
  readMultipart,
  readPost,
  readText,
  TestServer,
} from "@aio/asyncio/http";
import { assert, assertEquals } from "../_support/assert.ts";
import { captureReports, Client, parseResponse, test } from "./_support.ts";

const FOLDER = new URL("browser/", import.meta.url);

/** An application with a handler for each thing that can be read; the path tells which. */
function application(): Application {
  const app = new Application({ clientMaxSize: 1000 });
  const { router } = app;
  router.addPost("/text", async (request) => new Response(await readText(request)));
  router.addPost("/json", async (request) => Response.json(await readJson(request)));
  router.addPost("/post", async (request) => Response.json([...await readPost(request)]));
  router.addPost("/parts", async (request) => {
    const names: (string | null)[] = [];
    for await (const part of readMultipart(request)) {
      await part.read();
      names.push(part.name);
    }
    return Response.json(names);
  });
  router.addGet("/cookies", (request) => Response.json([...cookies(request)]));
  router.addGet("/query", (request) => Response.json([...query(request)]));
  router.addGet("/n/{name}", (request) => Response.json(matchInfo(request).name));
  router.addGet("/d/{number:\\d+}", (request) => Response.json(matchInfo(request).number));
  router.addStatic("/s", FOLDER);
  router.addGet("/fail", () => {
    throw new Error("secret");
  });
  return app;
}

/** A request without a body. */
function get(target: string, ...headers: string[]): string {
  const lines = ["Host: a", "Connection: close", ...headers].map((line) => `${line}\r\n`);
  return `GET ${target} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** A request to a host. */
function ask(host: string): string {
  return get("/query").replace("Host: a", `Host: ${host}`);
}

/** A request with a body and its length, unless a header says how the body ends. */
function post(target: string, body: string, ...headers: string[]): string {
  const says = headers.some((line) => /^(?:content-length|transfer-encoding):/i.test(line));
  const length = says ? [] : [`Content-Length: ${body.length}`];
  return get(target, ...headers, ...length).replace("GET", "POST") + body;
}

const CHUNKED = "Transfer-Encoding: chunked";
const JSON_TYPE = "Content-Type: application/json";
const FORM = "Content-Type: application/x-www-form-urlencoded";
const PARTS = "Content-Type: multipart/form-data; boundary=b";
const FIELD = 'Content-Disposition: form-data; name="a"';

/** Requests, and the status that each gets; null if the server may just hang up. */
const TABLE: Record<string, Record<string, [request: string, status: number | null]>> = {
  "request lines": {
    "nothing but line breaks": ["\r\n\r\n\r\n", null],
    "no method": [" / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    "a method that is none": ["G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    "a method that nobody has": [get("/query").replace("GET", "BREW"), 405],
    "a method in small letters": [get("/query").replace("GET", "get"), 405],
    "TLS": ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
    "HTTP/2 from the start, broken off": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense", null],
    "bytes": ["\xff\xfe\0\x01\r\n\r\n", 400],
  },
  "URLs": {
    "another host": [get("http://other/query?a=1"), 200],
    "another host without a path": [get("http://other?a=/query"), 404],
    "a path in the query": [get("/query?a=/n/a?b=/c"), 200],
    "no slash": [get("query"), 400],
    "a NUL": [get("/n/a\0b"), 400],
    "a line break": [get("/n/a\nb"), 400],
    "an encoded line break": [get("/n/a%0d%0ab"), 200],
    "half an escape": [get("/n/%4"), 200],
    "an escape that is none": [get("/n/%zz"), 200],
    "bad UTF-8 in an escape": [get("/n/%ff%fe"), 200],
    "an encoded slash": [get("/n/a%2fb"), 200],
    "two dots": [get("/n/../../x"), 404],
    "encoded dots": [get("/n/%2e%2e/x"), 404],
    "no number": [get("/d/12a"), 404],
    "a number in other digits": [get("/d/%D9%A1"), 404],
    "a path of 60 000 bytes": [get(`/x/${"a".repeat(60_000)}`), 404],
    "a path that is too long": [get(`/n/${"a".repeat(1 << 20)}`), null],
    "a query of nonsense": [get("/query?%zz&=&&a=%ff&__proto__=1"), 200],
    "braces, as in aiohttp": [get("/n/{name}"), 404],
  },
  "hosts": {
    "no host": ["GET /query HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 200],
    "a port": [ask("a:80"), 200],
    "an address": [ask("[::1]:8080"), 200],
    "a question mark": [ask("a?b="), 400],
    "a hash": [ask("a#b"), 400],
    "a space": [ask("a b"), 400],
    "a user": [ask("user@a"), 400],
    "a backslash": [ask("a\\b"), 400],
    "an escape that is none": [ask("a%zz"), 400],
    "a port that is too large": [ask("a:99999"), 400],
    "a broken address": [ask("[::1"), 400],
    "two": [ask("a\r\nHost: b"), 400],
    "a user in the URL": [get("http://user@a/query"), 400],
    "a path of its own": [ask("a/n/a?"), 400],
    "a path and a hash": [ask("a/n/a#"), 400],
    "a path and a variable": [ask("a/n/a?b="), 400],
  },
  "headers": {
    "no host": ["GET /query HTTP/1.1\r\nConnection: close\r\n\r\n", 200],
    "a name with a space": [get("/query", "A b: c"), 400],
    "no name": [get("/query", ": c"), 400],
    "a folded line": [get("/query", "A: b\r\n c"), 400],
    "a bare line break": [get("/query", "A: b\rc"), 400],
    "far too many": [get("/query", ...Array(1000).fill("A: b")), null],
    "an unknown expectation": [post("/text", "x", "Expect: nonsense"), 200],
  },
  "bodies": {
    "a length that overflows": [post("/text", "x", `Content-Length: ${"9".repeat(30)}`), null],
    "a length that is too large": [post("/text", "", "Content-Length: 1001"), 413],
    "a length in hex": [post("/text", "x", "Content-Length: 0x1"), 400],
    "a length with a sign": [post("/text", "x", "Content-Length: +1"), 400],
    "a list of lengths": [post("/text", "x", "Content-Length: 1, 2"), 400],
    "too much in chunks": [post("/text", `3e9\r\n${"x".repeat(1001)}\r\n0\r\n\r\n`, CHUNKED), 413],
    "an unknown transfer coding": [post("/text", "x", "Transfer-Encoding: nonsense"), null],
    "a chunk without its end": [post("/text", "1\r\nxx\r\n0\r\n\r\n", CHUNKED), null],
    "a chunk of more than there is": [
      post("/text", `${"f".repeat(17)}\r\nx\r\n0\r\n\r\n`, CHUNKED),
      null,
    ],
    "a chunk of a negative size": [post("/text", "-1\r\nx\r\n0\r\n\r\n", CHUNKED), null],
    "bad UTF-8": [post("/text", "\xff"), 400],
    "an unknown charset": [post("/text", "x", "Content-Type: text/plain; charset=x"), 415],
    "a compressed one, as it is": [post("/json", "\x1f\x8b", "Content-Encoding: gzip"), 400],
    "no JSON": [post("/json", "{", JSON_TYPE), 400],
    "JSON that is nothing": [post("/json", "", JSON_TYPE), 400],
    "JSON with a secret name": [post("/json", '{"__proto__": {"a": 1}}', JSON_TYPE), 200],
    "JSON that is deep": [post("/json", "[".repeat(1000), JSON_TYPE), 400],
    "JSON in UTF-16": [post("/json", "\xff\xfe[\0]\0", JSON_TYPE), 400],
  },
  "forms": {
    "bad escapes": [post("/post", "a=%zz&%=&==", FORM), 200],
    "bad UTF-8": [post("/post", "a=\xff", FORM), 200],
    "another type": [post("/post", "a=1", "Content-Type: nonsense"), 200],
    "no boundary": [post("/post", "--b--", "Content-Type: multipart/form-data"), 400],
    "a boundary that is not there": [post("/post", "a=1", PARTS), 400],
    "no end": [post("/post", `--b\r\n${FIELD}\r\n\r\nx`, PARTS), 400],
    "a part without a name": [post("/post", "--b\r\n\r\nx\r\n--b--\r\n", PARTS), 400],
    "nothing": [post("/post", "", PARTS), 400],
  },
  "multipart": {
    "another type": [post("/parts", "a=1", FORM), 415],
    "no type": [post("/parts", "a=1"), 415],
    "no boundary": [post("/parts", "--b--", "Content-Type: multipart/form-data"), 400],
    "a boundary that is not there": [post("/parts", "a=1", PARTS), 400],
    "no end": [post("/parts", `--b\r\n${FIELD}\r\n\r\nx`, PARTS), 400],
    "headers without end": [post("/parts", `--b\r\n${FIELD}`, PARTS), 400],
    "bare line breaks": [post("/parts", `--b\n${FIELD}\n\nx\n--b--\n`, PARTS), 400],
    "too large in chunks": [
      post("/parts", `3e9\r\n--b\r\n\r\n${"x".repeat(994)}\r\n0\r\n\r\n`, PARTS, CHUNKED),
      413,
    ],
    "broken off in chunks": [post("/parts", `5\r\n--b\r\n\r\nnonsense`, PARTS, CHUNKED), null],
  },
  "cookies": {
    "nonsense": [get("/cookies", "Cookie: ;;=;a;=b;a b=c"), 200],
    "a control character": [get("/cookies", "Cookie: a=\x7f"), 400],
    "bytes": [get("/cookies", "Cookie: a=\xff\xfe"), 200],
    "a secret name": [get("/cookies", "Cookie: __proto__=x; constructor=y"), 200],
    "a quote without end": [get("/cookies", 'Cookie: a="b'), 200],
    "a thousand": [get("/cookies", `Cookie: ${"a=b;".repeat(1000)}`), 200],
  },
  "files": {
    "a part beyond the end": [get("/s/page.js", "Range: bytes=999999-"), 416],
    "no unit": [get("/s/page.js", "Range: 0-1"), 200],
    "a unit that is none": [get("/s/page.js", "Range: lines=0-1"), 200],
    "a thousand parts": [get("/s/page.js", `Range: bytes=${"0-1,".repeat(1000)}0-1`), 200],
    "a date that is none": [get("/s/page.js", "If-Modified-Since: soon"), 200],
    "a tag that is none": [get("/s/page.js", 'If-None-Match: "'), 200],
    "out of the folder": [get("/s/../../../etc/passwd"), 404],
    "out of the folder, encoded": [get("/s/%2e%2e%2f%2e%2e%2fetc/passwd"), 404],
    "out of the folder, with backslashes": [get("/s/..\\..\\etc\\passwd"), 404],
    "an absolute path": [get("/s//etc/passwd"), 404],
    "a NUL": [get("/s/page.js%00.txt"), 404],
    "bad UTF-8": [get("/s/%ff"), 404],
    "a name that is too long": [get(`/s/${"a".repeat(5000)}`), 404],
  },
};

/** Returns the status that the server answers, or null if it hangs up without an answer. */
async function answerTo(port: number, request: string, isWhole: boolean): Promise<number | null> {
  using client = await Client.connect(port);
  try {
    await client.send(request);
  } catch (error) {
    const { BrokenPipe, ConnectionReset } = Deno.errors;
    // The request was refused before all of it was sent.
    if (!(error instanceof BrokenPipe || error instanceof ConnectionReset)) throw error;
  }
  // A request that is not complete may never get an answer, since nothing follows it.
  const answer = isWhole ? await client.line() : await client.leave();
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(answer) ?? [];
  return status === undefined ? null : Number(status);
}

for (const [what, cases] of Object.entries(TABLE)) {
  test(`Application answers bad ${what} as it should, and goes on`, async () => {
    using reports = captureReports();
    const app = application();
    await using server = await TestServer.start(app);
    for (const [name, [request, status]] of Object.entries(cases)) {
      const answer = await answerTo(server.port, request, status !== null);
      if (status !== null) assertEquals([name, answer], [name, status]);
      else assert(answer === null || (answer >= 400 && answer < 500), `${name}: ${answer}`);
      assertEquals(await answerTo(server.port, get("/query"), true), 200);
    }
    assertEquals(reports.messages, []);
    await server[Symbol.asyncDispose]();
    assertEquals(app._running.length, 0);
  });
}

test("Application answers 500 to all the world when a handler fails, and logs the stack", async () => {
  using reports = captureReports();
  await using server = await TestServer.start(application());
  using client = await Client.connect(server.port);
  await client.send(get("/fail"));
  const { status, headers, body } = parseResponse(await client.rest());
  assertEquals([status, body], [500, "500 Internal Server Error\n\nServer got itself in trouble"]);
  assert(!JSON.stringify([...headers]).includes("secret"));
  assertEquals(reports.messages.length, 1);
  assert(
    /GET http:\/\/a\/fail[^]*Error: secret[^]* at .*bad_input_test\.ts:\d+/.test(
      reports.messages[0]!,
    ),
    reports.messages[0],
  );
});
