import {
  createDatagramEndpoint,
  DatagramProtocol,
  getRunningLoop,
  KeyboardInterrupt,
  newEventLoop,
  timeout,
} from "@aio/asyncio";
import type { DatagramTransport, Future, SocketAddress } from "@aio/asyncio";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { bytes, captureReports, netTest, python, text, until } from "./_helpers.ts";

const ANY: SocketAddress = ["127.0.0.1", 0];

/** A protocol that logs its callbacks. */
class Listener extends DatagramProtocol {
  readonly calls: string[] = [];
  readonly from: SocketAddress[] = [];
  readonly lost: Future<void> = getRunningLoop().createFuture<void>();
  transport!: DatagramTransport;

  override connectionMade(transport: DatagramTransport): void {
    this.transport = transport;
    this.calls.push("made");
  }

  override datagramReceived(data: Uint8Array, addr: SocketAddress): void {
    this.calls.push(`got ${text(data)}`);
    this.from.push(addr);
  }

  override errorReceived(exception: unknown): void {
    this.calls.push(`error ${(exception as Error).message.replace(/ [\d.:]+$/, "")}`);
  }

  override connectionLost(exception: unknown): void {
    this.calls.push(`lost ${exception}`);
    this.lost.setResult();
  }

  override pauseWriting(): void {
    this.calls.push("pause");
  }

  override resumeWriting(): void {
    this.calls.push("resume");
  }
}

function addressOf(listener: Listener): SocketAddress {
  return listener.transport.getExtraInfo("sockname");
}

async function end(...listeners: Listener[]): Promise<void> {
  for (const { transport } of listeners) transport.close();
  for (const { lost } of listeners) await lost;
}

netTest("createDatagramEndpoint() sends and receives, also nothing at all", async () => {
  const [server, client] = [new Listener(), new Listener()];
  await createDatagramEndpoint(() => server, ANY);
  await createDatagramEndpoint(() => client, ANY);
  client.transport.sendto(bytes("one"), addressOf(server));
  client.transport.sendto(new Uint8Array(0), addressOf(server));
  await until(() => server.calls.length === 3);
  assertEquals(server.calls, ["made", "got one", "got "]);
  assertEquals(server.from[0], addressOf(client));
  server.transport.sendto(bytes("answer"), server.from[0]);
  await until(() => client.calls.length === 2);
  await end(server, client);
  assertEquals(client.calls, ["made", "got answer", "lost null"]);
});

netTest("createDatagramEndpoint() connects to one peer", async () => {
  const [server, client, other] = [new Listener(), new Listener(), new Listener()];
  await createDatagramEndpoint(() => server, ANY);
  await createDatagramEndpoint(() => client, ANY, addressOf(server));
  await createDatagramEndpoint(() => other, ANY);
  assertEquals(client.transport.getExtraInfo("peername"), addressOf(server));
  client.transport.sendto(bytes("one"));
  client.transport.sendto(bytes("two"), addressOf(server));
  assertThrows(
    () => client.transport.sendto(bytes("x"), ["127.0.0.1", 1]),
    RangeError,
    "Invalid address: must be null or 127.0.0.1:",
  );
  await until(() => server.calls.length === 3);
  other.transport.sendto(bytes("from a stranger"), addressOf(client));
  server.transport.sendto(bytes("from the peer"), addressOf(client));
  await until(() => client.calls.length === 2);
  assertEquals(client.calls, ["made", "got from the peer"]);
  await end(server, client, other);
});

netTest("DatagramTransport keeps the order of what is sent, and its copies", async () => {
  const [server, client] = [new Listener(), new Listener()];
  await createDatagramEndpoint(() => server, ANY);
  await createDatagramEndpoint(() => client, null, addressOf(server));
  const data = bytes("0");
  for (let i = 0; i < 10; i++) {
    data[0] = 48 + i;
    client.transport.sendto(data);
  }
  client.transport.close(); // queued datagrams are sent first
  await client.lost;
  await until(() => server.calls.length === 11);
  assertEquals(server.calls.slice(1).map((call) => call.at(-1)).join(""), "0123456789");
  await end(server);
});

netTest("DatagramTransport pauses the protocol while too much waits", async () => {
  const [server, client] = [new Listener(), new Listener()];
  await createDatagramEndpoint(() => server, ANY);
  await createDatagramEndpoint(() => client, null, addressOf(server));
  client.transport.setWriteBufferLimits(100, 20);
  assertEquals(client.transport.getWriteBufferLimits(), [20, 100]);
  for (let i = 0; i < 10; i++) client.transport.sendto(bytes("12"));
  assertEquals(client.transport.getWriteBufferSize(), 100);
  assertEquals(client.calls, ["made"]);
  client.transport.sendto(bytes("12"));
  assertEquals(client.calls, ["made", "pause"]);
  await until(() => client.calls.length === 3);
  assertEquals(client.calls, ["made", "pause", "resume"]);
  assert(client.transport.getWriteBufferSize() <= 20);
  await end(server, client);
});

netTest("DatagramTransport.sendto() loses nothing if pauseWriting() closes it", async () => {
  class Closing extends Listener {
    override pauseWriting(): void {
      this.transport.close();
    }
  }
  const [server, client] = [new Listener(), new Closing()];
  await createDatagramEndpoint(() => server, ANY);
  await createDatagramEndpoint(() => client, null, addressOf(server));
  client.transport.setWriteBufferLimits(0);
  client.transport.sendto(bytes("all the same"));
  await client.lost;
  await until(() => server.calls.length === 2);
  assertEquals(server.calls, ["made", "got all the same"]);
  await end(server);
});

netTest("DatagramTransport.abort() drops what waits", async () => {
  const client = new Listener();
  await createDatagramEndpoint(() => client, ANY);
  for (let i = 0; i < 10; i++) client.transport.sendto(bytes("x"), ANY);
  client.transport.abort();
  assertEquals(client.transport.getWriteBufferSize(), 0);
  client.transport.sendto(bytes("x"), ANY);
  await client.lost;
  assertEquals(client.calls, ["made", "lost null"]);
});

netTest("DatagramTransport tells what can't be sent", async () => {
  const [server, client] = [new Listener(), new Listener()];
  await createDatagramEndpoint(() => server, ANY);
  await createDatagramEndpoint(() => client, null, addressOf(server));
  client.transport.sendto(new Uint8Array(100_000));
  client.transport.sendto(bytes("after it"));
  await until(() => server.calls.length === 2);
  assertEquals(client.calls, ["made", "pause", "error Cannot send: send EMSGSIZE", "resume"]);
  assertThrows(() => client.transport.sendto("x" as never), TypeError, "must be a Uint8Array");
  assertThrows(() => server.transport.sendto(bytes("x")), TypeError, "not connected");
  await end(server, client);
});

netTest("DatagramProtocol that fails is reported, and goes on", async () => {
  const reports = captureReports();
  class Failing extends Listener {
    override datagramReceived(data: Uint8Array, addr: SocketAddress): void {
      super.datagramReceived(data, addr);
      throw new Error("in datagramReceived");
    }
  }
  const [server, client] = [new Failing(), new Listener()];
  await createDatagramEndpoint(() => server, ANY);
  await createDatagramEndpoint(() => client, null, addressOf(server));
  for (const word of ["one", "two"]) client.transport.sendto(bytes(word));
  await until(() => server.calls.length === 3);
  assertEquals(reports.length, 2);
  await end(server, client);
});

netTest("createDatagramEndpoint() may send to all hosts only if it says so", async () => {
  const broadcast: SocketAddress = ["127.255.255.255", 9];
  const [mute, loud] = [new Listener(), new Listener()];
  await createDatagramEndpoint(() => mute, ["0.0.0.0", 0]);
  await createDatagramEndpoint(() => loud, ["0.0.0.0", 0], null, { allowBroadcast: true });
  for (const { transport } of [mute, loud]) transport.sendto(bytes("x"), broadcast);
  await until(() => mute.calls.length === 2 && loud.transport.getWriteBufferSize() === 0);
  assert(mute.calls[1]!.startsWith("error Cannot send: send "));
  assertEquals(loud.calls, ["made"]);
  await end(mute, loud);
});

netTest("createDatagramEndpoint() works with IPv6", async () => {
  const [server, client] = [new Listener(), new Listener()];
  await createDatagramEndpoint(() => server, ["::1", 0]);
  await createDatagramEndpoint(() => client, null, addressOf(server));
  client.transport.sendto(bytes("x"));
  await until(() => server.calls.length === 2);
  assertEquals(server.from[0]![0], "::1");
  await end(server, client);
});

netTest("createDatagramEndpoint() says why it can't, and leaves nothing open", async () => {
  const server = new Listener();
  await createDatagramEndpoint(() => server, ANY);
  const open = (...args: (SocketAddress | null)[]) => async () =>
    await createDatagramEndpoint(() => new Listener(), ...args as [SocketAddress]);
  await assertRejects(open(addressOf(server)), Deno.errors.AddrInUse, "Cannot bind to 127.0.0.1:");
  await assertRejects(open(null), RangeError, "unexpected address family");
  await assertRejects(open(["::1", 0], ANY), RangeError, "can not get address information");
  for (const port of [-1, 65_536, 1.5, NaN]) {
    await assertRejects(open(["127.0.0.1", port]), RangeError, "port must be 0-65535");
    await assertRejects(open(null, ["127.0.0.1", port]), RangeError);
  }
  await end(server);
});

netTest("createDatagramEndpoint() talks to Python", async () => {
  class Upper extends Listener {
    override datagramReceived(data: Uint8Array, addr: SocketAddress): void {
      this.transport.sendto(bytes(text(data).toUpperCase()), addr);
    }
  }
  const server = new Upper();
  await createDatagramEndpoint(() => server, ANY);
  const [, port] = addressOf(server);
  assertEquals(await python("datagrams", String(port)), "ONE\nTWO\n\n");
  await end(server);
});

Deno.test("DatagramTransport goes on after a KeyboardInterrupt out of resumeWriting()", async () => {
  class Interrupting extends Listener {
    #isDone = false;
    override resumeWriting(): void {
      if (this.#isDone) return;
      this.#isDone = true;
      throw new KeyboardInterrupt();
    }
  }
  const loop = newEventLoop();
  const [server, client] = await loop.runUntilComplete(async () => {
    const [server, client] = [new Listener(), new Interrupting()];
    await createDatagramEndpoint(() => server, ANY);
    await createDatagramEndpoint(() => client, null, addressOf(server));
    return [server, client] as const;
  });
  client.transport.setWriteBufferLimits(0);
  client.transport.sendto(bytes("one"));
  await assertRejects(() => loop.runForever(), KeyboardInterrupt);
  client.transport.sendto(bytes("two"));
  await loop.runUntilComplete(async () => {
    await timeout(10).run(() => until(() => server.calls.length === 3));
    await end(server, client);
  });
  loop.close();
});
