/**
 * The connector's limits: never more than allowed, first come, first served, and no place is ever
 * lost, however the requests end.
 *
 * @module
 */

import {
  CancelledError,
  createTask,
  gather,
  getRunningLoop,
  run,
  sleep,
  wait,
} from "@aio/asyncio/loop";
import type { Task } from "@aio/asyncio/loop";
import { ClientSession, TCPConnector } from "@aio/asyncio/http";
import type { ClientResponse } from "@aio/asyncio/http";
import { Limiter } from "../../http/_client_limiter.ts";
import type { Lease, Ticket } from "../../http/_client_limiter.ts";
import { assert, assertEquals, assertRejects } from "../_support/assert.ts";
import { seededRandom } from "../_support/random.ts";
import { runVirtual } from "../_support/run.ts";
import { later, RawSite, serve, withSession } from "./_client_servers.ts";

const HALF = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";

// -- The limiter --

/** Waits for a place as requests do. */
async function acquire(limiter: Limiter, host: string): Promise<Lease> {
  const free = limiter.tryAcquire(host);
  if (free !== null) return free;
  const ticket: Ticket = limiter.enqueue(host, getRunningLoop());
  try {
    return await ticket.future;
  } catch (error) {
    ticket.abandon();
    throw error;
  }
}

Deno.test("Limiter gives places in the order in which they were asked for", async () => {
  await runVirtual(async () => {
    const limiter = new Limiter(1, 0);
    const first = await acquire(limiter, "a");
    const seen: number[] = [];
    const worker = (id: number) => async (): Promise<void> => {
      const lease = await acquire(limiter, `host${id % 3}`);
      seen.push(id);
      lease.release();
      lease.release(); // twice is harmless
    };
    const all = gather([1, 2, 3, 4, 5].map((id) => worker(id)));
    await sleep(0);
    first.release();
    await all;
    assertEquals([seen, limiter.active], [[1, 2, 3, 4, 5], 0]);
  });
});

Deno.test("Limiter lets others pass those whose host is full", async () => {
  await runVirtual(async () => {
    const limiter = new Limiter(3, 1);
    const [a, b] = [await acquire(limiter, "a"), await acquire(limiter, "b")];
    const seen: string[] = [];
    const worker = (host: string) => async (): Promise<Lease> => {
      const lease = await acquire(limiter, host);
      seen.push(host);
      return lease;
    };
    const tasks = ["a", "b", "c", "d"].map((host) => createTask(worker(host)));
    await sleep(0);
    await sleep(0);
    assertEquals(seen, ["c"]); // hosts a and b are full, and then the whole limiter is
    b.release();
    await sleep(0);
    await sleep(0);
    assertEquals(seen, ["c", "b"]); // before d, which came later
    a.release();
    (await tasks[1]!).release();
    (await tasks[2]!).release();
    for (const task of tasks) (await task).release();
    assertEquals([seen.toSorted().join(""), limiter.active], ["abcd", 0]);
  });
});

Deno.test("Limiter forgets a host when nobody goes to it, or waits for it, any more", async () => {
  await runVirtual(async () => {
    const limiter = new Limiter(1, 1);
    const lease = await acquire(limiter, "a");
    const waiting = createTask(() => acquire(limiter, "b"));
    await sleep(0);
    assertEquals(limiter.hosts, 2);
    waiting.cancel();
    await assertRejects(async () => await waiting, CancelledError);
    assertEquals(limiter.hosts, 1);
    lease.release();
    assertEquals(limiter.hosts, 0);
  });
});

/** One run of the property, with random hosts, durations, and cancellations. */
async function storm(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const [limit, limitPerHost] = [random(4), random(3)];
  const limiter = new Limiter(limit, limitPerHost);
  const inside = new Map<string, number>();
  const asked = new Map<string, number[]>();
  const worker = (id: number) => async (): Promise<void> => {
    const host = `host${random(3)}`;
    await sleep(random(5));
    const queue = asked.get(host) ?? [];
    asked.set(host, queue);
    queue.push(id);
    let lease: Lease | null = null;
    try {
      lease = await acquire(limiter, host);
      // Among the requests for one host that were not cancelled, none is overtaken.
      assertEquals(queue.shift(), id, `seed ${seed}`);
      inside.set(host, (inside.get(host) ?? 0) + 1);
      const all = [...inside.values()].reduce((a, b) => a + b, 0);
      assert(limit === 0 || all <= limit, `seed ${seed}: ${all} are more than ${limit}`);
      assert(limitPerHost === 0 || inside.get(host)! <= limitPerHost, `seed ${seed}`);
      try {
        await sleep(random(3));
      } finally {
        inside.set(host, inside.get(host)! - 1);
      }
    } catch (error) {
      if (queue.includes(id)) queue.splice(queue.indexOf(id), 1);
      throw error;
    } finally {
      lease?.release();
    }
  };
  const tasks = Array.from({ length: 30 }, (_, id) => createTask(worker(id)));
  for (let i = 0; i < 20; i++) {
    await sleep(random(2));
    const victims = Array.from({ length: random(3) }, () => tasks[random(tasks.length)]!);
    for (const victim of victims) victim.cancel();
  }
  // On the virtual clock, this throws if a task waits for ever.
  const [done] = await wait(tasks);
  for (const task of done as Set<Task<void>>) {
    if (!task.cancelled()) {
      assertEquals(task.exception(), null, `seed ${seed}: ${task.exception()}`);
    }
  }
  assertEquals(limiter.active, 0, `seed ${seed}`);
  assertEquals(limiter.tryAcquire("host0") !== null, true, `seed ${seed}`);
}

Deno.test("Limiter loses no place and overtakes nobody, whoever is cancelled when", async () => {
  for (let seed = 0; seed < 300; seed++) await runVirtual(() => storm(seed));
});

// -- Requests --

Deno.test("TCPConnector lets no more requests through than its limits say", async () => {
  let [now, most] = [0, 0];
  const gates = [later(), later(), later(), later(), later(), later()];
  let arrived = 0;
  await using site = serve(async () => {
    most = Math.max(most, ++now);
    const gate = gates[arrived++]!;
    if (arrived % 2 === 0) {
      // Both places are taken: these two requests may go on.
      gates[arrived - 2]!.resolve();
      gate.resolve();
    }
    await gate.promise;
    now--;
    return new Response("hello");
  });
  for (const limits of [{ limit: 2 }, { limitPerHost: 2 }]) {
    [now, most, arrived] = [0, 0, 0];
    for (let i = 0; i < gates.length; i++) gates[i] = later();
    const connector = new TCPConnector(limits);
    await withSession({ connector }, async (session) => {
      const get = async (): Promise<string> => await (await session.get(site.url)).text();
      assertEquals(await gather(Array.from({ length: 6 }, () => get)), Array(6).fill("hello"));
    });
    assertEquals([most, connector._limiter.active], [2, 0]);
  }
});

Deno.test("TCPConnector with limits is shared by sessions", async () => {
  await using site = RawSite.stuckAfter(HALF);
  await using other = serve(() => new Response("hello"));
  await run(async () => {
    const connector = new TCPConnector({ limit: 1 });
    await using one = new ClientSession({ connector });
    await using two = new ClientSession({ connector, connectorOwner: false });
    const held = await one.get(site.url);
    const waiting = createTask(async () => await two.get(other.url));
    await sleep(0);
    assert(!waiting.done());
    await held.release();
    await using response = await waiting;
    assertEquals(await response.text(), "hello");
  });
});

/** Runs a task, and cancels it once a promise of the runtime is fulfilled, before it goes on. */
async function cancelWith<Name extends string>(
  platform: Record<Name, () => Promise<unknown>>,
  name: Name,
  work: () => Promise<void>,
): Promise<void> {
  const loop = getRunningLoop();
  const original = platform[name];
  const task = createTask(work);
  platform[name] = function (): Promise<unknown> {
    const promise = original.call(this);
    promise.then(() => loop.callSoon(() => task.cancel()));
    return promise;
  };
  try {
    await wait([task]);
  } finally {
    platform[name] = original;
  }
  assert(task.cancelled());
}

const endings: [name: string, end: (session: ClientSession, url: string) => Promise<unknown>][] = [
  ["its body is read", async (session, url) => await (await session.get(`${url}ok`)).text()],
  ["it is released", async (session, url) => await (await session.get(`${url}half`)).release()],
  ["it is closed", async (session, url) => (await session.get(`${url}half`)).close()],
  ["its stream is cancelled", async (session, url) => {
    const { content } = await session.get(`${url}half`);
    await content.cancel();
  }],
  ["its iteration is left", async (session, url) => {
    await using response = await session.get(`${url}half`);
    for await (const piece of response.iterAny()) if (piece.length > 0) break;
  }],
  ["its body breaks off", async (session, url) => {
    const response = await session.get(`${url}broken`);
    await assertRejects(async () => await response.read());
  }],
  ["the server hangs up", async (session, url) => {
    await assertRejects(async () => await session.get(`${url}nothing`));
  }],
  ["its task is cancelled", async (session, url) => {
    const task = createTask(async () => await session.get(`${url}silent`));
    await sleep(0.001);
    task.cancel();
    await assertRejects(async () => await task, CancelledError);
  }],
  ["it is cancelled before it is sent", async (session, url) => {
    const task = createTask(async () => await session.get(`${url}silent`));
    await sleep(0);
    task.cancel();
    await assertRejects(async () => await task, CancelledError);
  }],
  ["it is cancelled in the turn in which its response comes", async (session, url) => {
    const loop = getRunningLoop();
    const task = createTask(async () =>
      await session.get(`${url}ok`, {
        middlewares: [async (request, handler) => {
          const response = await handler(request);
          loop.callSoon(() => task.cancel());
          return response;
        }],
      })
    );
    await wait([task]);
    if (!task.cancelled()) (await task).close();
  }],
  ["it is cancelled in the turn in which its body comes", async (session, url) => {
    await cancelWith(Response.prototype, "bytes", async () => {
      await (await session.get(`${url}ok`)).read();
    });
  }],
  ["it is cancelled in the turn in which a piece of it comes", async (session, url) => {
    await cancelWith(ReadableStreamDefaultReader.prototype, "read", async () => {
      for await (const _ of (await session.get(`${url}half`)).iterAny());
    });
  }],
  ["its signal aborts once it was given a place", async (session, url) => {
    const held = await session.get(`${url}half`);
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = createTask(async () => await session.get(`${url}ok`, { signal }));
    await sleep(0);
    held.close(); // the place is given to the other request, which has not resumed yet
    controller.abort(new RangeError("enough"));
    await assertRejects(async () => await waiting, RangeError, "enough");
  }],
  ["its middleware returns another one while it waits for a place", async (session, url) => {
    const later: Task<ClientResponse>[] = [];
    const held = await session.get(`${url}half`, {
      middlewares: [async (request, handler) => {
        const response = await handler(request);
        later.push(createTask(async () => await handler(request)));
        await sleep(0);
        return response;
      }],
    });
    await assertRejects(async () => await later[0]!, DOMException, "given up");
    held.close();
  }],
  ["a middleware drops it", async (session, url) => {
    const middlewares = [async (): Promise<never> => {
      throw new RangeError("dropped");
    }];
    await assertRejects(async () => await session.get(url, { middlewares }), RangeError);
  }],
];

for (const [name, end] of endings) {
  Deno.test(`TCPConnector gets its place back from a request when ${name}`, async () => {
    await using site = new RawSite(async (conn) => {
      for (let head = await conn.head(); head !== null; head = await conn.head()) {
        const path = /^GET \/(\w*)/.exec(head)![1];
        if (path === "nothing") return;
        if (path === "ok") await conn.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        else if (path !== "silent") await conn.write(HALF);
        if (path === "broken") return;
        if (path !== "ok") await conn.left();
      }
    });
    const connector = new TCPConnector({ limit: 1 });
    await withSession({ connector }, async (session) => {
      await end(session, site.url);
      assertEquals(connector._limiter.active, 0);
      await using response = await session.get(`${site.url}ok`);
      assertEquals(await response.text(), "ok");
    });
  });
}

Deno.test("TCPConnector goes on when requests in its queue are cancelled at random", async () => {
  await using site = serve(() => new Response("hello"));
  const random = seededRandom(7);
  const connector = new TCPConnector({ limit: 3, limitPerHost: 2 });
  await withSession({ connector }, async (session) => {
    const { port } = site;
    const get = async (): Promise<string> => {
      const host = random(2) ? "127.0.0.1" : "localhost";
      await using response = await session.get(`http://${host}:${port}/`);
      return await response.text();
    };
    const tasks = Array.from({ length: 120 }, () => createTask(get));
    for (const task of tasks) {
      if (random(3) === 0) task.cancel();
      if (random(2) === 0) await sleep(0);
    }
    const [done] = await wait(tasks);
    for (const task of done as Set<Task<string>>) {
      if (!task.cancelled()) assertEquals(task.result(), "hello");
    }
    assertEquals(connector._limiter.active, 0);
  });
});
