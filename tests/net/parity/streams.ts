/**
 * Streams over connections, and servers.
 *
 * @module
 */

import {
  createConnection,
  createServer,
  createTask,
  currentTask,
  getRunningLoop,
  openConnection,
  Protocol,
  sleep,
  startServer,
} from "@aio/asyncio";
import type { StreamReader, StreamWriter } from "@aio/asyncio";
import { bytes, described, Logging, outcome, pair, Silent, text, ValueError } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

export const scenarios: Scenarios = {
  source: import.meta.url,
  inTask: {
    "129 drain after the end": async function (log: Log): Promise<void> {
      const server = await startServer((_, writer) => writer.close(), "127.0.0.1", 0);
      const [host, port] = server.sockets[0]!.getsockname();
      const [reader, writer] = await openConnection(host, port);
      await outcome(log, "read", () => reader.read());
      writer.close();
      writer.write(bytes("x"));
      await outcome(log, "drain", () => writer.drain());
      await outcome(log, "closed", () => writer.waitClosed());
      await outcome(log, "closed again", () => writer.waitClosed());
      server.close();
      await server.waitClosed();
    },

    "129 a drain that is cancelled": async function (log: Log): Promise<void> {
      const peer = new Silent();
      const server = await createServer(() => peer, "127.0.0.1", 0);
      const [host, port] = server.sockets[0]!.getsockname();
      const [, writer] = await openConnection(host, port);
      while (peer.transport === null) await sleep(0);
      peer.transport.pauseReading();
      writer.write(new Uint8Array(20_000_000));
      const drains = [0, 1].map(() => createTask(() => writer.drain()));
      await sleep(0);
      drains[0]!.cancel();
      await outcome(log, "cancelled", () => drains[0]!);
      log("closing", writer.isClosing(), "other done", drains[1]!.done());
      peer.transport.resumeReading();
      await outcome(log, "other", () => drains[1]!);
      await outcome(log, "next", () => writer.drain());
      writer.close();
      await writer.waitClosed();
      await peer.lost;
      log("received", peer.total);
      server.close();
      await server.waitClosed();
    },

    "135 wait_closed() with unread data": async function (log: Log): Promise<void> {
      async function handle(_: StreamReader, writer: StreamWriter): Promise<void> {
        writer.write(bytes("unread"));
        await writer.drain();
        writer.close();
        await writer.waitClosed();
      }
      const server = await startServer(handle, "127.0.0.1", 0);
      const [host, port] = server.sockets[0]!.getsockname();
      const [reader, writer] = await openConnection(host, port);
      await outcome(log, "some", () => reader.readexactly(2));
      writer.close();
      await outcome(log, "closed", () => writer.waitClosed());
      await outcome(log, "rest", () => reader.read());
      log("at eof", reader.atEof(), "closing", writer.isClosing());
      server.close();
      await server.waitClosed();
    },

    "137 a client_connected_cb that fails, or is cancelled": async function (
      log: Log,
    ): Promise<void> {
      async function handle(reader: StreamReader, _: StreamWriter): Promise<void> {
        const line = text(await reader.readline());
        if (line === "fail\n") throw new ValueError("in the callback");
        currentTask()!.cancel();
        await sleep(1);
      }
      getRunningLoop().setExceptionHandler((_, context) => {
        log(context.message, described(context.exception));
        log(...Object.keys(context).sort());
      });
      const server = await startServer(handle, "127.0.0.1", 0);
      const [host, port] = server.sockets[0]!.getsockname();
      for (const word of ["fail", "cancel"]) {
        const [reader, writer] = await openConnection(host, port);
        writer.write(bytes(`${word}\n`));
        await outcome(log, word, () => reader.read());
        writer.close();
        await writer.waitClosed();
      }
      server.close();
      await server.waitClosed();
    },

    "139 wait_closed() of a server waits for the last client": async function (
      log: Log,
    ): Promise<void> {
      const [server, client] = [new Silent(), new Silent()];
      const [listening, transport] = await pair(server, client);
      const task = createTask(() => listening.waitClosed());
      await sleep(0);
      log("waits", !task.done());
      listening.close();
      log("sockets", listening.sockets.length, "serving", listening.isServing());
      await sleep(0);
      log("waits", !task.done());
      transport.close();
      await task;
      log("closed", server.lost.done());
      await outcome(log, "again", () => listening.waitClosed());
    },

    "140 close_clients() and abort_clients()": async function (log: Log): Promise<void> {
      for (const method of ["closeClients", "abortClients"] as const) {
        const [server, client] = [new Logging(log, "server"), new Silent()];
        const [listening] = await pair(server, client);
        listening.close();
        listening[method]();
        await listening.waitClosed();
        log("closing", server.transport!.isClosing());
        await client.lost;
      }
    },

    "141 a closed server refuses": async function (log: Log): Promise<void> {
      const server = await createServer(() => new Protocol(), "127.0.0.1", 0);
      const [host, port] = server.sockets[0]!.getsockname();
      server.close();
      await server.waitClosed();
      try {
        await createConnection(() => new Protocol(), host, port);
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
        log("refused");
      }
      server.close();
      log("closed twice", "None");
    },
  },
};
