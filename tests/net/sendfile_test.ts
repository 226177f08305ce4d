import {
  CancelledError,
  createConnection,
  createServer,
  createTask,
  RuntimeError,
  sendfile,
  SendfileNotAvailableError,
  sleep,
} from "@aio/asyncio";
import { assert, assertEquals, assertRejects } from "../_support/assert.ts";
import { addressOf, bytes, netTest, randomBytes, Recorder, until } from "./_helpers.ts";

const data = randomBytes(5_000_000);

/** Keeps what it receives. */
class Keeper extends Recorder {
  readonly parts: Uint8Array[] = [];
  override dataReceived(part: Uint8Array): void {
    super.dataReceived(part);
    this.parts.push(part.slice());
  }
  async is(expected: Uint8Array): Promise<boolean> {
    const got = new Uint8Array(
      await new Blob(this.parts as Uint8Array<ArrayBuffer>[]).arrayBuffer(),
    );
    return got.length === expected.length && got.every((byte, i) => byte === expected[i]);
  }
}

async function withFile(
  body: (file: Deno.FsFile, client: Recorder, server: Keeper) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, data);
  const [client, server] = [new Recorder(), new Keeper()];
  const listening = await createServer(() => server, "127.0.0.1", 0);
  await createConnection(() => client, ...addressOf(listening));
  await server.made;
  {
    using file = await Deno.open(path);
    await body(file, client, server);
  }
  client.transport.abort();
  server.transport.abort();
  listening.close();
  await listening.waitClosed();
  await client.lost;
  await Deno.remove(path);
}

netTest(
  "sendfile() sends a file, behind what was written before",
  () =>
    withFile(async (file, client, server) => {
      client.transport.write(bytes("before"));
      assertEquals(await sendfile(client.transport, file), data.length);
      client.transport.write(bytes("after"));
      client.transport.close();
      await server.lost;
      const expected = new Uint8Array([...bytes("before"), ...data, ...bytes("after")]);
      assert(await server.is(expected));
      assertEquals(client.transport.getProtocol(), client);
    }),
);

netTest(
  "sendfile() sends a part, and leaves the file behind it",
  () =>
    withFile(async (file, client, server) => {
      assertEquals(await sendfile(client.transport, file, 1000, 2_000_000), 2_000_000);
      assertEquals(await file.seek(0, Deno.SeekMode.Current), 2_001_000);
      assertEquals(await sendfile(client.transport, file, 4_999_990, 100), 10);
      client.transport.close();
      await server.lost;
      assert(await server.is(new Uint8Array([...data.slice(1000, 2_001_000), ...data.slice(-10)])));
    }),
);

netTest(
  "sendfile() waits for a peer that reads nothing, and can be cancelled",
  () =>
    withFile(async (_file, client, server) => {
      server.transport.pauseReading();
      const task = createTask(() => sendfile(client.transport, endless()));
      await until(() => client.calls.at(-1) === "pause");
      await sleep(0);
      assert(client.transport.getWriteBufferSize() < 1_000_000);
      task.cancel();
      await assertRejects(async () => await task, CancelledError);
      assertEquals(client.transport.getProtocol(), client);
    }),
);

netTest(
  "sendfile() fails when the connection is lost",
  () =>
    withFile(async (file, client, server) => {
      server.transport.pauseReading();
      const task = createTask(() => sendfile(client.transport, file));
      await sleep(0);
      client.transport.abort();
      await assertRejects(async () => await task, Deno.errors.ConnectionReset, "Connection lost");
      await client.lost;
      await assertRejects(
        async () => await sendfile(client.transport, file),
        RuntimeError,
        "closing",
      );
    }),
);

/** A file that gives what it is asked for, at once. */
function endless(): Deno.FsFile {
  const file = { seek: () => Promise.resolve(0), seekSync: () => 0 } as unknown as Deno.FsFile;
  file.read = (block) => Promise.resolve(block.length);
  return file;
}

netTest(
  "parity: sendfile() leaves to the protocol what somebody reads meanwhile",
  () =>
    withFile(async (file, client, server) => {
      server.transport.pauseReading();
      const task = createTask(() => sendfile(client.transport, file));
      await until(() => client.calls.at(-1) === "pause");
      client.transport.resumeReading();
      server.transport.write(bytes("hello"));
      await until(() => client.total === 5);
      server.transport.resumeReading();
      assertEquals(await task, data.length);
    }),
);

netTest(
  "parity: sendfile() waits if the protocol was told to pause before",
  () =>
    withFile(async (_file, client, server) => {
      server.transport.pauseReading();
      client.transport.write(new Uint8Array(20_000_000));
      client.transport.setWriteBufferLimits(1e9, 0); // it is not told to go on by that
      const task = createTask(() => sendfile(client.transport, endless(), 0, 5_000_000));
      for (let turn = 0; turn < 50; turn++) await sleep(0);
      assert(client.transport.getWriteBufferSize() <= 20_000_000);
      server.transport.resumeReading();
      assertEquals(await task, 5_000_000);
      assertEquals(client.calls, ["made", "pause", "resume"]);
    }),
);

netTest(
  "sendfile() fails when the transport is closed meanwhile",
  () =>
    withFile(async (_file, client, server) => {
      server.transport.pauseReading();
      client.transport.setWriteBufferLimits(1e9);
      client.transport.write(new Uint8Array(20_000_000));
      const task = createTask(() => sendfile(client.transport, endless(), 0, 5_000_000));
      await sleep(0);
      client.transport.close();
      await assertRejects(async () => await task, Deno.errors.ConnectionReset, "was closed");
    }),
);

netTest(
  "sendfile() sends one file at a time",
  () =>
    withFile(async (file, client, server) => {
      server.transport.pauseReading();
      const task = createTask(() => sendfile(client.transport, file));
      await until(() => client.calls.at(-1) === "pause");
      await assertRejects(
        async () => await sendfile(client.transport, endless(), 0, 1),
        RuntimeError,
        "another one is being sent",
      );
      server.transport.resumeReading();
      assertEquals(await task, data.length);
    }),
);

netTest("sendfile() without copying is not to be had", () =>
  withFile(async (file, client) => {
    const error = await assertRejects(
      async () => await sendfile(client.transport, file, 0, null, { fallback: false }),
      SendfileNotAvailableError,
      "fallback is disabled",
    );
    assert(error instanceof RuntimeError); // as in Python
  }));
