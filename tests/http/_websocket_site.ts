/**
 * A server with one WebSocket, for tests.
 *
 * @module
 */

import { sleep } from "@aio/asyncio";
import { Application, TestServer, WebSocketResponse } from "@aio/asyncio/http";
import type { ApplicationOptions, WebSocketResponseOptions } from "@aio/asyncio/http";
import { assert, assertEquals } from "../_support/assert.ts";
import { RawWebSocket } from "./_raw_websocket.ts";

/** A handler with an open WebSocket, and how it has ended. */
export interface Handling {
  readonly ws: WebSocketResponse;
  readonly ended: Promise<unknown>;
}

/** A server with one WebSocket route, and a record of its handlers, the latest last. */
export class WebSocketSite implements AsyncDisposable {
  readonly server: TestServer;
  readonly #handlings: Handling[];
  #waiting: PromiseWithResolvers<Handling>;

  private constructor(
    server: TestServer,
    handlings: Handling[],
    waiting: PromiseWithResolvers<Handling>,
  ) {
    this.server = server;
    this.#handlings = handlings;
    this.#waiting = waiting;
  }

  static async start(
    handler: (ws: WebSocketResponse) => Promise<unknown>,
    options: WebSocketResponseOptions = {},
    appOptions: ApplicationOptions = {},
  ): Promise<WebSocketSite> {
    const app = new Application(appOptions);
    const handlings: Handling[] = [];
    const waiting = Promise.withResolvers<Handling>();
    app.router.addGet("/", async (request) => {
      const ws = new WebSocketResponse(options);
      const { promise, resolve } = Promise.withResolvers<unknown>();
      await ws.prepare(request);
      const handling = { ws, ended: promise };
      handlings.push(handling);
      waiting.resolve(handling);
      try {
        await handler(ws);
        resolve(null);
      } catch (error) {
        resolve(error);
        throw error;
      }
      return ws;
    });
    app.router.addGet("/on", () => new Response("on"));
    return new WebSocketSite(await TestServer.start(app), handlings, waiting);
  }

  /** The first handler, once its WebSocket is open. */
  get first(): Promise<Handling> {
    return this.#waiting.promise;
  }

  connect(): Promise<RawWebSocket> {
    return RawWebSocket.connect(this.server.port);
  }

  /** Whether the server goes on serving. */
  async goesOn(): Promise<boolean> {
    return await (await this.server.request("/on")).text() === "on";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    assertEquals(this.server.app._running.length, 0);
    assert(this.#handlings.every(({ ws }) => ws.closed));
  }
}

/** Waits for ever. */
export const stuck = async (): Promise<void> => {
  await sleep(3600);
};

/** Sends back each message, and logs it. */
export const echo = (log: unknown[] = []) => async (ws: WebSocketResponse): Promise<void> => {
  for await (const message of ws) {
    log.push(message);
    if (typeof message === "string") await ws.sendStr(message);
    else await ws.sendBytes(message);
  }
};
