/**
 * Applications: middlewares, sub-applications, shared state, start-up and clean-up, with and
 * without a loop.
 *
 * @module
 */

import {
  ContextVar,
  createTask,
  currentTask,
  ExceptionGroup,
  getRunningLoop,
  newEventLoop,
  run,
  RuntimeError,
  sleep,
  VirtualClock,
} from "@aio/asyncio";
import type { EventLoop } from "@aio/asyncio";
import {
  AppKey,
  Application,
  appOf,
  compression,
  HTTPNotFound,
  HTTPOk,
  matchInfo,
  StreamResponse,
} from "@aio/asyncio/http";
import type { Handler, Middleware } from "@aio/asyncio/http";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { captureReports, test } from "./_support.ts";
import record from "./parity.json" with { type: "json" };

const SERVER_ERROR = "500 Internal Server Error\n\nServer got itself in trouble";

/** Middlewares that log when they are entered and left: of both kinds of coroutine, and plain. */
const KINDS: Record<string, (name: string, log: WeakMap<Request, string[]>) => Middleware> = {
  "async functions": (name, log) => async (request, handler) => {
    enter(name, request, log);
    return left(name, await settled(handler(request)));
  },
  "generators": (name, log) =>
    function* (request, handler) {
      enter(name, request, log);
      try {
        return left(name, yield* handler(request));
      } catch (error) {
        return left(name, asResponse(error));
      }
    },
};

function enter(name: string, request: Request, log: WeakMap<Request, string[]>): void {
  log.set(request, [...log.get(request) ?? [], `+${name}`]);
}

function left(name: string, response: Response): Response {
  response.headers.append("log", `-${name}`);
  return response;
}

async function settled(response: PromiseLike<Response>): Promise<Response> {
  try {
    return await response;
  } catch (error) {
    return asResponse(error);
  }
}

function asResponse(error: unknown): Response {
  const { status } = error as HTTPNotFound;
  return new Response(String(status), { status });
}

for (const [kind, mark] of Object.entries(KINDS)) {
  test(`parity: middlewares (${kind}) are called in the order of aiohttp`, async () => {
    const log = new WeakMap<Request, string[]>();
    const tell = (request: Request): Response => new Response(log.get(request)?.join());
    await using app = new Application({ middlewares: [mark("a", log), mark("b", log)] });
    const sub = new Application({ middlewares: [mark("c", log), mark("d", log)] });
    sub.router.addGet("/x", tell);
    sub.router.addGet("", async (request) => tell(request));
    app.router.addGet("/x", function* (request) {
      return tell(request);
    });
    app.addSubapp("/sub", sub);
    for (const expected of record.middlewares) {
      const [method, path] = expected.request.split(" ") as [string, string];
      const response = await app.request(path, { method });
      const seen = response.headers.get("log")!.split(", ");
      const body = await response.text();
      assertEquals(
        { request: expected.request, status: response.status, log: seen, body },
        expected,
      );
    }
  });
}

test("Middleware may answer itself, return the call as it is, or give another request", async () => {
  const other: Middleware = (request, handler) =>
    handler(new Request(request, { headers: { name: "changed" } }));
  const guard: Middleware = (request, handler) =>
    request.headers.has("key") ? handler(request) : new Response("no", { status: 403 });
  await using app = new Application({ middlewares: [guard, other] });
  app.router.addGet(
    "/{id}",
    (request) => new Response(`${matchInfo(request).id} ${request.headers.get("name")}`),
  );
  assertEquals((await app.request("/1")).status, 403);
  const response = await app.request("/1", { headers: { key: "x" } });
  assertEquals(await response.text(), "1 changed");
});

test("Middleware sees what a plain handler throws, and may answer for it", async () => {
  const middleware: Middleware = async (request, handler) => {
    try {
      return await handler(request);
    } catch (error) {
      return new Response(`caught ${(error as Error).message}`);
    }
  };
  await using app = new Application({ middlewares: [middleware] });
  app.router.addGet("/", () => {
    throw new Error("it");
  });
  assertEquals(await (await app.request("/")).text(), "caught it");
  assertEquals(await (await app.request("/no")).text(), "caught 404: Not Found");
});

const ANSWERS: Record<string, Handler> = {
  "a plain function": () => new Response("hello"),
  "an async function": async () => new Response("hello"),
  "an async function that waits": async () => {
    await sleep(0.001);
    return new Response("hello");
  },
  "a generator": function* () {
    return new Response("hello");
  },
  "a generator that waits": function* () {
    yield* sleep(0.001);
    return new Response("hello");
  },
  "a function that returns a promise of others": () => Promise.resolve(new Response("hello")),
  "a function that throws a response": () => {
    throw new HTTPOk({ text: "hello" });
  },
};

for (const [kind, handler] of Object.entries(ANSWERS)) {
  test(`Application.fetch() gives what ${kind} answers`, async () => {
    await using app = new Application();
    app.router.addGet("/", handler);
    for (let i = 0; i < 2; i++) {
      assertEquals(await (await app.request("/")).text(), "hello");
      await run(async () => assertEquals(await (await app.request("/")).text(), "hello"));
    }
  });
}

class Unanswerable extends HTTPNotFound {
  override toResponse(): Response {
    throw new Error("secret");
  }
}

test("Application.fetch() answers 500, reports, and tells no details when a handler fails", async () => {
  const failures: Record<string, Handler> = {
    "throws": () => {
      throw new Error("secret");
    },
    "rejects": () => Promise.reject(new Error("secret")),
    "throws later": async () => {
      await sleep(0);
      throw new Error("secret");
    },
    "throws what is no error": () => {
      // deno-lint-ignore no-throw-literal -- whatever is thrown
      throw "secret";
    },
    "returns nothing": () => undefined as never,
    "returns a text": async () => "secret" as never,
    "throws what has no response": () => {
      throw new Unanswerable();
    },
    "throws later what has no response": async () => {
      await sleep(0);
      throw new Unanswerable();
    },
  };
  await using app = new Application();
  for (const [name, handler] of Object.entries(failures)) app.router.addGet(`/${name}`, handler);
  for (const name of Object.keys(failures)) {
    using reports = captureReports();
    const response = await app.request(`/${name}`);
    assertEquals([response.status, await response.text()], [500, SERVER_ERROR]);
    assertEquals(reports.messages.length, 1);
    assert(
      reports.messages[0]!.startsWith("Error handling request\nrequest: GET http://localhost/"),
    );
  }
});

test("Application.fetch() says what a handler must return, where it returns something else", async () => {
  const pass: Middleware = async (request, handler) => await handler(request);
  const passSteps: Middleware = function* (request, handler) {
    return yield* handler(request);
  };
  for (const middlewares of [[], [pass], [passSteps]]) {
    for (const value of [undefined, null, "text", 5, { status: 200 }]) {
      await using app = new Application({ middlewares });
      app.router.addGet("/", () => value as never);
      using reports = captureReports();
      assertEquals((await app.request("/")).status, 500);
      const who = middlewares.length === 0 ? "the handler" : "the handler and each middleware";
      const text = `TypeError: Cannot answer: ${who} must return a Response, not ${value}`;
      assert(reports.messages[0]!.includes(text), reports.messages[0]);
    }
  }
});

test("Application.fetch() says so where a handler returns what has no text", async () => {
  await using app = new Application();
  app.router.addGet("/plain/{id}", (request) => matchInfo(request) as never);
  app.router.addGet(
    "/async/{id}",
    async (request) => await Promise.resolve(matchInfo(request)) as never,
  );
  for (const path of ["/plain/1", "/async/1"]) {
    using reports = captureReports();
    assertEquals((await app.request(path)).status, 500);
    const text = "the handler must return a Response, not [object Object]";
    assert(reports.messages[0]!.includes(text), reports.messages[0]);
  }
});

test("Application.fetch() says so where a middleware returns none, or is what makes one", async () => {
  const forgets: Middleware = async (request, handler) => {
    await handler(request);
    return undefined as never;
  };
  const cases: [Middleware, string][] = [
    [forgets, "undefined"],
    [compression as unknown as Middleware, "a function"],
  ];
  for (const [middleware, shown] of cases) {
    const outer = new Application({ middlewares: [middleware] });
    const inner = new Application();
    inner.router.addGet("/", () => new Response("hello"));
    outer.addSubapp("/inner", inner);
    using reports = captureReports();
    await using app = outer;
    assertEquals((await app.request("/inner/")).status, 500);
    const text = `the handler and each middleware must return a Response, not ${shown}`;
    assert(reports.messages[0]!.includes(text), reports.messages[0]);
  }
});

test("Application refuses middlewares that are no functions", async () => {
  const wrong = undefined as unknown as Middleware;
  const text = "a middleware must be a function, not undefined";
  assertThrows(
    () => new Application({ middlewares: [wrong] }),
    TypeError,
    `Cannot create application: ${text}`,
  );
  const log: string[] = [];
  const app = new Application();
  app.onStartup.push(() => void app.middlewares.push(wrong));
  app.onCleanup.push(() => void log.push("cleaned up"));
  await run(async () => {
    await assertRejects(() => app.startup(), TypeError, `Cannot start the application: ${text}`);
  });
  assertEquals(log, ["cleaned up"]);
});

test("Application.fetch() runs each request as a task with a context of its own", async () => {
  const user = new ContextVar<string>("user", { defaultValue: "nobody" });
  await using app = new Application();
  app.router.addGet("/{name}", async (request) => {
    const before = user.get();
    user.set(matchInfo<"name">(request).name);
    await sleep(0);
    const inner = createTask(async () => {
      await sleep(0);
      return user.get();
    });
    return Response.json([before, await inner, currentTask() !== null]);
  });
  await run(async () => {
    const all = await Promise.all(["/a", "/b"].map((path) => app.request(path)));
    const seen = await Promise.all(all.map((response) => response.json()));
    assertEquals(seen, [["nobody", "a", true], ["nobody", "b", true]]);
  });
});

test("Application.get() looks into the applications around it, not into those within", async () => {
  const [NAME, COLOR] = [new AppKey<string>("name"), new AppKey<string>("color")];
  await using app = new Application();
  const sub = new Application();
  app.set(NAME, "outer");
  app.set(COLOR, "red");
  sub.set(NAME, "inner");
  sub.router.addGet("/", (request) => {
    const own = appOf(request);
    return new Response(`${own.get(NAME)} ${own.get(COLOR)} ${own.parent === app}`);
  });
  app.addSubapp("/sub", sub);
  assertEquals(await (await app.request("/sub/")).text(), "inner red true");
  assertEquals(app.get(NAME), "outer");
  assertEquals([app.has(COLOR), sub.has(COLOR), sub.has(new AppKey("name"))], [true, true, false]);
  assertThrows(() => app.get(new AppKey("name")), RangeError, 'Cannot get "name": it is not set');
  assertThrows(() => app.set(NAME, "late"), RuntimeError, "the application has started");
});

test("Application.addSubapp() refuses prefixes and applications that can't be", () => {
  const app = new Application();
  const sub = new Application();
  app.addSubapp("/a", sub);
  for (const prefix of ["", "/", "a", "/a/", "/{x}", "/a"]) {
    assertThrows(() => app.addSubapp(prefix, new Application()), RangeError, "Cannot add");
  }
  assertThrows(() => app.addSubapp("/b", sub), RuntimeError, "part of one already");
  assertThrows(() => app.addSubapp("/b", app), RuntimeError);
  assertThrows(() => sub.addSubapp("/b", app), RuntimeError);
});

/** An application that logs each step of its life. */
function logged(name: string, log: string[], fails: readonly string[] = []): Application {
  const app = new Application();
  const step = (text: string): void => {
    log.push(`${name} ${text}`);
    if (fails.includes(`${name} ${text}`)) throw new Error(`${name} ${text}`);
  };
  for (const n of [1, 2]) {
    app.cleanupCtx.push(async function* () {
      step(`up ${n}`);
      yield;
      await sleep(0);
      step(`down ${n}`);
    });
  }
  app.onStartup.push(() => step("startup"));
  app.onShutdown.push(() => step("shutdown"));
  app.onCleanup.push(() => step("cleanup"));
  return app;
}

const LIFE = [
  ...["up 1", "up 2", "startup"].map((step) => `outer ${step}`),
  ...["up 1", "up 2", "startup"].map((step) => `inner ${step}`),
  ...["outer shutdown", "inner shutdown"],
  ...["down 2", "down 1", "cleanup"].map((step) => `inner ${step}`),
  ...["down 2", "down 1", "cleanup"].map((step) => `outer ${step}`),
];

function nested(log: string[], fails: readonly string[] = []): Application {
  const app = logged("outer", log, fails);
  app.addSubapp("/inner", logged("inner", log, fails));
  return app;
}

test("Application begins once, at its first request, and ends in the reverse order", async () => {
  const log: string[] = [];
  {
    await using app = nested(log);
    await Promise.all([app.request("/"), app.request("/inner/"), app.request("/")]);
    await app.request("/");
    assertEquals(log, LIFE.slice(0, 6));
  }
  assertEquals(log, LIFE);
});

test("Application ends once, whoever ends it meanwhile", async () => {
  const log: string[] = [];
  const app = logged("outer", log);
  await app.request("/");
  await Promise.all([1, 2, 3].map(async () => {
    await app[Symbol.asyncDispose]();
    log.push("all is over");
  }));
  const end = ["shutdown", "down 2", "down 1", "cleanup"].map((step) => `outer ${step}`);
  assertEquals(log.slice(3), [...end, ...Array(3).fill("all is over")]);
});

test("Application that is ended while it begins ends what that has begun", async () => {
  const log: string[] = [];
  for (const isUnderWay of [false, true]) {
    const app = nested(log);
    const begun = Promise.withResolvers<void>();
    app.cleanupCtx.push(async function* () {
      begun.resolve();
      await sleep(0);
      yield;
    });
    const response = app.request("/");
    if (isUnderWay) await begun.promise;
    await app[Symbol.asyncDispose]();
    assertEquals([(await response).status, ...log.splice(0)], [404, ...LIFE]);
  }
  using reports = captureReports();
  const app = nested(log, ["outer up 2"]);
  const response = app.request("/");
  await app[Symbol.asyncDispose]();
  assertEquals([(await response).status, reports.messages.length], [500, 1]);
  assertEquals(log, ["outer up 1", "outer up 2", "outer down 1", "outer cleanup"]);
});

test("Application ends what has begun when its beginning fails, and answers 500", async () => {
  const log: string[] = [];
  const app = nested(log, ["inner up 2"]);
  using reports = captureReports();
  assertEquals((await app.request("/")).status, 500);
  assertEquals(reports.messages.length, 1);
  assertEquals(log.filter((entry) => entry.startsWith("outer down")), [
    "outer down 2",
    "outer down 1",
  ]);
  assertEquals(log.filter((entry) => entry === "inner down 1").length, 1);
  assertEquals(log.at(-1), "outer cleanup");
});

test("Application tries again to begin at the next request when its beginning has failed", async () => {
  const log: string[] = [];
  const fails = ["inner up 2"];
  await using app = nested(log, fails);
  using reports = captureReports();
  assertEquals((await app.request("/")).status, 500);
  fails.pop();
  log.length = 0;
  assertEquals((await app.request("/")).status, 404);
  assertEquals(log, LIFE.slice(0, 6));
  assertEquals(reports.messages.length, 1);
});

test("Application takes routes, middlewares and callbacks until it has started, and none later", async () => {
  await using app = new Application();
  const middleware: Middleware = (request, handler) => handler(request);
  app.onStartup.push(() => {
    app.router.addGet("/", (_request) => new Response("hello"));
    app.middlewares.push(middleware);
    app.onResponsePrepare.push((_request, { headers }) => headers.set("a", "b"));
  });
  const response = await app.request("/");
  assertEquals([await response.text(), response.headers.get("a")], ["hello", "b"]);
  const changes: [string, () => unknown][] = [
    ["Cannot add route", () => app.router.addGet("/late", () => new Response())],
    ["Cannot change middlewares", () => app.middlewares.push(middleware)],
    ["Cannot change middlewares", () => app.middlewares.unshift(middleware)],
    ["Cannot change middlewares", () => app.middlewares.splice(0)],
    ["Cannot change onResponsePrepare", () => app.onResponsePrepare.push(() => {})],
    ["Cannot change onStartup", () => app.onStartup.push(() => {})],
    ["Cannot change cleanupCtx", () => app.cleanupCtx.push(async function* () {})],
  ];
  for (const [action, change] of changes) {
    assertThrows(change, RuntimeError, `${action}: the application has started`);
  }
  assertThrows(() => app.middlewares.length = 0, TypeError);
});

test("Application.cleanup() does everything, and loses no error", async () => {
  const log: string[] = [];
  const fails = ["outer down 2", "inner cleanup", "outer shutdown"];
  const app = nested(log, fails);
  await run(async () => {
    await app.startup();
    await assertRejects(() => app.shutdown(), Error, "outer shutdown");
    const group = await assertRejects(() => app.cleanup(), ExceptionGroup);
    assertEquals(group.exceptions.map((error) => (error as Error).message), [
      "inner cleanup",
      "outer down 2",
    ]);
  });
  assertEquals(log, LIFE);
});

test("Application.cleanup() reports a context with two yields, and ends it", async () => {
  let ended = false;
  const app = new Application();
  app.cleanupCtx.push(async function* () {
    try {
      yield;
      yield;
    } finally {
      ended = true;
    }
  });
  await run(async () => {
    await app.startup();
    await assertRejects(() => app.cleanup(), RuntimeError, "more than one yield");
  });
  assert(ended);
});

test("Application.fetch() needs no loop, and leaves none running", async () => {
  const app = new Application();
  app.router.addGet("/", async () => {
    await sleep(0.001);
    return new Response("hello");
  });
  const all = await Promise.all(Array.from({ length: 50 }, () => app.request("/")));
  assertEquals(
    new Set(await Promise.all(all.map((response) => response.text()))),
    new Set(["hello"]),
  );
  // A loop that was left behind would be in the way of this one.
  assertEquals(await run(() => sleep(0, "free")), "free");
});

test("Application.fetch() lets tasks that a handler has left behind go on to their end", async () => {
  const app = new Application();
  const { promise, resolve } = Promise.withResolvers<string>();
  app.router.addGet("/", () => {
    createTask(async () => {
      await sleep(0.005);
      resolve("done");
    });
    return new Response("hello");
  });
  await app.request("/");
  assertEquals(await promise, "done");
});

test("Application.request() gives up the body for HEAD, so that who writes it comes to an end", async () => {
  await using app = new Application();
  app.router.addGet("/", async (request) => {
    const response = new StreamResponse();
    response.prepare(request);
    for (;;) await response.write("x".repeat(10_000));
  });
  assertEquals((await app.request("/", { method: "HEAD" })).body, null);
});

test("Application.request() has no body for HEAD, and takes requests and URLs", async () => {
  const app = new Application();
  app.router.addGet("/{name}", (request) => new Response(request.method));
  const head = await app.request("/a", { method: "HEAD" });
  assertEquals([head.status, head.body], [200, null]);
  assertEquals(await (await app.request(new URL("http://other/a"))).text(), "GET");
  assertEquals(await (await app.request(new Request("http://other/a"))).text(), "GET");
});

test("Application.request() runs on a clock that jumps: hours of a handler take no time", async () => {
  const loopFactory = (): EventLoop => newEventLoop({ clock: new VirtualClock() });
  await run(async () => {
    const app = new Application({ timeout: 7200 });
    app.router.addGet("/{seconds}", async (request) => {
      await sleep(Number(matchInfo(request).seconds));
      return new Response(`${getRunningLoop().time() > 3600}`);
    });
    assertEquals(await (await app.request("/7000")).text(), "true");
    assertEquals((await app.request("/7300")).status, 503);
    await app.cleanup();
  }, { loopFactory });
});

test("A route's setting that is undefined leaves that of its application", async () => {
  const app = new Application({ timeout: 0.01, clientMaxSize: 5 });
  const inner = new Application({ clientMaxSize: undefined as unknown as null });
  const nothing = { timeout: undefined, clientMaxSize: undefined, onDisconnect: undefined };
  inner.router.addGet("/", async () => await sleep(60, new Response("late")), nothing as object);
  inner.router.addPost(
    "/",
    async (request) => new Response(await request.text()),
    nothing as object,
  );
  app.addSubapp("/inner", inner);
  await using outer = app;
  assertEquals((await outer.request("/inner/")).status, 503);
  const response = await outer.request("/inner/", { method: "POST", body: "0123456789" });
  assertEquals(response.status, 413);
});
