/**
 * ClientSession when a timeout ends, when a task is cancelled, and when a signal aborts.
 *
 * On the virtual clock, time passes only when nothing else can happen in the program; what a server
 * sends after that is too late. So the timeouts of these tests end at once.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  gather,
  getRunningLoop,
  newEventLoop,
  run,
  sleep,
  timeout,
  TimeoutError,
} from "@aio/asyncio/loop";
import type { Clock, EventLoop } from "@aio/asyncio/loop";
import { ClientSession, ServerTimeoutError, TCPConnector } from "@aio/asyncio/http";
import type { ClientMiddleware, ClientRequestOptions } from "@aio/asyncio/http";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "../_support/assert.ts";
import { runVirtual } from "../_support/run.ts";
import { later, RawSite, serve, withSession } from "./_client_servers.ts";

const HALF = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";

async function caught(fn: () => PromiseLike<unknown>): Promise<ServerTimeoutError> {
  const error = await assertRejects(fn, ServerTimeoutError);
  assert(error instanceof TimeoutError);
  return error;
}

// -- Time --

Deno.test("ServerTimeoutError names the phase headers when no response comes", async () => {
  await using site = RawSite.stuckAfter("");
  await runVirtual(async () => {
    await using session = new ClientSession();
    const error = await caught(async () => await session.get(site.url));
    assertEquals([error.phase, error.url, error.seconds], ["headers", site.url, 300]);
    assertEquals(error.name, "TimeoutError");
    assertEquals(
      error.message,
      `Cannot reach ${site.url}: no response within 300 s (timeout "headers")`,
    );
    const own = await caught(async () => await session.get(site.url, { timeout: { headers: 7 } }));
    assertEquals([own.phase, own.seconds], ["headers", 7]);
  });
});

Deno.test("ServerTimeoutError goes before a response that comes in the same turn", async () => {
  const { fetch } = globalThis;
  const { promise, resolve } = Promise.withResolvers<Response>();
  globalThis.fetch = () => promise;
  let now = 0;
  const clock: Clock = { time: () => now };
  try {
    await run(async () => {
      await using session = new ClientSession();
      createTask(async () => {
        await sleep(0);
        now = 7;
        await sleep(0); // the timer comes next
        resolve(new Response("hello"));
        await promise;
      });
      const timeout = { headers: 7 };
      const error = await caught(async () => await session.get("http://localhost/", { timeout }));
      assertEquals(error.phase, "headers");
    }, { loopFactory: () => newEventLoop({ clock }) });
  } finally {
    globalThis.fetch = fetch;
  }
});

Deno.test("ServerTimeoutError names the phase idleRead when a body stops", async () => {
  await using site = RawSite.stuckAfter(HALF);
  await withSession({ timeout: { idleRead: 0.03 } }, async (session) => {
    const readings: ((response: Awaited<ReturnType<typeof session.get>>) => Promise<unknown>)[] = [
      async (response) => await response.read(),
      async (response) => await Array.fromAsync(response.iterAny()),
      async (response) => await Array.fromAsync(response.iterLines()),
      async (response) => await Array.fromAsync(response.content),
    ];
    for (const read of readings) {
      await using response = await session.get(site.url);
      const error = await caught(() => read(response));
      assertEquals([error.phase, error.url], ["idleRead", site.url]);
      assert(response.closed);
      // Reading again throws the same error.
      assertStrictEquals(await caught(async () => await response.read()), error);
    }
  });
});

Deno.test("ServerTimeoutError names idleRead also for small bodies that are read in one go", async () => {
  await using site = RawSite.stuckAfter(HALF);
  await using fast = serve(() => new Response("hello"));
  const clock = getClock();
  await run(async () => {
    await using session = new ClientSession({ timeout: { idleRead: 60, headers: null } });
    await using response = await session.get(site.url);
    const reading = createTask(() => caught(async () => await response.read()));
    await sleep(0);
    clock.advance(1000);
    await sleep(0);
    assertEquals((await reading).phase, "idleRead");
    await using other = await session.get(fast.url);
    assertEquals(await other.text(), "hello");
  }, { loopFactory: clock.newLoop });
});

Deno.test("ServerTimeoutError names idleRead where the phase before it has a shorter limit", async () => {
  await using site = RawSite.stuckAfter(HALF);
  const timeout = { headers: 20, idleRead: 60 };
  const clock = getClock();
  await run(async () => {
    await using session = new ClientSession({ timeout });
    await using response = await session.get(site.url);
    const reading = createTask(() => caught(async () => await response.read()));
    await sleep(0);
    clock.advance(40); // more than the timeout of the phase that is over
    await sleep(0);
    await sleep(0);
    assert(!reading.done());
    clock.advance(40);
    await sleep(0);
    const { phase, seconds } = await reading;
    assertEquals([phase, seconds], ["idleRead", 60]);
  }, { loopFactory: clock.newLoop });
});

Deno.test("ServerTimeoutError comes in the order of the limits, whatever the order of the requests", async () => {
  await using site = RawSite.stuckAfter("");
  await runVirtual(async () => {
    await using session = new ClientSession();
    const begin = getRunningLoop().time();
    const seen: [seconds: number, after: number][] = [];
    const get = async (headers: number): Promise<void> => {
      const { seconds } = await caught(async () => {
        await session.get(site.url, { timeout: { headers } });
      });
      seen.push([seconds, getRunningLoop().time() - begin]);
    };
    await gather([20, 5, 10].map((seconds) => () => get(seconds)));
    assertEquals(seen, [[5, 5], [10, 10], [20, 20]]);
  });
});

Deno.test("ClientSession keeps its limits in one loop after another", async () => {
  await using site = RawSite.stuckAfter("");
  await using session = new ClientSession({ timeout: { headers: 7 } });
  for (let i = 0; i < 2; i++) {
    await runVirtual(async () => {
      // It is cancelled at the end of its loop, along with the timers it has set there.
      createTask(() => session.get(site.url, { timeout: { headers: 3600 } }));
      const { seconds } = await caught(async () => await session.get(site.url));
      assertEquals(seconds, 7);
    });
  }
});

Deno.test("ServerTimeoutError names the phase total, wherever the request is", async () => {
  await using silent = RawSite.stuckAfter("");
  await using half = RawSite.stuckAfter(HALF);
  await using busy = serve(() => new Response(null, { status: 503 }));
  await withSession({}, async (session) => {
    const total =
      (url: string, options: ClientRequestOptions = {}) => async (): Promise<unknown> => {
        await using response = await session.get(url, { timeout: 0.03, ...options });
        return await response.read();
      };
    for (const url of [silent.url, half.url]) {
      const error = await caught(total(url));
      assertEquals([error.phase, error.url, error.seconds], ["total", url, 0.03]);
    }
    // Also within a middleware that waits, and within a `raiseForStatus` function.
    let cleanedUp = false;
    const patient: ClientMiddleware = async (request, handler) => {
      try {
        await sleep(3600);
        return await handler(request);
      } finally {
        cleanedUp = true;
      }
    };
    const error = await caught(total(busy.url, { middlewares: [patient] }));
    assertEquals([error.phase, cleanedUp], ["total", true]);
    const looksOn = async () => void await sleep(3600);
    assertEquals((await caught(total(busy.url, { raiseForStatus: looksOn }))).phase, "total");
  });
});

Deno.test("ServerTimeoutError names the phase pool when no connection gets free", async () => {
  await using site = RawSite.stuckAfter(HALF);
  const connector = new TCPConnector({ limit: 1 });
  await withSession({ connector, timeout: { pool: 0.02 } }, async (session) => {
    await using response = await session.get(site.url);
    const error = await caught(async () => await session.get(site.url));
    assertEquals([error.phase, error.url], ["pool", site.url]);
    assertEquals(response.closed, false);
  });
  assertEquals([site.connections, connector._limiter.active], [1, 0]);
});

Deno.test("ClientSession has no limit for a whole that goes on", async () => {
  const PIECES = 20;
  await using site = new RawSite(async (conn) => {
    await conn.head();
    await conn.write(`HTTP/1.1 200 OK\r\nContent-Length: ${PIECES}\r\n\r\n`);
    // The client asks for each byte: no clock is involved.
    for (let i = 0; i < PIECES; i++) {
      await next.shift()!.promise;
      await conn.write("x");
    }
  });
  const next = Array.from({ length: PIECES }, later);
  const allow = [...next];
  await withSession({ timeout: { idleRead: 10 } }, async (session) => {
    await using response = await session.get(site.url);
    let size = 0;
    allow.shift()!.resolve();
    for await (const piece of response.iterAny()) {
      size += piece.length;
      allow.shift()?.resolve();
    }
    assertEquals(size, PIECES);
  });
});

Deno.test("ClientSession begins the phase headers anew with each piece of a streamed body", async () => {
  await using site = serve(async (request) => new Response(await request.text()));
  // Each chunk of the body takes 3 of the 5 seconds that may pass without an answer.
  const clock = getClock();
  await run(async () => {
    await using session = new ClientSession({ timeout: { headers: 5 } });
    const data = async function* (): AsyncGenerator<string> {
      for (const piece of ["a", "b", "c", "d"]) {
        clock.advance(3);
        yield piece;
      }
    };
    await using response = await session.post(site.url, { data });
    assertEquals(await response.text(), "abcd");
  }, { loopFactory: clock.newLoop });
});

Deno.test("timeout() stops a request, and is told apart from its own limits", async () => {
  await using site = RawSite.stuckAfter("");
  const connector = new TCPConnector({ limit: 1 });
  await withSession({ connector }, async (session) => {
    const error = await assertRejects(
      async () => await timeout(0.02).run(() => session.get(site.url)),
      TimeoutError,
    );
    assert(!(error instanceof ServerTimeoutError));
    assertEquals(connector._limiter.active, 0);
  });
});

// -- Cancellation --

Deno.test("Task.cancel() stops a request that waits for its response", async () => {
  const arrived = later();
  const left = later();
  await using site = new RawSite(async (conn) => {
    await conn.head();
    arrived.resolve();
    await conn.left();
    left.resolve();
  });
  const connector = new TCPConnector({ limit: 1 });
  await withSession({ connector }, async (session) => {
    const task = createTask(async () => await session.get(site.url));
    await arrived.promise;
    task.cancel("enough");
    const error = await assertRejects(async () => await task, CancelledError);
    assertEquals([error.message, task.cancelled()], ["enough", true]);
    await left.promise; // the server sees it
    assertEquals(connector._limiter.active, 0);
  });
});

Deno.test("Task.cancel() stops the reading of a body, in each way of reading it", async () => {
  let connections = 0;
  let left = later();
  await using site = new RawSite(async (conn) => {
    connections++;
    await conn.head();
    await conn.write(HALF);
    await conn.left();
    left.resolve();
  });
  const connector = new TCPConnector({ limit: 1 });
  await withSession({ connector }, async (session) => {
    const readings: ((response: Awaited<ReturnType<typeof session.get>>) => Promise<unknown>)[] = [
      async (response) => await response.text(),
      async (response) => await Array.fromAsync(response.iterAny()),
      async (response) => await Array.fromAsync(response.iterChunked(4)),
    ];
    for (const read of readings) {
      left = later();
      const started = getRunningLoop().createFuture<void>();
      const task = createTask(async () => {
        const response = await session.get(site.url);
        started.setResult();
        await read(response);
      });
      await started;
      await sleep(0);
      task.cancel();
      await assertRejects(async () => await task, CancelledError);
      await left.promise;
      assertEquals(connector._limiter.active, 0);
    }
  });
  assertEquals(connections, 3);
});

Deno.test("Task.cancel() reaches a middleware, and the request behind it", async () => {
  const arrived = later();
  await using site = new RawSite(async (conn) => {
    await conn.head();
    arrived.resolve();
    await conn.left();
  });
  const seen: string[] = [];
  const middleware: ClientMiddleware = async (request, handler) => {
    try {
      return await handler(request);
    } catch (error) {
      seen.push((error as Error).name);
      throw error;
    }
  };
  await withSession({ middlewares: [middleware] }, async (session) => {
    const task = createTask(async () => await session.get(site.url));
    await arrived.promise;
    task.cancel();
    await assertRejects(async () => await task, CancelledError);
  });
  assertEquals(seen, ["CancelledError"]);
});

// -- Signals --

/** A signal that counts its listeners. */
function countingSignal(): { aborter: AbortController; listeners: () => number } {
  const aborter = new AbortController();
  const { signal } = aborter;
  let count = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<AbortSignal["addEventListener"]>): void => {
    count++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<AbortSignal["removeEventListener"]>): void => {
    count--;
    removeEventListener.apply(signal, args);
  };
  return { aborter, listeners: () => count };
}

Deno.test("ClientSession.get() throws the reason of a signal that aborts", async () => {
  const arrived = later();
  await using site = new RawSite(async (conn) => {
    await conn.head();
    arrived.resolve();
    await conn.left();
  });
  const { aborter, listeners } = countingSignal();
  const reason = new RangeError("mine");
  await withSession({}, async (session) => {
    const { signal } = aborter;
    const task = createTask(async () => await session.get(site.url, { signal }));
    await arrived.promise;
    assertEquals(listeners(), 1);
    aborter.abort(reason);
    assertStrictEquals(await assertRejects(async () => await task, RangeError), reason);
    assertEquals([listeners(), task.cancelled()], [0, false]);
    // A signal that is already aborted throws, too: nothing is sent.
    const again = await assertRejects(
      async () => await session.get(site.url, { signal }),
      RangeError,
    );
    assertStrictEquals(again, reason);
  });
  assertEquals(site.connections, 1);
});

Deno.test("ClientSession.get() listens to its signal until the body has ended, and no longer", async () => {
  await using site = serve(() => new Response("hello"));
  await using half = RawSite.stuckAfter(HALF);
  await using nowhere = RawSite.saying("");
  await withSession({}, async (session) => {
    const { aborter, listeners } = countingSignal();
    const { signal } = aborter;
    const read = await session.get(site.url, { signal });
    await read.text();
    assertEquals(listeners(), 0);
    const released = await session.get(site.url, { signal });
    assertEquals(listeners(), 1);
    await released.release();
    assertEquals(listeners(), 0);
    await assertRejects(async () => await session.get(nowhere.url, { signal }));
    await assertRejects(async () => await session.get("no url", { signal }));
    assertEquals(listeners(), 0);
    await using response = await session.get(half.url, { signal });
    const reading = createTask(async () => await response.read());
    await sleep(0);
    aborter.abort(new RangeError("mine"));
    await assertRejects(async () => await reading, RangeError, "mine");
    assertEquals([listeners(), response.closed], [0, true]);
  });
});

// -- Helpers --

/** Returns a real clock that can be put forward. */
function getClock(): { newLoop: () => EventLoop; advance: (seconds: number) => void } {
  let ahead = 0;
  const clock: Clock = { time: () => performance.now() / 1000 + ahead };
  return {
    newLoop: () => newEventLoop({ clock }),
    advance: (seconds) => void (ahead += seconds),
  };
}
