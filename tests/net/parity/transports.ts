/**
 * What transports tell protocols, and in which order.
 *
 * @module
 */

import { BufferedProtocol, getRunningLoop, sleep } from "@aio/asyncio";
import type { Future, StreamProtocol, Transport } from "@aio/asyncio";
import {
  attempt,
  bytes,
  described,
  Logging,
  logReports,
  over,
  pair,
  Silent,
  str,
  text,
  ValueError,
} from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

export const scenarios: Scenarios = {
  source: import.meta.url,
  inTask: {
    "118 the protocol is told before create_connection returns": async function (
      log: Log,
    ): Promise<void> {
      class Greeting extends Silent {
        override connectionMade(transport: Transport): void {
          super.connectionMade(transport);
          transport.write(bytes("hi"));
          transport.close();
        }
      }
      class Client extends Logging {
        override dataReceived(data: Uint8Array): void {
          this.log("data", text(data));
        }
      }
      const [server, client] = [new Greeting(), new Client(log, "client")];
      const [listening] = await pair(server, client);
      log("returned");
      await over(listening, [server, client]);
    },

    "119 reading can be paused before any data, and twice": async function (
      log: Log,
    ): Promise<void> {
      class Client extends Logging {
        override connectionMade(transport: Transport): void {
          super.connectionMade(transport);
          transport.pauseReading();
          transport.pauseReading();
        }
        override dataReceived(data: Uint8Array): void {
          this.log("data", text(data));
        }
      }
      const [server, client] = [new Silent(), new Client(log, "client")];
      const [listening, transport] = await pair(server, client);
      log("reading", transport.isReading());
      server.transport!.write(bytes("hi"));
      server.transport!.close();
      await server.lost;
      for (let i = 0; i < 5; i++) await sleep(0);
      log("resuming");
      transport.resumeReading();
      transport.resumeReading();
      log("reading", transport.isReading());
      await over(listening, [client]);
      log("reading", transport.isReading());
    },

    "120 close() sends what is buffered first": async function (log: Log): Promise<void> {
      const [server, client] = [new Logging(log, "server"), new Silent()];
      const [listening, transport] = await pair(server, client);
      transport.write(new Uint8Array(3_000_000));
      transport.close();
      transport.close();
      log("closing", transport.isClosing());
      await over(listening, [client, server]);
      log("got", server.total);
    },

    "121 abort() drops what is buffered": async function (log: Log): Promise<void> {
      const [server, client] = [new Silent(), new Logging(log, "client")];
      const [listening, transport] = await pair(server, client);
      server.transport!.pauseReading();
      transport.write(new Uint8Array(30_000_000));
      transport.abort();
      transport.abort();
      const size = transport.getWriteBufferSize();
      log("buffered", size, "closing", transport.isClosing());
      await client.lost;
      server.transport!.resumeReading();
      await over(listening, [server]);
      log("complete", server.total === 30_000_000);
    },

    "122 writing after the end is warned of from the fifth time on": async function (
      _log: Log,
    ): Promise<void> {
      const [server, client] = [new Silent(), new Silent()];
      const [listening, transport] = await pair(server, client);
      transport.close();
      for (let i = 0; i < 8; i++) transport.write(bytes("x"));
      await over(listening, [server, client]);
    },

    "123 what can't be written": async function (log: Log): Promise<void> {
      const [server, client] = [new Silent(), new Silent()];
      const [listening, transport] = await pair(server, client);
      attempt(log, "empty", () => transport.write(bytes("")));
      transport.writeEof();
      attempt(log, "after eof", () => transport.write(bytes("x")));
      transport.close();
      await over(listening, [server, client]);
      log("got", server.total);
    },

    "124 write_eof() comes after what is buffered": async function (log: Log): Promise<void> {
      class Server extends Logging {
        readonly seen: Future<void> = getRunningLoop().createFuture<void>();

        override eofReceived(): boolean {
          this.log("eof after", this.total);
          this.seen.setResult();
          return true;
        }
      }
      const [server, client] = [new Server(log, "server"), new Silent()];
      const [listening, transport] = await pair(server, client);
      log("can", transport.canWriteEof());
      transport.write(new Uint8Array(3_000_000));
      transport.writeEof();
      transport.writeEof();
      await server.seen;
      transport.close();
      transport.writeEof();
      await client.lost;
      server.transport!.close();
      await over(listening, [server]);
    },

    "125 eof_received() decides whether the connection stays": async function (
      log: Log,
    ): Promise<void> {
      class Server extends Logging {
        readonly seen: Future<void> = getRunningLoop().createFuture<void>();
        keeps = false;

        override eofReceived(): boolean {
          this.log("eof");
          this.seen.setResult();
          return this.keeps;
        }
      }
      for (const keeps of [false, true]) {
        const server = new Server(log, `server that keeps: ${str(keeps)}`);
        server.keeps = keeps;
        const client = new Silent();
        const [listening, transport] = await pair(server, client);
        transport.writeEof();
        await server.seen;
        log("closing", server.transport!.isClosing());
        server.transport!.close();
        await over(listening, [server, client]);
      }
    },

    "126 an error in a protocol ends its connection": async function (log: Log): Promise<void> {
      class DataFails extends Logging {
        override dataReceived(): void {
          throw new ValueError("data");
        }
      }
      class EofFails extends Logging {
        override eofReceived(): void {
          throw new ValueError("eof");
        }
      }
      class BufferFails extends BufferedProtocol {
        readonly lost: Future<void> = getRunningLoop().createFuture<void>();
        transport: Transport | null = null;

        override connectionMade(transport: Transport): void {
          this.transport = transport;
        }
        override getBuffer(): Uint8Array {
          throw new ValueError("buffer");
        }
        override connectionLost(exception: unknown): void {
          log("lost", described(exception));
          this.lost.setResult();
        }
      }
      logReports(log);
      for (const kind of [DataFails, EofFails, BufferFails]) {
        const server = new kind(log, "server");
        const client = new Silent();
        const [listening, transport] = await pair(server, client);
        transport.write(bytes("x"));
        transport.writeEof();
        await server.lost;
        transport.close();
        await over(listening, [client]);
      }
    },

    "127 water marks": async function (log: Log): Promise<void> {
      const [server, client] = [new Silent(), new Silent()];
      const [listening, transport] = await pair(server, client);
      log("default", ...transport.getWriteBufferLimits());
      const cases = [[100, null], [null, 100], [50, 20], [0, 0], [null, null]] as const;
      for (const [high, low] of cases) {
        transport.setWriteBufferLimits(high, low);
        const name = [high, low].map((mark) => mark ?? "None").join(" ");
        log(name, ...transport.getWriteBufferLimits());
      }
      attempt(log, "10 20", () => transport.setWriteBufferLimits(10, 20));
      attempt(log, "-1", () => transport.setWriteBufferLimits(-1));
      transport.close();
      await over(listening, [server, client]);
    },

    "128 an empty buffer is an error, and the kind of a protocol can change": async function (
      log: Log,
    ): Promise<void> {
      class Buffered extends BufferedProtocol {
        readonly buffer: Uint8Array;
        next: StreamProtocol | null = null;

        constructor(size: number) {
          super();
          this.buffer = new Uint8Array(size);
        }
        override getBuffer(): Uint8Array {
          return this.buffer;
        }
        override bufferUpdated(count: number): void {
          log("buffered", text(this.buffer.subarray(0, count)));
          server.transport!.setProtocol(this.next!);
          server.transport!.write(bytes("next"));
        }
        override connectionLost(exception: unknown): void {
          log("lost", described(exception));
          server.lost.setResult();
        }
      }
      class Plain extends Logging {
        next: StreamProtocol | null = null;

        override connectionMade(transport: Transport): void {
          this.transport = transport;
        }
        override dataReceived(data: Uint8Array): void {
          log("plain", text(data));
          this.transport!.setProtocol(this.next!);
          this.transport!.write(bytes("next"));
        }
      }
      const words = ["one", "two", "three"];
      class Client extends Silent {
        override dataReceived(): void {
          words.shift();
          if (words.length === 0) server.transport!.setProtocol(empty);
          this.transport!.write(bytes(words[0] ?? "nobody gets this"));
        }
      }
      logReports(log);
      const server: Plain = new Plain(log, "server");
      const client = new Client();
      const [listening, transport] = await pair(server, client);
      const [other, empty] = [new Buffered(10), new Buffered(0)];
      server.next = other;
      other.next = server;
      transport.write(bytes(words[0]!));
      await over(listening, [server, client]);
    },
  },
};
