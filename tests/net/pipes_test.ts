import {
  BaseProtocol,
  connectReadPipe,
  connectWritePipe,
  sleep,
  StreamReader,
  StreamReaderProtocol,
} from "@aio/asyncio";
import { assert, assertEquals, assertRejects } from "../_support/assert.ts";
import { bytes, netTest, output, Recorder, text, until } from "./_helpers.ts";

netTest("connectReadPipe() and connectWritePipe() pass data through a FIFO", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/fifo`;
  await output("mkfifo", [path]);
  const [source, sink] = await Promise.all([
    Deno.open(path, { read: true }),
    Deno.open(path, { write: true }),
  ]);
  const reader = new StreamReader();
  const [from] = await connectReadPipe(() => new StreamReaderProtocol(reader), source);
  const [to] = await connectWritePipe(() => new BaseProtocol(), sink);
  to.write(bytes("line\nrest"));
  assertEquals(text(await reader.readline()), "line\n");
  to.close();
  assertEquals(text(await reader.read()), "rest");
  from.close();
  await sleep(0);
  await Deno.remove(folder, { recursive: true });
});

netTest("connectReadPipe() can be paused, and tells of a stream that fails", async () => {
  const client = new Recorder();
  let fail = (_: Error): void => {};
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(bytes("x".repeat(10_000)));
      fail = (error) => controller.error(error);
    },
  });
  const [transport] = await connectReadPipe(() => client, stream);
  await until(() => client.total === 10_000);
  transport.pauseReading();
  transport.resumeReading();
  fail(new Deno.errors.BrokenPipe("gone"));
  assertEquals((await client.lost as Error).message, "gone");
});

netTest("connectWritePipe() tells of a sink that fails", async () => {
  const client = new Recorder();
  const sink = new WritableStream<Uint8Array>({
    write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")),
  });
  const [transport] = await connectWritePipe(() => client, sink);
  transport.write(bytes("x"));
  assertEquals((await client.lost as Error).message, "gone");
  assert(transport.isClosing());
});

netTest("connectReadPipe() tells nothing of an empty chunk", async () => {
  const lengths: number[] = [];
  class Client extends Recorder {
    override dataReceived(data: Uint8Array): void {
      lengths.push(data.length);
    }
  }
  const client = new Client();
  const chunks = [bytes(""), bytes("one"), bytes(""), bytes("")];
  await connectReadPipe(() => client, ReadableStream.from(chunks));
  assertEquals([await client.lost, lengths], [null, [3]]);
});

netTest("connectWritePipe() gives a stream what it may keep", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const protocol = new Recorder();
  const [transport] = await connectWritePipe(() => protocol, writable);
  assertEquals(transport.getProtocol(), protocol);
  const reader = readable.getReader();
  const chunks: Uint8Array[] = [];
  for (const word of ["one", "two", "six"]) {
    transport.write(bytes(word));
    chunks.push((await reader.read()).value!);
  }
  assertEquals(chunks.map(text), ["one", "two", "six"]);
  transport.close();
  assertEquals((await reader.read()).done, true);
});

netTest("WriteTransport.abort() drops what a stream has not begun to send", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const protocol = new Recorder();
  const [transport] = await connectWritePipe(() => protocol, writable);
  transport.write(new Uint8Array(1_000_000));
  const reader = readable.getReader();
  assert((await reader.read()).value!.length < 100_000);
  transport.abort();
  assertEquals(await protocol.lost, null);
  await assertRejects(async () => {
    while (!(await reader.read()).done);
  }, Deno.errors.BrokenPipe);
});

netTest("parity: WriteTransport.writeEof() closes a pipe", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const all = new Response(readable).text();
  const protocol = new Recorder();
  const [transport] = await connectWritePipe(() => protocol, writable);
  transport.write(bytes("all of it"));
  transport.writeEof();
  assert(transport.isClosing());
  assertEquals(await protocol.lost, null);
  assertEquals(protocol.calls, ["made", "lost"]);
  assertEquals(await all, "all of it");
});
