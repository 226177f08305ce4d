/**
 * Serving: sites, graceful shutdown, clients that leave, handlers that take too long, the log.
 *
 * @module
 */

import { CancelledError, createTask, getRunningLoop, run, RuntimeError, sleep } from "@aio/asyncio";
import {
  AccessLogger,
  Application,
  AppRunner,
  runApp,
  TCPSite,
  TestServer,
  UnixSite,
  WebSocketResponse,
} from "@aio/asyncio/http";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { Program } from "../_support/program.ts";
import { runVirtual } from "../_support/run.ts";
import { makeCertificate } from "./_certificate.ts";
import { RawWebSocket } from "./_raw_websocket.ts";
import { captureReports, Client, exchange, output, test } from "./_support.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A handler that waits for ever, and records how far it got. */
class Stuck {
  readonly started = Promise.withResolvers<void>();
  readonly ended = Promise.withResolvers<unknown>();

  readonly handler = async (): Promise<Response> => {
    this.started.resolve();
    try {
      await sleep(3600);
    } catch (error) {
      this.ended.resolve(error);
      throw error;
    }
    return new Response("never");
  };
}

// -- Sites --

test("AppRunner serves an application on several sites", async () => {
  const app = new Application();
  app.router.addGet("/", () => new Response("hello"));
  await run(async () => {
    await using runner = new AppRunner(app);
    await runner.setup();
    const sites = [new TCPSite(runner, "127.0.0.1", 0), new TCPSite(runner, "127.0.0.1", 0)];
    for (const site of sites) site.start();
    assertEquals(runner.sites, sites.map(({ name }) => name));
    assertEquals(runner.addresses, sites.map(({ address }) => address));
    for (const { name } of sites) assertEquals(await output("curl", "-s", name), "hello");
    await sites[0]!.stop();
    assertEquals(runner.sites.length, 1);
    assertEquals(await output("curl", "-s", sites[1]!.name), "hello");
  });
});

test("runApp() serves hosts and a Unix socket at once, and removes the socket", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  try {
    const url = new URL("programs/unix_site.ts", import.meta.url);
    const program = new Program(url, ["--allow-net", "--allow-read", "--allow-write"], [path]);
    const banner = await program.line();
    const pattern = /^=+ Running on (http:\/\/[^,]+), (http:\/\/[^,]+), (http:\/\/unix:.*:) =+$/;
    const [, first, second, unix] = pattern.exec(banner)!;
    assertEquals(unix, `http://unix:${path}:`);
    for (const site of [first!, second!]) assertEquals(await output("curl", "-s", site), "hello");
    assertEquals(await output("curl", "-s", "--unix-socket", path, "http://a/"), "hello");
    program.signal("SIGTERM");
    const { code, out, err } = await program.end();
    assertEquals([code, out, err], [0, "(Press CTRL+C to quit)\ncleaned up\n", ""]);
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

test("runApp() stops at its signal while the application starts, and cleans up what has begun", async () => {
  const stop = new AbortController();
  const log: string[] = [];
  const app = new Application();
  app.cleanupCtx.push(async function* () {
    log.push("up");
    yield;
    await sleep(0); // the clean-up is not cancelled
    log.push("down");
  });
  app.onStartup.push(async () => {
    queueMicrotask(() => stop.abort());
    await sleep(3600);
  });
  const settings = { host: "127.0.0.1", port: 0, signal: stop.signal };
  await runApp(app, { ...settings, print: (line) => void log.push(line) });
  assertEquals(log, ["up", "down"]);
});

test("runApp() stops at its signal while a start-up that no cancellation reaches goes on", async () => {
  const stop = new AbortController();
  const log: string[] = [];
  const app = new Application();
  app.onStartup.push(async () => {
    stop.abort();
    await Promise.resolve();
    log.push("up");
  });
  app.onShutdown.push(async () => {
    await sleep(0);
    log.push("shutdown");
  });
  app.onCleanup.push(async () => {
    await sleep(0);
    log.push("down");
  });
  const settings = { host: "127.0.0.1", port: 0, signal: stop.signal };
  await runApp(app, { ...settings, print: (line) => void log.push(line) });
  assertEquals(log, ["up", "shutdown", "down"]);
});

test("runApp() that is told to stop twice gives up, and says why", async () => {
  const stop = new AbortController();
  const app = new Application();
  app.onCleanup.push(async () => {
    Deno.kill(Deno.pid, "SIGTERM");
    await sleep(3600);
  });
  const onListen = (): void => stop.abort();
  const serving = runApp(app, {
    host: "127.0.0.1",
    port: 0,
    print: null,
    signal: stop.signal,
    onListen,
  });
  await assertRejects(() => serving, CancelledError, "told to stop again, while it was stopping");
});

test("runApp() makes the application in its loop, if it is given a coroutine", async () => {
  const coroutines = [
    async () => {
      await sleep(0);
      return appWithLoop();
    },
    function* () {
      yield* sleep(0);
      return appWithLoop();
    },
  ];
  function appWithLoop(): Application {
    const app = new Application();
    const loop = getRunningLoop();
    app.router.addGet("/", () => new Response(`${loop === getRunningLoop()}`));
    return app;
  }
  for (const coroutine of coroutines) {
    const stop = new AbortController();
    let text = "";
    await runApp(coroutine, {
      host: "127.0.0.1",
      port: 0,
      print: null,
      signal: stop.signal,
      async onListen({ port }) {
        text = await output("curl", "-s", `http://127.0.0.1:${port}/`);
        stop.abort();
      },
    });
    assertEquals(text, "true");
  }
});

test("runApp() throws what its coroutine throws, and stops while that waits", async () => {
  const settings = { host: "127.0.0.1", port: 0, print: null };
  const fail = async (): Promise<Application> => {
    await sleep(0);
    throw new RangeError("no configuration");
  };
  await assertRejects(() => runApp(fail, settings), RangeError, "no configuration");
  const wrong = async () => null as unknown as Application;
  await assertRejects(
    () => runApp(wrong, settings),
    TypeError,
    "the coroutine must return an Application, not null",
  );
  const stop = new AbortController();
  let ended = false;
  const slow = async (): Promise<Application> => {
    queueMicrotask(() => stop.abort());
    try {
      await sleep(3600);
    } finally {
      ended = true;
    }
    return new Application();
  };
  await runApp(slow, { ...settings, signal: stop.signal });
  assertEquals(ended, true);
});

test("TCPSite tells the system how many connections may wait", async () => {
  const { serve } = Deno;
  const given: unknown[] = [];
  Object.assign(Deno, {
    serve(options: Deno.ServeTcpOptions, handler: Deno.ServeHandler<Deno.NetAddr>) {
      given.push(options.tcpBacklog, "backlog" in options);
      return serve(options, handler);
    },
  });
  try {
    for (const options of [{ backlog: 7 }, {}]) {
      await using server = await TestServer.start(new Application(), options);
      assertEquals(await output("curl", "-s", server.url("/")), "404: Not Found");
    }
  } finally {
    Object.assign(Deno, { serve });
  }
  assertEquals(given, [7, false, undefined, false]);
});

test("UnixSite takes the place of a socket that was left, but not of another file", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  const script = `import socket; socket.socket(socket.AF_UNIX).bind("${path}")`;
  try {
    await output("python3", "-c", script);
    await run(async () => {
      await using runner = new AppRunner(new Application());
      await runner.setup();
      new UnixSite(runner, path).start();
      const answer = await output("curl", "-s", "--unix-socket", path, "http://a/");
      assertEquals(answer, "404: Not Found");
      await Deno.writeTextFile(`${folder}/file`, "mine");
      assertThrows(() => new UnixSite(runner, `${folder}/file`).start(), Deno.errors.AddrInUse);
      assertEquals(await Deno.readTextFile(`${folder}/file`), "mine");
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

test("TCPSite serves HTTPS and HTTP/2", async () => {
  const { cert, key } = await makeCertificate();
  const app = new Application();
  app.router.addPost("/", async (request) => new Response(await request.text()));
  await using server = await TestServer.start(app, { cert, key, caCerts: [cert] });
  assert(server.url("/").startsWith("https://"));
  const response = await server.request("/", { method: "POST", body: "hello" });
  assertEquals(await response.text(), "hello");
  for (const version of ["1.1", "2"]) {
    const args = [
      "-sk",
      `--http${version}`,
      "-d",
      "hello",
      "-w",
      " %{http_version}",
      server.url("/"),
    ];
    assertEquals(await output("curl", ...args), `hello ${version}`);
  }
});

test("TCPSite refuses to start where it can't", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await run(async () => {
    await using runner = new AppRunner(new Application());
    const site = new TCPSite(runner, "127.0.0.1", 0);
    assertThrows(() => site.start(), RuntimeError, "call runner.setup() first");
    assertThrows(() => site.address, RuntimeError, "has not started");
    await runner.setup();
    site.start();
    assertThrows(() => site.start(), RuntimeError, "has started already");
    const taken = new TCPSite(runner, "127.0.0.1", listener.addr.port);
    assertThrows(() => taken.start(), Deno.errors.AddrInUse, `Cannot start site ${taken.name}: `);
    const elsewhere = new TCPSite(runner, "192.0.2.1", 80); // an address reserved for documentation
    assertThrows(() => elsewhere.start(), Deno.errors.AddrNotAvailable, "http://192.0.2.1:80: ");
    assertEquals(runner.sites.length, 1);
  });
  assertThrows(() => new AppRunner(new Application(), { shutdownTimeout: -1 }), RangeError);
});

test("runApp() and TestServer refuse half of what TLS needs, and end the application", async () => {
  const { cert, key } = await makeCertificate();
  for (const half of [{ cert }, { key }]) {
    const log: string[] = [];
    const application = (): Application => {
      const app = new Application();
      app.onStartup.push(() => void log.push("up"));
      app.onCleanup.push(() => void log.push("down"));
      return app;
    };
    const stop = new AbortController();
    const settings = { host: "127.0.0.1", port: 0, print: null, signal: stop.signal };
    const serving = runApp(application(), { ...settings, ...half, onListen: () => stop.abort() });
    await assertRejects(() => serving, TypeError, "'key'");
    await assertRejects(() => TestServer.start(application(), half), TypeError, "'key'");
    assertEquals(log, ["up", "down", "up", "down"]);
  }
});

// -- Stopping --

test("AppRunner.cleanup() goes through its steps in order", async () => {
  const log: string[] = [];
  const stuck = new Stuck();
  const gate = Promise.withResolvers<void>();
  const app = new Application();
  app.onShutdown.push(() => void log.push("shutdown"));
  app.onCleanup.push(() => void log.push("cleanup"));
  app.router.addGet("/stuck", stuck.handler);
  app.router.addGet("/slow", async () => {
    gate.resolve();
    while (!log.includes("shutdown")) await sleep(0);
    await sleep(0.001);
    log.push("handler");
    return new Response("slow");
  });
  stuck.ended.promise.then(() => log.push("cancelled"));
  const server = await TestServer.start(app, { shutdownTimeout: 0.05 });
  const slow = server.request("/slow");
  const stuckResponse = server.request("/stuck");
  await Promise.all([gate.promise, stuck.started.promise]);
  using idle = await Client.connect(server.port);
  await idle.send("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
  await idle.line();
  const { port } = server;
  const runner = server.runner;
  const answers = (async () => [await (await slow).text(), (await stuckResponse).status])();
  const stopped = Promise.withResolvers<void>();
  createOnLoop(app, async () => {
    await runner.cleanup();
    stopped.resolve();
  });
  assertEquals(await answers, ["slow", 503]);
  await stopped.promise;
  assert((await idle.rest()).includes("404"));
  await assertRejects(
    () => Deno.connect({ hostname: "127.0.0.1", port }),
    Deno.errors.ConnectionRefused,
  );
  assertEquals(log, ["shutdown", "handler", "cancelled", "cleanup"]);
  await server[Symbol.asyncDispose]();
});

/** Starts a task on the loop of a server, which may run in the background. */
function createOnLoop(_: Application, coroutine: () => Promise<void>): void {
  createTask(coroutine);
}

test("AppRunner.cleanup() gives up on what does not end", async () => {
  const forever = (): Promise<void> => new Promise(() => {});
  const app = new Application();
  const seen: string[] = [];
  app.onShutdown.push(async () => {
    await sleep(3600);
  });
  app.onCleanup.push(async () => {
    seen.push("cleanup");
    await sleep(3600);
  });
  const started = Promise.withResolvers<void>();
  app.router.addGet("/", async () => {
    started.resolve();
    await forever();
    return new Response("never");
  });
  using reports = captureReports();
  await using server = await TestServer.start(app, { shutdownTimeout: 0.02 });
  using client = await Client.connect(server.port);
  await client.send(GET);
  await started.promise;
  await server[Symbol.asyncDispose]();
  assertEquals(seen, ["cleanup"]);
  assertEquals(reports.messages.map((message) => message.split(" of ", 1)[0]), [
    "onShutdown",
    "clean-up",
  ]);
});

test("AppRunner.cleanup() cancels a handler that begins while the others are cancelled", async () => {
  const app = new Application();
  const late = new Stuck();
  app.router.addGet("/late", late.handler);
  const started = Promise.withResolvers<void>();
  let answer: Promise<Response>;
  app.router.addGet("/", async () => {
    started.resolve();
    try {
      await sleep(3600);
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error;
      answer = app.request("/late");
      await sleep(1);
    }
    return new Response("kept its client waiting");
  });
  await runVirtual(async () => {
    const runner = new AppRunner(app);
    await runner.setup();
    const response = app.request("/");
    await started.promise;
    await runner.cleanup();
    assertEquals(await (await response).text(), "kept its client waiting");
    assert(await late.ended.promise instanceof CancelledError);
    assertEquals((await answer).status, 503);
  });
});

test("AppRunner.cleanup() that is called once more waits for the end of the first call", async () => {
  const app = new Application();
  let isClean = false;
  app.onCleanup.push(async () => {
    await sleep(1);
    isClean = true;
  });
  await runVirtual(async () => {
    const runner = new AppRunner(app);
    await runner.setup();
    const first = createTask(() => runner.cleanup());
    await sleep(0);
    await runner.cleanup();
    assert(isClean);
    await first;
    await runner.cleanup(); // twice is harmless
  });
});

test("Application that has ended answers clients with 503, and tells a program of its mistake", async () => {
  const app = new Application();
  app.router.addGet("/", () => new Response("hello"));
  await run(async () => {
    await using runner = new AppRunner(app);
    await runner.setup();
  });
  using reports = captureReports();
  const remoteAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  const response = await app.fetch(new Request("http://localhost/"), { remoteAddr });
  assertEquals([response.status, response.headers.get("connection")], [503, "close"]);
  assertEquals(reports.messages, []);
  assertEquals((await app.request("/")).status, 500);
  assertEquals(reports.messages.length, 1);
});

test("AppRunner.cleanup() skips the waiting, not the clean-up, when it is cancelled", async () => {
  const app = new Application();
  const stuck = new Stuck();
  let isClean = false;
  app.onCleanup.push(() => void (isClean = true));
  app.router.addGet("/", stuck.handler);
  await run(async () => {
    const runner = new AppRunner(app, { shutdownTimeout: 3600 });
    await runner.setup();
    const site = new TCPSite(runner, "127.0.0.1", 0);
    site.start();
    using client = await Client.connect(site.address.port);
    await client.send(GET);
    await stuck.started.promise;
    const task = createTask(() => runner.cleanup());
    await sleep(0);
    await sleep(0);
    task.cancel();
    await assertRejects(async () => await task, CancelledError);
    assert(isClean);
    assert(await stuck.ended.promise instanceof CancelledError);
    await client.rest();
  });
});

test("AppRunner.cleanup() loses no request that was accepted", async () => {
  const app = new Application();
  const count = 200;
  const [all, stops] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  app.onShutdown.push(() => stops.resolve());
  app.router.addGet("/", async () => {
    if (app._running.length === count) all.resolve();
    await stops.promise;
    await sleep(0);
    return new Response("done");
  });
  const server = await TestServer.start(app);
  const clients = await Promise.all(
    Array.from({ length: count }, () => Client.connect(server.port)),
  );
  try {
    for (const client of clients) await client.send(GET);
    await all.promise;
    const [answers] = await Promise.all([
      Promise.all(clients.map((client) => client.rest())),
      server[Symbol.asyncDispose](),
    ]);
    assertEquals(answers.filter((answer) => /^HTTP\/1.1 200.*done$/s.test(answer)).length, count);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
});

// -- Clients that leave, handlers that take too long --

test("A handler is cancelled when its client leaves", async () => {
  const app = new Application();
  const stuck = new Stuck();
  app.router.addGet("/", stuck.handler);
  await using server = await TestServer.start(app);
  {
    using client = await Client.connect(server.port);
    await client.send(GET);
    await stuck.started.promise;
  }
  const error = await stuck.ended.promise;
  assert(error instanceof CancelledError);
  assertEquals(error.message, "the client has left");
});

test("A handler is cancelled when its client leaves at once, by HTTP/2 as well", async () => {
  const { cert, key } = await makeCertificate();
  const app = new Application();
  let stuck = new Stuck();
  app.router.addGet("/", () => stuck.handler());
  await using server = await TestServer.start(app, { cert, key, caCerts: [cert] });
  for (let i = 0; i < 5; i++) {
    stuck = new Stuck();
    const controller = new AbortController();
    const response = server.request("/", { signal: controller.signal });
    await stuck.started.promise;
    controller.abort();
    await assertRejects(() => response, DOMException);
    assert(await stuck.ended.promise instanceof CancelledError);
  }
});

test("A handler that passes on the request's signal is no failure when its client leaves", async () => {
  const warn = console.warn;
  console.warn = (): void => {}; // Deno warns of the signal that this handler asks for
  using reports = captureReports();
  await using hanging = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ signal }) => {
      asked.resolve();
      return new Promise((resolve) =>
        signal.addEventListener("abort", () => resolve(new Response()))
      );
    },
  );
  let asked = Promise.withResolvers<void>();
  try {
    for (const onDisconnect of ["cancel", "ignore"] as const) {
      asked = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<string>();
      const app = new Application({ onDisconnect });
      app.router.addGet("/", async ({ signal }) => {
        const url = `http://127.0.0.1:${hanging.addr.port}/`;
        return await fetch(url, { signal });
      });
      const accessLog = (line: string): void => ended.resolve(line);
      await using server = await TestServer.start(app, { accessLog, accessLogFormat: "%s" });
      {
        using client = await Client.connect(server.port);
        await client.send(GET);
        await asked.promise;
      }
      assertEquals(await ended.promise, "499");
    }
    const app = new Application();
    app.router.addGet(
      "/",
      () => Promise.reject(new DOMException("of something else", "AbortError")),
    );
    assertEquals((await app.request("/")).status, 500);
    await app[Symbol.asyncDispose]();
    assertEquals([reports.messages.length, reports.messages[0]!.includes("else")], [1, true]);
  } finally {
    console.warn = warn;
  }
});

test("A handler is not cancelled when its client leaves and that is to be ignored", async () => {
  const routes: [Application, "cancel" | "ignore" | undefined][] = [
    [new Application({ onDisconnect: "ignore" }), undefined],
    [new Application(), "ignore"],
    [new Application({ onDisconnect: "cancel" }), "ignore"],
  ];
  for (const [app, onDisconnect] of routes) {
    const started = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<string>();
    app.router.addGet("/", async (request) => {
      const left = Promise.withResolvers<void>();
      request.signal.addEventListener("abort", () => left.resolve());
      started.resolve();
      await left.promise;
      await sleep(0.02);
      ended.resolve("to its end");
      return new Response("unheard");
    }, onDisconnect === undefined ? {} : { onDisconnect });
    const warn = console.warn;
    console.warn = (): void => {}; // Deno warns of the signal that this handler asks for
    try {
      await using server = await TestServer.start(app);
      {
        using client = await Client.connect(server.port);
        await client.send(GET);
        await started.promise;
      }
      assertEquals(await ended.promise, "to its end");
    } finally {
      console.warn = warn;
    }
  }
});

test("A request in memory is cancelled by its signal", async () => {
  const app = new Application();
  const stuck = new Stuck();
  app.router.addGet("/", stuck.handler);
  const controller = new AbortController();
  const response = app.request("/", { signal: controller.signal });
  await stuck.started.promise;
  controller.abort();
  assertEquals((await response).status, 499);
  assert(await stuck.ended.promise instanceof CancelledError);
});

test("Nobody is warned of a signal that the application alone listens to", async () => {
  const warnings: unknown[] = [];
  const { warn } = console;
  console.warn = (...words: unknown[]): void => void warnings.push(words);
  try {
    const app = new Application();
    app.router.addGet("/", async () => {
      await sleep(0.02);
      return new Response("slow");
    });
    await using server = await TestServer.start(app);
    for (let i = 0; i < 3; i++) assertEquals(await (await server.request("/")).text(), "slow");
  } finally {
    console.warn = warn;
  }
  assertEquals(warnings, []);
});

test("A handler is cancelled when its time is over, and answers 503 or 504", async () => {
  const app = new Application({ timeout: 0.01 });
  const stuck = new Stuck();
  app.router.addGet("/", stuck.handler);
  app.router.addGet("/504", new Stuck().handler, { timeoutStatus: 504 });
  app.router.addGet("/own", async () => {
    try {
      await sleep(3600);
    } catch {
      return new Response("sorry", { status: 500 });
    }
    return new Response("never");
  });
  app.router.addGet("/enough", async () => {
    await sleep(0.02);
    return new Response("in time");
  }, { timeout: null });
  app.router.addGet("/deaf", () => new Promise<Response>(() => {}));
  await using server = await TestServer.start(app, { shutdownTimeout: 0.01 });
  const seen: unknown[] = [];
  for (const path of ["/", "/504", "/own", "/enough", "/deaf"]) {
    const response = await server.request(path);
    seen.push(`${response.status} ${await response.text()}`);
  }
  assertEquals(seen, [
    "503 503: Service Unavailable",
    "504 504: Gateway Timeout",
    "500 sorry",
    "200 in time",
    "503 503: Service Unavailable",
  ]);
  assert(await stuck.ended.promise instanceof CancelledError);
});

test("A handler that cleans up after its time is not cancelled once more", async () => {
  const [answered, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<unknown>()];
  const app = new Application({ timeout: 0.001 });
  app.router.addGet("/", async (request) => {
    try {
      await sleep(3600);
    } finally {
      await answered.promise;
      await sleep(0.02).then(() => ended.resolve(request.headers.get("a")), ended.resolve);
    }
    return new Response("never");
  });
  await using server = await TestServer.start(app);
  const response = await server.request("/", { headers: { a: "b" } });
  assertEquals([response.status, await response.text()], [503, "503: Service Unavailable"]);
  answered.resolve();
  assertEquals(await ended.promise, "b");
});

test("A response that comes after its time is given up", async () => {
  const cancelled = Promise.withResolvers<void>();
  const late = Promise.withResolvers<Response>();
  await using app = new Application({ timeout: 0.001 });
  app.router.addGet("/", () => late.promise); // a plain promise: no cancellation reaches it
  const response = await app.request("/");
  assertEquals([response.status, await response.text()], [503, "503: Service Unavailable"]);
  late.resolve(new Response(new ReadableStream({ cancel: () => cancelled.resolve() })));
  await cancelled.promise;
});

// -- The log --

test("AppRunner logs a line for each request, and what it is", async () => {
  const app = new Application();
  app.router.addGet(
    "/{name}",
    async () => new Response("hello", { headers: { "content-length": "5", a: "b" } }),
  );
  app.router.addGet("/a/socket", async (request) => {
    const ws = new WebSocketResponse();
    await ws.prepare(request);
    return ws;
  });
  const lines: string[] = [];
  const statuses: number[] = [];
  const settings = {
    accessLogFormat: '%a "%r" %s %b "%{User-Agent}i" "%{Nothing}i" %{A}o %%',
    accessLog(line: string, { response, seconds }: { response: Response; seconds: number }): void {
      lines.push(line);
      if (seconds > 0) statuses.push(response.status);
    },
  };
  const server = await TestServer.start(app, settings);
  const agent = 'x"\\y';
  const head = `Host: a\r\nUser-Agent: ${agent}\r\nConnection: close\r\n`;
  await exchange(server.port, `GET /a%22b?c HTTP/1.1\r\n${head}\r\n`);
  await exchange(server.port, `POST /a"b HTTP/1.1\r\n${head}\r\n`);
  using socket = await RawWebSocket.connect(server.port, "/a/socket");
  assertEquals(await socket.closeCode(), 1000);
  await server[Symbol.asyncDispose]();
  assertEquals(lines, [
    '127.0.0.1 "GET /a%22b?c" 200 5 "x\\"\\\\y" "-" b %',
    '127.0.0.1 "POST /a\\"b" 405 - "x\\"\\\\y" "-" - %',
    '127.0.0.1 "GET /a/socket" 101 - "-" "-" - %',
  ]);
  assertEquals(statuses, [200, 405, 101]);
});

test("AppRunner reports what its log throws, and goes on", async () => {
  const app = new Application();
  app.router.addGet("/", () => new Response("hello"));
  using reports = captureReports();
  const server = await TestServer.start(app, {
    accessLog(): void {
      throw new Error("the disk is full");
    },
  });
  for (let i = 0; i < 2; i++) assertEquals(await (await server.request("/")).text(), "hello");
  await server[Symbol.asyncDispose]();
  assertEquals(reports.messages.length, 2);
  assert(reports.messages[0]!.includes("the disk is full"));
});

test("AccessLogger knows aiohttp's fields, and refuses others", () => {
  const entry = {
    time: new Date(2026, 0, 2, 3, 4, 5),
    seconds: 1.5,
    remote: "::1",
    request: new Request("http://a/?b"),
    response: new Response(null, { status: 204 }),
  };
  const line = new AccessLogger("%t %T %Tf %D %P").format(entry);
  const pattern = /^\[02\/Jan\/2026:03:04:05 [+-]\d{4}\] 2 1\.500000 1500000 <\d+>$/;
  assert(pattern.test(line), line);
  assertEquals(new AccessLogger().format(entry).slice(33), '"GET /?b" 204 - "-" "-"');
  for (const format of ["%x", "a %", "%{A}x", "%{", "%constructor"]) {
    assertThrows(() => new AccessLogger(format), RangeError, "unknown field");
  }
});

test("TCPSite listens again after a connection could not be accepted", async () => {
  const { pathname } = new URL("programs/out_of_files.ts", import.meta.url);
  const command =
    'ulimit -n 100 && exec deno run --allow-net=127.0.0.1 --allow-read=/dev/null "$0"';
  assertEquals(
    await output("sh", "-c", command, pathname),
    "Cannot accept connections at URL for 1 s Http: Error: Too many open files (os error 24)\nhello\n",
  );
});
