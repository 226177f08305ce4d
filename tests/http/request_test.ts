/**
 * What handlers read from their requests: bodies and their limit, JSON, forms, cookies, queries.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  gather,
  getRunningLoop,
  run,
  RuntimeError,
  sleep,
} from "@aio/asyncio";
import {
  Application,
  bodyExists,
  ClientSession,
  cookies,
  lastEventId,
  matchInfo,
  query,
  readBytes,
  readChunks,
  readJson,
  readMultipart,
  readPost,
  readText,
  remote,
  StreamResponse,
  TestServer,
} from "@aio/asyncio/http";
import type { BodyPart, Handler, Middleware, RequestData } from "@aio/asyncio/http";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "../_support/assert.ts";
import { bytesOf, captureReports, Client, exchange, parseResponse, test } from "./_support.ts";
import record from "./parity.json" with { type: "json" };

const LIMIT = 1000;
const encoder = new TextEncoder();

/** Handlers that read the body with our helpers and with the web platform's methods. */
const READERS: Record<string, Handler> = {
  "readText()": async (request) => new Response(`${(await readText(request)).length}`),
  "readJson()": async (request) =>
    new Response(`${JSON.stringify(await readJson(request)).length}`),
  "readBytes()": async (request) => new Response(`${(await readBytes(request)).length}`),
  "readChunks()": async (request) => {
    let size = 0;
    for await (const chunk of readChunks(request)) size += chunk.length;
    return new Response(`${size}`);
  },
  "request.text()": async (request) => new Response(`${(await request.text()).length}`),
  "request.bytes()": async (request) => new Response(`${(await request.bytes()).length}`),
  "request.body": async (request) => {
    let size = 0;
    for await (const chunk of request.body!) size += chunk.length;
    return new Response(`${size}`);
  },
};

function readingApp(): Application {
  const app = new Application({ clientMaxSize: LIMIT });
  for (const [name, handler] of Object.entries(READERS)) {
    const path = `/${encodeURIComponent(name)}`;
    app.router.addPost(path, handler);
    app.router.addPost(`${path}/larger`, handler, { clientMaxSize: 2 * LIMIT });
    app.router.addPost(`${path}/any`, handler, { clientMaxSize: null });
  }
  return app;
}

/** A body of digits, sent whole with its length, or in chunks without it. */
function sized(size: number, chunked: boolean): RequestInit {
  const body = "1".repeat(size);
  return { method: "POST", body: chunked ? new Blob([body]).stream() : body };
}

for (const chunked of [false, true]) {
  const how = chunked ? "in chunks" : "with its length";
  test(`Application refuses a body that is too large and comes ${how}`, async () => {
    await using server = await TestServer.start(readingApp());
    for (const name of Object.keys(READERS)) {
      const path = `/${encodeURIComponent(name)}`;
      const status = async (path: string, size: number): Promise<number> => {
        const response = await server.request(path, sized(size, chunked));
        await response.body?.cancel();
        return response.status;
      };
      const seen = [
        await status(path, LIMIT),
        await status(path, LIMIT + 1),
        await status(`${path}/larger`, 2 * LIMIT),
        await status(`${path}/larger`, 2 * LIMIT + 1),
        await status(`${path}/any`, 100 * LIMIT),
      ];
      assertEquals([name, ...seen], [name, 200, 413, 200, 413, 200]);
    }
  });
}

test("Application takes a body of 1 MiB, and no more, unless told otherwise", async () => {
  const app = new Application();
  app.router.addPost("/", async (request) => new Response(await request.text()));
  for (const [size, status] of [[1024 ** 2, 200], [1024 ** 2 + 1, 413]] as const) {
    const response = await app.request("/", { method: "POST", body: "a".repeat(size) });
    assertEquals([response.status, (await response.text()).length > 10], [status, true]);
  }
});

test("Application tells a client whose body is too large how large it may be", async () => {
  const app = new Application({ clientMaxSize: 4 });
  app.router.addPost("/", () => new Response("never"));
  const init = { method: "POST", body: "12345", headers: { "content-length": "5" } };
  const response = await app.request("/", init);
  const text = "Maximum request body size 4 exceeded, actual body size 5";
  assertEquals([response.status, await response.text()], [413, text]);
});

test("Application answers malformed requests with 400, or hangs up, and goes on", async () => {
  const app = new Application();
  app.router.addRoute("*", "/{path:.*}", async (request) => new Response(await readText(request)));
  await using server = await TestServer.start(app);
  const head = "Host: a\r\nConnection: close\r\n";
  const requests: Record<string, string> = {
    "two lengths": `POST / HTTP/1.1\r\n${head}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
    "a length that is none": `POST / HTTP/1.1\r\n${head}Content-Length: x\r\n\r\nabcd`,
    "a negative length": `POST / HTTP/1.1\r\n${head}Content-Length: -1\r\n\r\nabcd`,
    "length and chunks":
      `POST / HTTP/1.1\r\n${head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "a chunk that is none":
      `POST / HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n`,
    "no version": "GET /\r\n\r\n",
    "a version that is none": `GET / HTTP/9.9\r\n${head}\r\n`,
    "a space in the path": `GET /a b HTTP/1.1\r\n${head}\r\n`,
    "a header without colon": `GET / HTTP/1.1\r\n${head}nonsense\r\n\r\n`,
    "a NUL in a header": `GET / HTTP/1.1\r\n${head}A: \0\r\n\r\n`,
    "a header that is too long": `GET / HTTP/1.1\r\n${head}A: ${"a".repeat(1 << 19)}\r\n\r\n`,
    "no path": `GET * HTTP/1.1\r\n${head}\r\n`,
  };
  for (const [name, request] of Object.entries(requests)) {
    const answer = await exchange(server.port, request).catch(() => null);
    assert(answer === null || answer.status === 400, `${name}: ${answer?.status}`);
    assertEquals((await exchange(server.port, `GET / HTTP/1.1\r\n${head}\r\n`)).status, 200);
  }
});

for (const read of [readText, readJson]) {
  test(`parity: ${read.name}() lets no turn of the loop pass where the body is there`, async () => {
    let order: string[] = [];
    let turned = (): void => {};
    const app = new Application();
    const watch = (): void => {
      order = [];
      getRunningLoop().callSoon(() => {
        order.push("turn");
        turned();
      });
    };
    app.router.addPost("/async", async (request) => {
      await sleep(0);
      watch();
      await read(request);
      order.push("read");
      await sleep(0);
      return new Response();
    });
    app.router.addPost("/generator", function* (request) {
      yield* sleep(0);
      watch();
      yield* read(request);
      order.push("read");
      yield* sleep(0);
      return new Response();
    });
    await using server = await TestServer.start(app);
    for (const path of ["/async", "/generator"]) {
      const head =
        `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\n`;
      assertEquals((await exchange(server.port, `${head}[1]`)).status, 200);
      assertEquals([path, ...order], [path, "read", "turn"]);

      using late = await Client.connect(server.port);
      const { promise, resolve } = Promise.withResolvers<void>();
      turned = resolve;
      await late.send(head);
      await promise;
      await late.send("[1]");
      assertEquals(parseResponse(await late.rest()).status, 200);
      assertEquals([path, ...order], [path, "turn", "read"]);
    }
  });
}

test("readJson() answers 400 to what is no JSON", async () => {
  const app = new Application();
  app.router.addPost("/", async (request) => Response.json(await readJson(request)));
  const bodies: [body: string, status: number][] = [
    ['{"a": [1, "é"]}', 200],
    ["null", 200],
    ["", 400],
    ["{", 400],
    ["{'a': 1}", 400],
    ["[1,]", 400],
    ["NaN", 400],
    ['"\n"', 400],
  ];
  for (const [body, status] of bodies) {
    const response = await app.request("/", { method: "POST", body });
    const text = await response.text();
    assertEquals([body, response.status], [body, status]);
    if (status === 400) assert(/^400: Malformed/.test(text), text);
  }
});

test("readJson() and its like tell a program, not the client, that a body was read before", async () => {
  const readers: Record<string, Handler> = {
    ...READERS,
    "readPost()": async (request) => Response.json([...await readPost(request)]),
    "readMultipart()": async (request) => {
      for await (const part of readMultipart(request)) await part.read();
      return new Response();
    },
  };
  for (const [name, reader] of Object.entries(readers)) {
    if (!name.startsWith("read")) continue;
    await using app = new Application({
      middlewares: [async (request, handler) => {
        await request.clone().text(); // a copy may be read as well
        await readText(request);
        return await handler(request);
      }],
    });
    app.router.addPost("/", reader);
    using reports = captureReports();
    const body = new FormData();
    body.set("a", "1");
    const response = await app.request("/", { method: "POST", body });
    assertEquals([name, response.status], [name, 500]);
    await response.body?.cancel();
    const text = "Cannot read body: it was read already, and not from a request.clone()";
    assert(reports.messages[0]!.includes(text), name);
  }
});

test("readText() decodes as Content-Type says, and refuses what it can't decode", async () => {
  const app = new Application();
  app.router.addPost("/", async (request) => new Response(await readText(request)));
  const cases: [charset: string, bytes: number[], status: number, text?: string][] = [
    ["utf-8", [0xc3, 0xa9], 200, "é"],
    ["latin1", [0xe9], 200, "é"],
    ["latin-1", [0xe9], 200, "é"], // as Python calls it
    ["gb18030", [0xc4, 0xe3], 200, "你"],
    ["utf-8", [0xe9], 400],
    ["nonsense", [0x61], 415],
  ];
  for (const [charset, bytes, status, text] of cases) {
    const headers = { "content-type": `text/plain; charset="${charset}"` };
    const response = await app.request("/", {
      method: "POST",
      body: new Uint8Array(bytes),
      headers,
    });
    const body = await response.text();
    assertEquals([response.status, text === undefined ? undefined : body], [status, text]);
  }
});

test("readJson() ends when a client breaks its body off, and the server goes on", async () => {
  const app = new Application();
  const { promise: failed, resolve } = Promise.withResolvers<unknown>();
  app.router.addPost("/", async (request) => {
    try {
      return Response.json(await readJson(request));
    } catch (error) {
      resolve(error);
      throw error;
    }
  });
  app.router.addGet("/", () => new Response("on"));
  await using server = await TestServer.start(app);
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await conn.write(
    encoder.encode('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"a'),
  );
  conn.close();
  assert(
    /^(CancelledError|HTTPBadRequest)$/.test((await failed as Error).name),
    String(await failed),
  );
  assertEquals(await (await server.request("/")).text(), "on");
});

test("readText() and its like answer 400 to chunks that are malformed, and log nothing", async () => {
  await using upstream = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => new Response(await request.text().catch(() => "broken")),
  );
  const url = `http://127.0.0.1:${upstream.addr.port}/`;
  const proxy = async (data: RequestData): Promise<Response> => {
    await using session = new ClientSession();
    await using response = await session.post(url, { data });
    return new Response(await response.text());
  };
  const app = new Application();
  const readers: Record<string, Handler> = {
    "/text": async (request) => new Response(await readText(request)),
    "/json": async (request) => Response.json(await readJson(request)),
    "/bytes": async (request) => new Response(await readBytes(request)),
    "/chunks": async (request) => Response.json(await Array.fromAsync(readChunks(request))),
    "/post": async (request) => Response.json([...await readPost(request)]),
    "/parts": async (request) => Response.json(await Array.fromAsync(readMultipart(request))),
    "/proxy": (request) => proxy(request.body!),
    "/proxy-chunks": (request) => proxy(readChunks(request)),
  };
  let began = (): void => {};
  for (const [path, reader] of Object.entries(readers)) {
    const handler: Handler = (request) => {
      began();
      return reader(request);
    };
    app.router.addPost(path, handler);
    app.router.addPost(`${path}/any`, handler, { clientMaxSize: null });
  }
  using reports = captureReports();
  await using server = await TestServer.start(app);
  for (const path of Object.keys(readers).flatMap((path) => [path, `${path}/any`])) {
    const { promise, resolve } = Promise.withResolvers<void>();
    began = resolve;
    const type = path.startsWith("/parts") ? "multipart/form-data; boundary=b" : FORM;
    const head =
      `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: ${type}\r\n`;
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await conn.write(encoder.encode(`${head}Transfer-Encoding: chunked\r\n\r\n2\r\n--\r\n`));
    await promise;
    await conn.write(encoder.encode("zz\r\n"));
    const answer = await new Response(conn.readable).text();
    assertEquals([path, answer.split("\r\n")[0]], [path, "HTTP/1.1 400 Bad Request"]);
  }
  assertEquals(reports.messages, []);
});

const FORM = "application/x-www-form-urlencoded";

test("readPost() reads forms, and takes what is none for an empty one", async () => {
  const app = new Application();
  app.router.addPost("/", async (request) => Response.json([...await readPost(request)]));
  const cases: [type: string, body: string, entries: unknown][] = [
    [FORM, "a=1&a=2&b=x+y%20z&c", [["a", "1"], ["a", "2"], ["b", "x y z"], ["c", ""]]],
    [`${FORM}; charset=utf-8`, "a=%C3%A9&b=%zz", [["a", "é"], ["b", "%zz"]]],
    [FORM, "", []],
    ["text/plain", "a=1", []],
    [`${FORM}x`, "a=1", []],
  ];
  for (const [type, body, entries] of cases) {
    const headers = { "content-type": type };
    const response = await app.request("/", { method: "POST", body, headers });
    assertEquals(await response.json(), entries);
  }
});

test("readPost() gives the fields and files of a form, and answers 400 to what is none", async () => {
  await using app = new Application();
  const seen: [string, string | File][] = [];
  app.router.addPost("/", async (request) => {
    seen.splice(0, Infinity, ...await readPost(request));
    return new Response();
  });
  const sent = new FormData();
  sent.append("a", "ü\r\n");
  sent.append("a", "2");
  sent.append("f", new File([new Uint8Array([0, 255, 13, 10])], 'x"y.bin', { type: "image/png" }));
  sent.append("none", new File([], ""));
  assertEquals((await app.request("/", { method: "POST", body: sent })).status, 200);
  assertEquals(seen.map(([name]) => name), ["a", "a", "f", "none"]);
  assertEquals([seen[0]![1], seen[1]![1]], ["ü\r\n", "2"]);
  const file = seen[2]![1] as File;
  assertEquals([file.name, file.type], ['x"y.bin', "image/png"]);
  assertEquals(await file.bytes(), new Uint8Array([0, 255, 13, 10]));
  const none = seen[3]![1] as File;
  assertEquals([none.name, none.size], ["", 0]);
  const headers = { "content-type": "multipart/form-data; boundary=b" };
  const field = 'Content-Disposition: form-data; name="a"';
  for (const text of [`--b|${field}||x|`, `--b|${field}||x|--c--`, "--b|A: b||x|--b--", ""]) {
    const response = await app.request("/", { method: "POST", body: multipart(text), headers });
    assertEquals([text, response.status], [text, 400]);
  }
});

/** The body of a form, with `|` for line breaks. */
const multipart = (text: string): string => text.replaceAll("|", "\r\n");

const FILE = 'Content-Disposition: form-data; name="f"; filename="a.txt"|Content-Type: text/plain';

/** Bodies with the boundary `b`, and what is in them: name, file name, content; or the status. */
const BODIES: [
  what: string,
  body: string,
  parts: [string | null, string | null, string][] | number,
][] = [
  [
    "a field and a file",
    `--b|Content-Disposition: form-data; name="a"||1|--b|${FILE}||x|y|--b--|`,
    [
      ["a", null, "1"],
      ["f", "a.txt", "x\r\ny"],
    ],
  ],
  ["empty parts", `--b|Content-Disposition: form-data; name="a"|||--b|${FILE}|||--b--`, [
    ["a", null, ""],
    ["f", "a.txt", ""],
  ]],
  ["no parts", "--b--|", []],
  ["a preamble and an epilogue", `before|--b|${FILE}||x|--b--|after`, [["f", "a.txt", "x"]]],
  ["what is nearly a boundary", `--b|${FILE}||x|--c|-b|--b--`, [["f", "a.txt", "x\r\n--c\r\n-b"]]],
  ["blanks after the boundary", `--b \t|${FILE}||x|--b--`, [["f", "a.txt", "x"]]],
  ["names in UTF-8", '--b|Content-Disposition: form-data; name="ü"; filename="你.txt"||x|--b--', [
    ["ü", "你.txt", "x"],
  ]],
  [
    "escaped names",
    '--b|Content-Disposition: form-data; name="a\\"b"; filename="c%22d%41"||x|--b--',
    [
      ['a"b', 'c"d%41', "x"],
    ],
  ],
  [
    "a name as of RFC 8187",
    "--b|Content-Disposition: form-data; name=a; filename*=utf-8''%C3%BC||x|--b--",
    [
      ["a", "ü", "x"],
    ],
  ],
  [
    "names with what looks like parameters",
    '--b|Content-Disposition: form-data; x="; name=no"; name="a; filename=b"||x|--b--',
    [["a; filename=b", null, "x"]],
  ],
  [
    "names with backslashes",
    '--b|Content-Disposition: form-data; name="a\\b"; filename="c\\"||x|--b--',
    [["a\\b", "c\\", "x"]],
  ],
  [
    "a name that can't be decoded",
    "--b|Content-Disposition: form-data; name*=utf-8''%FF||x|--b--",
    [[null, null, "x"]],
  ],
  ["a part without name", "--b|X: y||x|--b--", [[null, null, "x"]]],
  ["nothing", "", 400],
  ["another boundary", "--c|X: y||x|--c--", 400],
  ["no end", `--b|${FILE}||x`, 400],
  ["no end after a boundary", `--b|${FILE}||x|--b`, 400],
  ["no end of the headers", `--b|${FILE}`, 400],
  ["text after the boundary", `--bx|${FILE}||x|--b--`, 400],
  ["a header without colon", "--b|nonsense||x|--b--", 400],
  ["a header with a space", "--b|X : y||x|--b--", 400],
  ["headers without end", `--b|X: ${"y".repeat(10_000)}`, 400],
  ["too many headers", `--b|${"X: y|".repeat(2000)}|x|--b--`, 400],
];

test("readMultipart() reads forms part by part, however they are cut, and answers 400", async () => {
  const app = new Application();
  app.router.addPost("/", async (request) => {
    const parts: unknown[] = [];
    for await (const part of readMultipart(request)) {
      parts.push([part.name, part.filename, await part.text()]);
    }
    return Response.json(parts);
  });
  const headers = { "content-type": 'multipart/form-data; x="; boundary=c"; boundary="b"' };
  await run(async () => {
    for (const [what, text, expected] of BODIES) {
      const bytes = encoder.encode(multipart(text));
      for (const size of [1, 2, 3, 7, 100_000]) {
        const body = new ReadableStream({
          start(controller): void {
            for (let i = 0; i < bytes.length; i += size) {
              controller.enqueue(bytes.slice(i, i + size));
            }
            controller.close();
          },
        });
        const response = await app.request("/", { method: "POST", body, headers });
        const text = await response.text();
        const found = response.status === 200 ? JSON.parse(text) : response.status;
        assertEquals([what, size, found], [what, size, expected]);
      }
    }
  });
});

test("BodyPart.readChunk() that is cancelled leaves what comes to the next one", async () => {
  const body = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const writer = body.writable.getWriter();
  const send = (text: string): Promise<void> => writer.write(encoder.encode(multipart(text)));
  const app = new Application();
  app.router.addPost("/", async (request) => {
    let text = "";
    for await (const part of readMultipart(request)) {
      const impatient = createTask(async () => await part.readChunk());
      await sleep(0);
      impatient.cancel();
      await assertRejects(async () => await impatient, CancelledError);
      const rest = [part.readChunk(), part.text()].map((each) =>
        createTask(async () => await each)
      );
      await sleep(0);
      await send("twelve bytes|--b--");
      void writer.close();
      for (const each of await gather(rest)) text += typeof each === "string" ? each : each!.length;
    }
    return new Response(text);
  });
  const headers = { "content-type": "multipart/form-data; boundary=b" };
  await run(async () => {
    const answer = app.request("/", { method: "POST", body: body.readable, headers });
    await send(`--b|${FILE}||`);
    assertEquals(await (await answer).text(), "12");
  });
});

test("BodyPart that was passed over does not pass for an empty one", async () => {
  const app = new Application();
  const take = async (part: BodyPart): Promise<string> => {
    try {
      return await part.text();
    } catch (error) {
      assertInstanceOf(error, RuntimeError);
      return "dropped";
    }
  };
  app.router.addPost("/all", async (request) => {
    const parts = await Array.fromAsync(readMultipart(request));
    return Response.json(await Promise.all(parts.map(take)));
  });
  app.router.addPost("/begun", async (request) => {
    const parts: BodyPart[] = [];
    for await (const part of readMultipart(request)) {
      parts.push(part);
      if (parts.length === 1) await part.readChunk();
      else await part.read();
    }
    return Response.json(await Promise.all(parts.map(take)));
  });
  app.router.addPost("/left", async (request) => {
    for await (const part of readMultipart(request)) {
      if (part.name === "b") return Response.json([await part.text(), await take(part)]);
    }
    return new Response();
  });
  app.router.addPost("/first", async (request) => {
    let first: BodyPart | null = null;
    for await (const part of readMultipart(request)) {
      first = part;
      break;
    }
    return Response.json([await take(first!)]);
  });
  const results = {
    all: ["dropped", "dropped"],
    begun: ["dropped", ""],
    left: ["two", ""],
    first: ["dropped"],
  };
  for (const [path, expected] of Object.entries(results)) {
    const body = new FormData();
    body.set("a", "one");
    body.set("b", "two");
    const response = await app.request(`/${path}`, { method: "POST", body });
    assertEquals([path, await response.json()], [path, expected]);
  }
});

test("parity: readPost() decodes a field as its Content-Type says", async () => {
  const app = new Application();
  app.router.addPost("/", async (request) => new Response((await readPost(request)).get("a")));
  const cases: [charset: string, byte: string, status: number, text: string][] = [
    ["iso-8859-1", "\xe9", 200, "é"],
    ["latin-1", "\xe9", 200, "é"],
    ["UTF-8", "\xc3\xa9", 200, "é"],
    ["nonsense", "a", 415, "415: Unknown charset"],
  ];
  const headers = { "content-type": "multipart/form-data; boundary=b" };
  for (const [charset, text, ...expected] of cases) {
    const head =
      `--b|Content-Disposition: form-data; name="a"|Content-Type: text/plain; charset=${charset}||`;
    const body = bytesOf(multipart(`${head}${text}|--b--`));
    const response = await app.request("/", { method: "POST", body, headers });
    assertEquals([response.status, await response.text()], expected);
  }
});

test("readMultipart() refuses what is no multipart form", async () => {
  const app = new Application();
  app.router.addPost("/", async (request) => {
    for await (const part of readMultipart(request)) await part.read();
    return new Response("read");
  });
  const types: [string, number][] = [
    ["text/plain", 415],
    ["multipart/form-data", 400],
    ["multipart/form-data; boundary=", 400],
    [`multipart/form-data; boundary=${"b".repeat(71)}`, 400],
  ];
  for (const [type, status] of types) {
    const init = { method: "POST", body: "--b--", headers: { "content-type": type } };
    assertEquals((await app.request("/", init)).status, status);
  }
});

test("readMultipart() gives bytes that can be sent on", async () => {
  await using app = new Application();
  app.router.addPost("/at-once", async (request) => {
    for await (const part of readMultipart(request)) return new Response(await part.read());
    return new Response();
  });
  app.router.addPost("/as-it-comes", async (request) => {
    const response = new StreamResponse();
    for await (const part of readMultipart(request)) {
      if (!response.prepared) response.prepare(request);
      for await (const chunk of part) await response.write(chunk);
    }
    return response;
  });
  for (const path of ["/at-once", "/as-it-comes"]) {
    const body = new FormData();
    body.set("file", new File(["hello"], "a.txt"));
    assertEquals(await (await app.request(path, { method: "POST", body })).text(), "hello");
  }
});

test("readMultipart() drops what is not read, and takes files of any size", async () => {
  const app = new Application();
  app.router.addPost("/", async (request) => {
    const sizes: [string | null, number][] = [];
    for await (const part of readMultipart(request)) {
      if (part.name === "skipped") continue;
      let size = 0;
      for await (const chunk of part) size += chunk.length;
      sizes.push([part.name, size]);
      if (part.name === "last") break;
    }
    return Response.json(sizes);
  }, { clientMaxSize: null });
  await using server = await TestServer.start(app);
  const body = new FormData();
  const large = new Blob([new Uint8Array(3 * 1024 ** 2)]);
  for (const name of ["read", "skipped", "last", "never"]) body.set(name, large);
  const response = await server.request("/", { method: "POST", body });
  assertEquals(await response.json(), [["read", 3 * 1024 ** 2], ["last", 3 * 1024 ** 2]]);
});

test("parity: bodyExists() tells of a body as aiohttp does", async () => {
  const app = new Application();
  app.router.addRoute("*", "/", (request) => Response.json(bodyExists(request)));
  await using server = await TestServer.start(app);
  for (const [line, headers, sent, expected] of record.bodies) {
    const head = `${line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers}\r\n`;
    const { body } = await exchange(server.port, head + sent);
    assertEquals(JSON.parse(body), expected, `${line} ${headers}`);
  }
});

test("bodyExists() tells of requests without a connection, and of those that middlewares make", async () => {
  const app = new Application({
    middlewares: [(request, handler) => handler(new Request(request, { body: "other" }))],
  });
  app.router.addPost("/", (request) => Response.json(bodyExists(request)));
  await using server = await TestServer.start(app);
  assertEquals(await (await server.request("/", { method: "POST" })).json(), true);
  assertEquals(bodyExists(new Request("http://localhost/")), false);
  const body = ReadableStream.from([encoder.encode("hello")]);
  assertEquals(bodyExists(new Request("http://localhost/", { method: "POST", body })), true);
});

test("parity: cookies() reads the header as aiohttp does", () => {
  for (const { cookie, cookies: expected } of record.cookies) {
    const request = new Request("http://localhost/", { headers: { cookie } });
    assertEquals(Object.fromEntries(cookies(request)), expected as Record<string, string>);
  }
});

test("cookies() passes over what is no cookie", () => {
  const request = new Request("http://localhost/", {
    headers: { cookie: 'a=1; ; nonsense; =x; b c=2; d="; __proto__=e; f=\\"g' },
  });
  const expected = [["a", "1"], ["d", '"'], ["__proto__", "e"], ["f", '\\"g']];
  assertEquals([...cookies(request)], expected as [string, string][]);
  assertEquals(cookies(new Request("http://localhost/")).size, 0);
});

test("cookies() has names that are none by the standard, as they are sent", () => {
  const names = ["a[0]", "a:b", "a/b", "a@b", "{a}"];
  const cookie = names.map((name) => `${name}=1`).join("; ");
  const found = cookies(new Request("http://localhost/", { headers: { cookie } }));
  assertEquals([...found.keys()], names);
});

test("cookies() and lastEventId() take headers for UTF-8, as aiohttp does, unless they are not", async () => {
  const app = new Application();
  app.router.addGet(
    "/",
    (request) => Response.json([cookies(request).get("a"), lastEventId(request)]),
  );
  await using server = await TestServer.start(app);
  const cases: [sent: string, text: string][] = [["ü✓", "ü✓"], ["abc", "abc"], ["\xff", "ÿ"]];
  for (const [sent, text] of cases) {
    // exchange() sends each character as one byte.
    const bytes = sent === "\xff" ? sent : String.fromCharCode(...encoder.encode(sent));
    const head =
      `Host: a\r\nConnection: close\r\nCookie: a="${bytes}"\r\nLast-Event-ID: ${bytes}\r\n`;
    const { body } = await exchange(server.port, `GET / HTTP/1.1\r\n${head}\r\n`);
    assertEquals(JSON.parse(body), [text, text]);
  }
});

test("query() reads any query", () => {
  const of = (url: string): string[][] => [...query({ url } as Request)];
  assertEquals(of("http://a/?a=1&b=%C3%A9+x&c"), [["a", "1"], ["b", "é x"], ["c", ""]]);
  assertEquals(of("http://a/?a=%zz&=&&b=?#c=3"), [["a", "%zz"], ["", ""], ["b", "?"]]);
  assertEquals([of("http://a/"), of("http://a/?")], [[], []]);
});

test("remote() tells the address of the client", async () => {
  const app = new Application();
  app.router.addGet("/", (request) => new Response(remote(request)));
  await using server = await TestServer.start(app);
  assertEquals(await (await server.request("/")).text(), "127.0.0.1");
});

test("matchInfo() refuses a request that no application answers", () => {
  const request = new Request("http://localhost/");
  assertThrows(() => matchInfo(request), RuntimeError, "no application answers this request");
});

test("readJson() takes the encoding that the type names, or else UTF-8, as the platform does", async () => {
  await using app = new Application();
  app.router.addPost("/", async (request) => Response.json([await readJson(request)]));
  const latin1 = Uint8Array.of(0x22, 0xe9, 0x22);
  const utf16 = new Uint8Array(new Uint16Array([..."[1]"].map((c) => c.charCodeAt(0))).buffer);
  const replacement = encoder.encode('"\uFFFD"');
  const cases: [type: string, body: Uint8Array<ArrayBuffer>, status: number, text: string][] = [
    ["application/json", encoder.encode('"é"'), 200, '["é"]'],
    ["application/json", replacement, 200, '["\uFFFD"]'],
    ["application/json", latin1, 200, '["\uFFFD"]'],
    ["application/json; charset=utf-8", latin1, 200, '["\uFFFD"]'],
    ["application/json; charset=gb18030", latin1, 400, "400: Malformed request body"],
    ["application/json; charset=iso-8859-1", new Uint8Array(1), 400, "400: Malformed JSON"],
    ["application/json; charset=iso-8859-1", latin1, 200, '["é"]'],
    ["application/json; charset=utf-16le", utf16, 200, "[[1]]"],
    ["application/json; charset=x", latin1, 415, "415: Unknown charset"],
    ["application/json", encoder.encode("[1"), 400, "400: Malformed JSON"],
  ];
  for (const [type, body, status, text] of cases) {
    const headers = { "content-type": type };
    const response = await app.request("/", { method: "POST", headers, body });
    assertEquals([response.status, await response.text()], [status, text], type);
  }
});

test("A middleware that reads the body of a clone leaves it to the handler", async () => {
  const seen: string[] = [];
  const middleware: Middleware = async (request, handler) => {
    seen.push(await readText(request.clone()));
    return await handler(request);
  };
  await using app = new Application({ middlewares: [middleware], clientMaxSize: 10 });
  app.router.addPost("/", async (request) => Response.json(await readJson(request)));
  const ask = (body: string): Promise<Response> => app.request("/", { method: "POST", body });
  assertEquals([await (await ask("[1, 2]")).json(), seen], [[1, 2], ["[1, 2]"]]);
  assertEquals((await ask(" ".repeat(11))).status, 413);
});
