/**
 * An application that is served by a host that runs no loop and does not announce its end, such as
 * `deno serve`.
 *
 * The loop runs in the background until the application ends. SIGINT and SIGTERM end the
 * application and then the process, unless the program listens to them itself; a second signal ends
 * the process at once. Under `deno serve --parallel` each thread of the process has its own
 * application, and any of them can end the process: the last one whose application has ended does.
 * They tell each other over a `BroadcastChannel`, which does not leave the process.
 *
 * @module
 */

import { BackgroundLoop } from "./_background.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

interface Message {
  readonly id: string;
  /** `here` is answered with `there`. */
  readonly kind: "here" | "there" | "ended";
}

/** The part of Node's `process` in use here. */
interface HostProcess {
  listenerCount(event: string): number;
}

/** See the module's description. */
export class Served {
  readonly #background = new BackgroundLoop();
  readonly #channel = new BroadcastChannel(`@aio/asyncio/http ${Deno.pid}`);
  readonly #id = crypto.randomUUID();
  /** The other threads whose applications have not ended. */
  readonly #others = new Set<string>();
  readonly #end: () => Promise<void>;
  readonly #listensTo: string[] = [];
  #isEnding = false;
  #hasEnded = false;

  /** `end` ends the application, which calls `release()`. */
  constructor(end: () => Promise<void>) {
    this.#end = end;
    this.#channel.onmessage = (event: MessageEvent<Message>) => this.#onMessage(event.data);
    this.#post("here");
    const { process } = globalThis as { process?: HostProcess };
    for (const signal of SIGNALS) {
      if ((process?.listenerCount(signal) ?? 0) > 0) continue;
      this.#background.loop.addSignalHandler(signal, () => void this.#onSignal());
      this.#listensTo.push(signal);
    }
  }

  #post(kind: Message["kind"]): void {
    this.#channel.postMessage({ id: this.#id, kind } satisfies Message);
  }

  #onMessage({ id, kind }: Message): void {
    if (kind === "ended") this.#others.delete(id);
    else this.#others.add(id);
    if (kind === "here") this.#post("there");
    this.#exitIfLast();
  }

  async #onSignal(): Promise<void> {
    if (this.#isEnding) Deno.exit(1);
    this.#isEnding = true;
    try {
      await this.#end();
    } catch (error) {
      // Whatever the error is, the process ends, so it is printed.
      console.error(error);
      Deno.exitCode = 1;
    }
    this.#hasEnded = true;
    this.#post("ended");
    this.#exitIfLast();
  }

  #exitIfLast(): void {
    if (this.#hasEnded && this.#others.size === 0) Deno.exit();
  }

  /** Releases the loop, and the signals unless one of them is ending the application. */
  async release(): Promise<void> {
    if (!this.#isEnding) {
      for (const signal of this.#listensTo) this.#background.loop.removeSignalHandler(signal);
      this.#post("ended");
      this.#channel.close();
    }
    await this.#background.release();
  }
}
