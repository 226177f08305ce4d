/**
 * A worker of a pool, with the test in place of its thread: what comes too late changes nothing.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import { newEventLoop } from "@aio/asyncio/loop";
import type { EventLoop } from "@aio/asyncio/loop";
import { PoolWorker, WorkerCall } from "../../loop/_pool_worker.ts";
import { assertEquals } from "../_support/assert.ts";
import { replaceWorkers } from "../_support/threads.ts";

/** Replaces workers until it is disposed of. */
class ScriptedWorkers implements Disposable {
  readonly #restore: () => void;
  readonly started: (EventEmitter & { readonly done: string[] })[] = [];

  constructor() {
    const { started } = this;
    this.#restore = replaceWorkers(
      class extends EventEmitter {
        readonly done: string[] = [];

        constructor() {
          super();
          started.push(this);
        }

        postMessage({ name }: { name: string }): void {
          this.done.push(`call of ${name}`);
        }

        terminate(): void {
          this.done.push("terminated");
        }
      },
    );
  }

  /** Makes the first worker send a message. */
  send(data: unknown): void {
    this.started[0]!.emit("message", data);
  }

  /** Makes the first worker die of an error. */
  die(message: string): void {
    this.started[0]!.emit("error", new RangeError(message));
  }

  [Symbol.dispose](): void {
    this.#restore();
  }
}

/** Returns a worker with a call in progress, and what it has told its pool. */
function callInProgress(loop: EventLoop): { worker: PoolWorker; call: WorkerCall; told: string[] } {
  const told: string[] = [];
  const events = {
    isIdle: () => void told.push("idle"),
    isDead: () => void told.push("dead"),
    isCancelled: () => void told.push("cancelled"),
  };
  const worker = new PoolWorker(events);
  const call = new WorkerCall(loop, { url: "file:///work.ts", name: "f", args: [] }, events);
  worker.begin(call);
  return { worker, call, told };
}

const returned = { type: "returned", value: 42 };

Deno.test("PoolWorker ends its call with what comes back, and only with that", () => {
  using workers = new ScriptedWorkers();
  const loop = newEventLoop();
  const { call, told } = callInProgress(loop);
  workers.send(returned);
  workers.send({ ...returned, value: "nobody's" });
  assertEquals([call.result(), told, workers.started[0]!.done], [42, ["idle"], ["call of f"]]);
  loop.close();
});

Deno.test("PoolWorker that was terminated says nothing more, and is terminated once", () => {
  using workers = new ScriptedWorkers();
  const loop = newEventLoop();
  const { worker, call, told } = callInProgress(loop);
  worker.terminate();
  worker.terminate();
  workers.send(returned);
  workers.die("too late");
  assertEquals([call.done(), told], [false, []]);
  assertEquals(workers.started[0]!.done, ["call of f", "terminated"]);
  loop.close();
});

Deno.test("PoolWorker that dies fails its call, and tells why", () => {
  using workers = new ScriptedWorkers();
  const loop = newEventLoop();
  const { call, told } = callInProgress(loop);
  workers.die("out of luck");
  const text = "its worker died: out of luck";
  assertEquals(
    String(call.exception()),
    `RuntimeError: Cannot finish f() of file:///work.ts: ${text}`,
  );
  assertEquals([told, workers.started[0]!.done.at(-1)], [["dead"], "terminated"]);
  loop.close();
});

Deno.test("WorkerCall that was cancelled, or whose loop is closed, takes no outcome", () => {
  using workers = new ScriptedWorkers();
  const loop = newEventLoop();
  const { call, told } = callInProgress(loop);
  call.cancel();
  workers.send(returned);
  call.fail("too late", new Error("no"));
  assertEquals([call.cancelled(), told], [true, ["cancelled", "idle"]]);
  const { call: other } = callInProgress(loop);
  loop.close();
  workers.started[1]!.emit("message", returned);
  other.fail("too late", new Error("no"));
  assertEquals(other.done(), false);
});
