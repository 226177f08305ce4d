/**
 * What becomes of what is written, and of what has arrived, when a connection ends.
 *
 * @module
 */

import { BufferedProtocol } from "@aio/asyncio";
import { attempt, bytes, logReports, over, pair, Silent, text, ValueError } from "./_helpers.ts";
import type { Log, Scenarios } from "./_helpers.ts";

/** Keeps what it gets. */
class Collecting extends Silent {
  data = "";
  override dataReceived(data: Uint8Array): void {
    this.data += text(data);
  }
}

export const scenarios: Scenarios = {
  source: import.meta.url,
  inTask: {
    "what was written before abort() is sent, if the system takes it": async function (
      log: Log,
    ): Promise<void> {
      const [server, client] = [new Collecting(), new Silent()];
      const [listening, transport] = await pair(server, client);
      transport.write(bytes("going "));
      transport.writelines([bytes("going "), bytes("gone")]);
      transport.abort();
      await over(listening, [client, server]);
      log("got", server.data);
    },

    "what a protocol writes before it fails is sent": async function (log: Log): Promise<void> {
      class Server extends Silent {
        override dataReceived(data: Uint8Array): void {
          this.transport!.write(bytes(`can't do ${text(data)}`));
          throw new ValueError("it can't");
        }
      }
      logReports(log);
      const [server, client] = [new Server(), new Collecting()];
      const [listening, transport] = await pair(server, client);
      transport.write(bytes("that"));
      await over(listening, [server, client]);
      log("got", client.data);
    },

    "what is written after close() is not sent": async function (log: Log): Promise<void> {
      const [server, client] = [new Collecting(), new Silent()];
      const [listening, transport] = await pair(server, client);
      transport.write(bytes("before"));
      transport.close();
      transport.write(bytes(" and after"));
      await over(listening, [client, server]);
      log("got", server.data);
    },

    "writelines() takes all or nothing": async function (log: Log): Promise<void> {
      const [server, client] = [new Collecting(), new Silent()];
      const [listening, transport] = await pair(server, client);
      try {
        transport.writelines([bytes("one"), "two" as unknown as Uint8Array]);
      } catch (error) {
        if (error instanceof TypeError) log("refused");
      }
      transport.writelines([bytes("three"), bytes(""), bytes("four")].values());
      transport.writeEof();
      attempt(log, "after eof", () => transport.writelines([bytes("five")]));
      attempt(log, "nothing after eof", () => transport.writelines([]));
      transport.close();
      await over(listening, [client, server]);
      log("got", server.data);
    },

    "a protocol that fails is named by the call, though it has set another": async function (
      log: Log,
    ): Promise<void> {
      class Other extends BufferedProtocol {
        override connectionLost(): void {
          server.lost.setResult();
        }
      }
      class Server extends Silent {
        override dataReceived(): void {
          this.transport!.setProtocol(new Other());
          throw new ValueError("data");
        }
      }
      logReports(log);
      const [server, client] = [new Server(), new Silent()];
      const [listening, transport] = await pair(server, client);
      transport.write(bytes("x"));
      await over(listening, [server, client]);
    },
  },
};
