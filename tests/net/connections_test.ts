import {
  CancelledError,
  connectAcceptedSocket,
  createConnection,
  createServer,
  createTask,
  ExceptionGroup,
  getaddrinfo,
  getnameinfo,
  getRunningLoop,
  Protocol,
  run,
  sleep,
  staggeredRace,
} from "@aio/asyncio";
import { connectToAny, interleaved } from "../../net/_connecting.ts";
import type { ConnectPlan } from "../../net/_connecting.ts";
import type { AddressInfo, SocketAddress } from "@aio/asyncio";
import type { Steps } from "../../loop/coroutines.ts";
import { assert, assertEquals, assertRejects } from "../_support/assert.ts";
import { newVirtualLoop } from "../_support/run.ts";
import { addressOf, netTest, Recorder } from "./_helpers.ts";

const PLAN: ConnectPlan = {
  family: 0,
  happyEyeballsDelay: null,
  interleave: 0,
  allErrors: false,
};

const V6 = ["a", "b", "c"].map((host): AddressInfo => [6, [host, 1]]);
const V4 = ["d", "e"].map((host): AddressInfo => [4, [host, 1]]);

/** Returns a fake connector: each host takes so many seconds, then fails unless it is a winner. */
function connectorOf(
  times: Readonly<Record<string, number>>,
  winners: string,
  log: string[],
): (address: SocketAddress) => Steps<string> {
  return function* ([host]) {
    const time = (): number => Math.round(getRunningLoop().time() * 100) / 100;
    const start = time();
    try {
      yield* sleep(times[host] ?? 0);
    } catch (error) {
      log.push(`${host} cancelled`);
      throw error;
    }
    log.push(`${host} ${start}-${time()}`);
    if (winners.includes(host)) return host;
    throw new Deno.errors.ConnectionRefused(`no ${host}`);
  };
}

const never = (): void => {
  throw new Error("nothing is to be discarded");
};

Deno.test("createConnection() tries one address after another", async () => {
  const log: string[] = [];
  const result = await run(
    () => connectToAny([...V6, ...V4], PLAN, connectorOf({ a: 5 }, "c", log), never),
    { loopFactory: newVirtualLoop },
  );
  assertEquals([result, log.map((line) => line[0])], ["c", ["a", "b", "c"]]);
});

Deno.test("createConnection() lets addresses race with happyEyeballsDelay", async () => {
  const log: string[] = [];
  const plan = { ...PLAN, happyEyeballsDelay: 0.25, interleave: 1 };
  const connector = connectorOf({ a: 100, d: 100, b: 1, e: 0.1 }, "be", log);
  const result = await run(() => connectToAny([...V6, ...V4], plan, connector, never), {
    loopFactory: newVirtualLoop,
  });
  assertEquals(result, "e");
  assertEquals(log.slice(1).sort(), ["a cancelled", "b cancelled", "d cancelled"]);
});

Deno.test("interleaved() has the families take turns", () => {
  const hosts = (firstCount: number): string =>
    interleaved([...V6, ...V4], firstCount).map(([, [host]]) => host).join("");
  assertEquals([hosts(1), hosts(2), hosts(3)], ["adbec", "abdce", "abcde"].map((text) => text));
});

Deno.test("parity: 143 createConnection() throws the errors of all addresses", async () => {
  const connect = (addresses: AddressInfo[], plan: ConnectPlan): Promise<string> =>
    run(() => connectToAny(addresses, plan, connectorOf({}, "", []), never));
  const { ConnectionRefused } = Deno.errors;
  await assertRejects(() => connect(V6.slice(0, 1), PLAN), ConnectionRefused, "no a");
  await assertRejects(
    () => connect(V4, PLAN),
    ConnectionRefused,
    "Multiple exceptions: no d, no e",
  );
  for (const happyEyeballsDelay of [null, 0]) {
    const plan = { ...PLAN, allErrors: true, happyEyeballsDelay };
    const group = await assertRejects(() => connect(V4, plan), ExceptionGroup);
    assertEquals(group.exceptions.map((error) => (error as Error).message), ["no d", "no e"]);
  }
});

Deno.test("createConnection() gives up at once for what is no error of the system", async () => {
  const tried: string[] = [];
  await assertRejects(
    () =>
      run(() =>
        connectToAny(V6, PLAN, function* ([host]): Steps<string> {
          tried.push(host);
          throw new SyntaxError("no such thing");
        }, never)
      ),
    SyntaxError,
  );
  assertEquals(tried, ["a"]);
});

netTest("createConnection() says who refused", async () => {
  const server = await createServer(() => new Protocol(), "127.0.0.1", 0);
  const [host, port] = addressOf(server);
  server.close();
  await server.waitClosed();
  await assertRejects(
    async () => await createConnection(() => new Protocol(), host, port),
    Deno.errors.ConnectionRefused,
    `Cannot connect to 127.0.0.1:${port}: Connection refused`,
  );
  const group = await assertRejects(
    async () => await createConnection(() => new Protocol(), host, port, { allErrors: true }),
    ExceptionGroup,
  );
  assertEquals(group.exceptions.length, 1);
});

netTest("createConnection() says which host is not known", async () => {
  await assertRejects(
    async () => await createConnection(() => new Protocol(), "nobody.invalid", 80),
    Deno.errors.NotFound,
    "Cannot look up nobody.invalid: Name or service not known",
  );
});

netTest("createConnection() connects by name, with happy eyeballs", async () => {
  await using server = await createServer(() => new Recorder(), "localhost", 0);
  const [, port] = addressOf(server);
  const client = new Recorder();
  const options = { happyEyeballsDelay: 0.25 };
  const [transport, protocol] = await createConnection(() => client, "localhost", port, options);
  assertEquals(protocol, client);
  transport.close();
  await client.lost;
});

netTest("createConnection() takes over a connection", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const sock = await Deno.connect({ port: listener.addr.port });
  const accepted = await listener.accept();
  const [client, server] = [new Recorder(), new Recorder()];
  await createConnection(() => client, null, null, { sock });
  await connectAcceptedSocket(() => server, accepted);
  client.transport.write(new Uint8Array(3));
  client.transport.close();
  await server.lost;
  assertEquals(server.total, 3);
});

netTest("createConnection() checks its arguments", async () => {
  const factory = (): Protocol => new Protocol();
  const sock = {} as Deno.Conn;
  const cases: [string, () => PromiseLike<unknown>][] = [
    ["port was not specified", () => createConnection(factory)],
    ["can not be specified at the same time", () => createConnection(factory, "x", 1, { sock })],
    [
      "serverHostname is only meaningful with ssl",
      () => createConnection(factory, "x", 1, { serverHostname: "y" }),
    ],
    [
      "only meaningful with ssl",
      () => createConnection(factory, "x", 1, { sslHandshakeTimeout: 1 }),
    ],
    [
      "You must set serverHostname when using ssl without a host",
      () => createConnection(factory, null, null, { sock, ssl: true }),
    ],
  ];
  for (const [message, connect] of cases) {
    await assertRejects(async () => await connect(), TypeError, message);
  }
});

netTest("createConnection() closes the connection if the factory fails", async () => {
  const server = new Recorder();
  await using listening = await createServer(() => server, "127.0.0.1", 0);
  await assertRejects(
    async () =>
      await createConnection(
        () => {
          throw new SyntaxError("in the factory");
        },
        ...addressOf(listening),
      ),
    SyntaxError,
  );
  await server.lost;
});

netTest("createConnection() leaves nothing open, wherever it is cancelled", async () => {
  const accepted: Recorder[] = [];
  const server = await createServer(
    () => {
      const recorder = new Recorder();
      accepted.push(recorder);
      return recorder;
    },
    "127.0.0.1",
    0,
  );
  let cancelled = 0;
  // The handshake takes one turn of the host: after that, the connection is made and stays open.
  for (let turns = 0; turns < 60; turns++) {
    for (const options of [{}, { happyEyeballsDelay: 0.1 }]) {
      const client = new Recorder();
      const task = createTask(() => createConnection(() => client, ...addressOf(server), options));
      for (let i = 0; i < turns % 6; i++) await sleep(0);
      if (turns >= 30) await new Promise((resolve) => setTimeout(resolve));
      for (let i = 0; i < Math.floor(turns / 6) % 5; i++) await sleep(0);
      task.cancel();
      try {
        (await task)[0].close();
      } catch (error) {
        if (!(error instanceof CancelledError)) throw error;
        cancelled++;
      }
    }
  }
  assert(cancelled > 20);
  server.close();
  await server.waitClosed(); // until the last connection is gone
  for (const recorder of accepted) assert(recorder.lost.done());
});

netTest("createConnection() closes what came about as it was cancelled", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connect = Deno.connect;
  // As in the runtime: it has connected, but the signal aborts before it reports that.
  const connectTooLate = async (options: Deno.ConnectOptions): Promise<Deno.TcpConn> => {
    const signal = options.signal!;
    const conn = await connect({ port: options.port });
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    signal.throwIfAborted();
    return conn;
  };
  const task = createTask(() =>
    createConnection(() => new Protocol(), "127.0.0.1", listener.addr.port)
  );
  try {
    Deno.connect = connectTooLate as typeof Deno.connect;
    using accepted = await listener.accept();
    task.cancel();
    assertEquals(await accepted.read(new Uint8Array(1)), null);
  } finally {
    Deno.connect = connect;
  }
  await assertRejects(async () => await task, CancelledError);
});

netTest("getaddrinfo() gives families and addresses", async () => {
  assertEquals(await getaddrinfo("::1", 5), [[6, ["::1", 5]]]);
  const local = await getaddrinfo(null, 80, { family: 4 });
  assertEquals(local, [[4, ["127.0.0.1", 80]]]);
  await assertRejects(async () => await getaddrinfo("nobody.invalid", 1), Deno.errors.NotFound);
  await assertRejects(
    async () => await getaddrinfo("::1", 5, { family: 4 }),
    Deno.errors.NotFound,
    "Address family for hostname not supported",
  );
});

netTest("parity: getnameinfo() gives an address that has no name as it is", async () => {
  // As CPython does, for addresses that `/etc/hosts` leaves out.
  const [, ssh] = await getnameinfo(["127.0.0.1", 22]);
  assertEquals(await getnameinfo(["127.0.0.9", 22]), ["127.0.0.9", ssh]);
  assertEquals(await getnameinfo(["127.0.0.9", 49_999]), ["127.0.0.9", "49999"]);
});

netTest("getnameinfo() gives the name of a service", async () => {
  assertEquals((await getnameinfo(["127.0.0.1", 1]))[0].length > 0, true);
  await assertRejects(async () => await getnameinfo(["no address", 1]), Deno.errors.NotFound);
});

// -- Races --

Deno.test("staggeredRace() starts the next when one fails, or after the delay", async () => {
  const log: string[] = [];
  const attempt = (name: string, seconds: number, wins: boolean) => async () => {
    const loop = getRunningLoop();
    log.push(`${name} starts ${loop.time().toFixed(2)}`);
    await sleep(seconds);
    if (!wins) throw new Error(name);
    return name;
  };
  const [result, winner, exceptions] = await run(
    () =>
      staggeredRace([
        attempt("a", 0.01, false),
        attempt("b", 10, true),
        attempt("c", 1, true),
        attempt("d", 10, true),
      ], 0.5),
    { loopFactory: newVirtualLoop },
  );
  assertEquals([result, winner], ["c", 2]);
  assertEquals(exceptions.map((error) => error === null ? null : (error as Error).name), [
    "Error",
    "CancelledError",
    null,
    "CancelledError",
  ]);
  assertEquals(log.length, 4);
});

Deno.test("staggeredRace() without a winner gives all errors", async () => {
  const fail = (name: string) => async () => {
    throw new Error(name);
  };
  const [result, winner, exceptions] = await run(() => staggeredRace([fail("a"), fail("b")], null));
  assertEquals([result, winner], [null, null]);
  assertEquals(exceptions.map((error) => (error as Error).message), ["a", "b"]);
  assertEquals(await run(() => staggeredRace([], 1)), [null, null, []]);
});

Deno.test("staggeredRace() that is cancelled ends all of its runners first", async () => {
  const ended: string[] = [];
  await run(async () => {
    const runner = (name: string) => async () => {
      try {
        await sleep(3600);
      } finally {
        await sleep(1);
        ended.push(name);
      }
    };
    const task = createTask(() => staggeredRace([runner("a"), runner("b")], 0));
    await sleep(0.1);
    task.cancel();
    await assertRejects(async () => await task, CancelledError);
    assertEquals(ended, ["a", "b"]);
  }, { loopFactory: newVirtualLoop });
});

Deno.test("connectToAny() discards what it has when its loop is closed", async () => {
  for (let turns = 0; turns < 10; turns++) {
    const loop = newVirtualLoop();
    loop.setExceptionHandler(() => {}); // the tasks are reported as destroyed
    const [won, discarded]: [string[], string[]] = [[], []];
    const connector = function* ([host]: SocketAddress): Steps<string> {
      yield;
      won.push(host);
      return host;
    };
    const discard = (host: string): void => void discarded.push(host);
    const task = loop.createTask(
      connectToAny(V4, { ...PLAN, happyEyeballsDelay: 1 }, connector, discard),
    );
    await loop.runUntilComplete(function* () {
      for (let turn = 0; turn < turns; turn++) yield;
    });
    loop.close();
    assertEquals(discarded, task.done() ? [] : won, `after ${turns} turns`);
  }
});
