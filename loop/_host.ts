/**
 * What the loop needs from the JavaScript runtime under it. The only file of loop/ that names
 * timers, immediates, clocks, process signals or asynchronous context; it runs on Deno, Node and
 * browsers.
 *
 * @module
 */

/** The part of Node's `AsyncLocalStorage` in use here. */
interface AsyncStorage {
  run<T>(store: object | undefined, fn: () => T): T;
  getStore(): object | undefined;
}

interface AsyncStorageClass {
  new (): AsyncStorage;
  snapshot(): (fn: () => void) => void;
}

/**
 * The primitives under Deno's `AsyncLocalStorage`. A context is an object that is never changed, or
 * undefined; each storage has its own property in it, which the other storages carry along.
 */
interface ContextPrimitives {
  getAsyncContext(): object | undefined;
  setAsyncContext(context: object | undefined): void;
}

/** The part of the Web's `Worker` in use here. */
interface WebWorker {
  postMessage(message: unknown, transfer: readonly unknown[]): void;
  addEventListener(type: string, listener: (event: WorkerEvent) => void): void;
  terminate(): void;
}

interface WorkerEvent {
  readonly data: unknown;
  readonly message?: string;
  readonly filename?: string;
  readonly lineno?: number;
  preventDefault(): void;
}

/** The part of Node's `worker_threads` in use here. */
interface NodeThreads {
  readonly Worker: new (url: URL) => NodeWorker;
  readonly parentPort: NodePort | null;
}

interface NodePort {
  postMessage(message: unknown, transfer: readonly unknown[]): void;
  on(event: string, listener: (value: unknown) => void): void;
}

interface NodeWorker extends NodePort {
  terminate(): Promise<unknown>;
}

interface Builtins {
  "node:async_hooks": { readonly AsyncLocalStorage: AsyncStorageClass };
  "node:worker_threads": NodeThreads;
}

/** The part of Node's `process` in use here; Deno has it too, a browser does not. */
interface HostProcess {
  getBuiltinModule?<Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined;
  on(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
  listenerCount(event: string): number;
  readonly env?: Record<string, string | undefined>;
}

/** The part of Deno's permissions in use here. */
interface HostPermissions {
  querySync?(descriptor: { name: "env"; variable: string }): { state: string };
}

/** The part of Deno in use here. */
interface HostDeno {
  readonly permissions?: HostPermissions;
  /** The key of the internals that Deno keeps for its own libraries. */
  readonly internal?: symbol;
  readonly [key: symbol]: { readonly core?: Partial<ContextPrimitives> } | undefined;
}

type HostGlobals = {
  Deno?: HostDeno;
  process?: HostProcess;
  setImmediate?: (fn: () => void) => unknown;
  clearImmediate?: (id: unknown) => void;
  navigator?: { readonly hardwareConcurrency?: number };
  Worker?: new (url: URL, options: { type: "module" }) => WebWorker;
  /** Missing in Node's workers. */
  self?: unknown;
  /** In a web worker: sends a message to its parent. */
  postMessage: WebWorker["postMessage"];
  addEventListener(type: string, listener: (event: WorkerEvent) => void): void;
  close(): void;
};

const globals = globalThis as unknown as HostGlobals;

// -- Asynchronous context --

/** How an owner travels through `await`. */
interface AsyncContexts {
  /** Calls `fn` so that it, and all that it awaits, belongs to `owner`. */
  runOwned<T>(owner: object | undefined, fn: () => T): T;
  /** The owner of the running code, or `undefined`. */
  getOwner(): object | undefined;
  /** Returns a function that calls others in the context that is current now. */
  captureContext(): (fn: () => void) => void;
}

const OWNER = Symbol("owner");

/** A context with an owner, and nothing else. */
class OwnedContext {
  readonly [OWNER]: object | undefined;

  constructor(owner: object | undefined) {
    this[OWNER] = owner;
  }
}

/**
 * Contexts on Deno's primitives: `AsyncLocalStorage.run()` takes 600 ns, most of the cost of
 * starting a task; this takes 50. The primitives are not public, so they are used only if they do
 * what this file expects; otherwise the public class is used.
 */
function primitiveContexts({ Deno }: HostGlobals, storage: AsyncStorage): AsyncContexts | null {
  const core = Deno?.internal === undefined ? undefined : Deno[Deno.internal]?.core;
  const { getAsyncContext: get, setAsyncContext: set } = core ?? {};
  if (typeof get !== "function" || typeof set !== "function") return null;
  const contexts: AsyncContexts = {
    runOwned(owner, fn) {
      const before = get();
      const isBare = before === undefined || before instanceof OwnedContext;
      set(isBare ? new OwnedContext(owner) : { __proto__: null, ...before, [OWNER]: owner });
      try {
        return fn();
      } finally {
        set(before);
      }
    },
    getOwner: () => (get() as OwnedContext | undefined)?.[OWNER],
    captureContext() {
      const captured = get();
      return (fn) => {
        const before = get();
        set(captured);
        try {
          fn();
        } finally {
          set(before);
        }
      };
    },
  };
  return agree(contexts, storage) ? contexts : null;
}

/** Whether an owner and the value of a storage travel together, whichever of them is set first. */
function agree({ runOwned, getOwner }: AsyncContexts, storage: AsyncStorage): boolean {
  const [owner, store] = [{}, {}];
  const areThere = (): boolean => getOwner() === owner && storage.getStore() === store;
  return storage.run(store, () => runOwned(owner, areThere)) &&
    runOwned(owner, () => storage.run(store, areThere)) && getOwner() === undefined;
}

function chooseContexts(): AsyncContexts {
  const Storage = globals.process?.getBuiltinModule?.("node:async_hooks")?.AsyncLocalStorage;
  if (Storage === undefined) {
    const call = <T>(fn: () => T): T => fn();
    return { runOwned: (_, fn) => fn(), getOwner() {}, captureContext: () => call };
  }
  const storage = new Storage();
  return primitiveContexts(globals, storage) ?? {
    runOwned: (owner, fn) => storage.run(owner, fn),
    getOwner: () => storage.getStore(),
    captureContext: () => Storage.snapshot(),
  };
}

const contexts = chooseContexts();

/** Calls `fn` so that it, and all that it awaits, belongs to `owner`. */
export const runOwned: AsyncContexts["runOwned"] = contexts.runOwned;

/** The owner of the running code, or `undefined`. */
export const getOwner: AsyncContexts["getOwner"] = contexts.getOwner;

/** Returns a function that calls others in the context that is current now. */
export const captureContext: AsyncContexts["captureContext"] = contexts.captureContext;

/**
 * Whether the runtime carries an owner through `await`; without that, the loop tells which task is
 * running.
 */
export const hasAsyncContext: boolean = runOwned({}, getOwner) !== undefined;

// -- Time --

/** Milliseconds on a clock that never goes back. */
export function nowMs(): number {
  return performance.now();
}

/** Calls `fn` as soon as the running JavaScript has returned, before any I/O. */
export function defer(fn: () => void): void {
  queueMicrotask(fn);
}

/** Calls `fn` once I/O and host timers have had a turn, when no microtask is left. */
export const afterHost: (fn: () => void) => unknown = globals.setImmediate ?? messageImmediate;

/** Cancels a call of {@linkcode afterHost}. */
export const cancelAfterHost: (id: unknown) => void = globals.clearImmediate ?? closePort;

function messageImmediate(fn: () => void): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    fn();
  };
  port2.postMessage(null);
  return port1;
}

function closePort(port: unknown): void {
  (port as MessagePort).onmessage = null; // its message may be on the way already
  (port as MessagePort).close();
}

/** A host timer; `delayMs` is at most 2³¹ - 1. It keeps the process alive. */
export function startTimer(fn: () => void, delayMs: number): unknown {
  return setTimeout(fn, delayMs);
}

/** Stops a timer of {@linkcode startTimer}. */
export function stopTimer(id: unknown): void {
  clearTimeout(id as number);
}

/** Whether this program listens for `signal` already. */
export function hasSignalListener(signal: string): boolean {
  return (globals.process?.listenerCount(signal) ?? 0) > 0;
}

/** Calls `fn` on each `signal`; does nothing where the runtime has no signals. */
export function addSignalListener(signal: string, fn: () => void): void {
  globals.process?.on(signal, fn);
}

/** Undoes {@linkcode addSignalListener}. */
export function removeSignalListener(signal: string, fn: () => void): void {
  globals.process?.off(signal, fn);
}

/** Calls `fn` when the program is about to end; never in a browser. */
export function onExit(fn: () => void): void {
  globals.process?.on("exit", fn);
}

const DEBUG_VARIABLE = "DENO_ASYNCIO_DEBUG";

/**
 * Whether the environment asks for debug mode. The user is not asked for the permission to read it.
 */
export function isDebugWanted(): boolean {
  const query = { name: "env", variable: DEBUG_VARIABLE } as const;
  const state = globals.Deno?.permissions?.querySync?.(query).state ?? "granted";
  return state === "granted" && globals.process?.env?.[DEBUG_VARIABLE] === "1";
}

/** Does what `Promise.withResolvers()` does, which Node 20 lacks. */
export function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: PromiseWithResolvers<T>["resolve"];
  let reject!: PromiseWithResolvers<T>["reject"];
  const promise = new Promise<T>((...functions) => [resolve, reject] = functions);
  return { promise, resolve, reject };
}

// -- Workers --

/** Another thread that runs a module. */
export interface HostWorker {
  /** Sends a message; what `transfer` lists moves there, everything else is copied. */
  post(message: unknown, transfer: readonly unknown[]): void;
  /**
   * Ends the thread, which sends no more messages. Deno 2.9 does not interrupt a computation: the
   * thread ends after it, or with the program.
   */
  terminate(): void;
}

/** What a worker tells the thread that started it. */
export interface WorkerListener {
  /** Called with each message. */
  onMessage(message: unknown): void;
  /** Called when the worker is dead, with the reason: an error, or a text. */
  onDeath(reason: unknown): void;
}

/** Sent by a worker that closes itself: a web worker has no event for that. */
const CLOSING = "closing";

/** How many threads can run at once. */
export const cpuCount: number = globals.navigator?.hardwareConcurrency ?? 4;

/**
 * Starts a worker that runs the module at `url`; null where the runtime has no workers. Node's
 * workers come first: on Deno, a web worker that is computing would keep the program from ending.
 */
export function startWorker(url: URL, listener: WorkerListener): HostWorker | null {
  const start = (): HostWorker | null => {
    const threads = globals.process?.getBuiltinModule?.("node:worker_threads");
    if (threads !== undefined) {
      return startNodeWorker(new threads.Worker(fileOrData(url)), listener);
    }
    if (globals.Worker === undefined) return null;
    return startWebWorker(new globals.Worker(url, { type: "module" }), listener);
  };
  // A worker outlives the task that needs it first: its events belong to no task.
  return runOwned(undefined, start);
}

/** Node's workers take no other URLs; a module in a data URL may import any. */
function fileOrData(url: URL): URL {
  if (url.protocol === "file:") return url;
  const source = `import ${JSON.stringify(url.href)};`;
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}

function startWebWorker(worker: WebWorker, listener: WorkerListener): HostWorker {
  worker.addEventListener("message", ({ data }) => {
    if (data === CLOSING) listener.onDeath("it closed itself");
    else listener.onMessage(data);
  });
  worker.addEventListener("messageerror", () => listener.onDeath("its message cannot be read"));
  worker.addEventListener("error", (event) => {
    event.preventDefault(); // otherwise it ends this thread, too
    const { message, filename, lineno } = event;
    listener.onDeath(filename ? `${message} (${filename}:${lineno})` : message);
  });
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    terminate: () => worker.terminate(),
  };
}

function startNodeWorker(worker: NodeWorker, listener: WorkerListener): HostWorker {
  worker.on("message", (message) => listener.onMessage(message));
  worker.on("messageerror", () => listener.onDeath("its message cannot be read"));
  worker.on("error", (error) => listener.onDeath(error));
  worker.on("exit", (code) => listener.onDeath(`it exited with code ${code}`));
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    terminate: () => void worker.terminate(),
  };
}

/**
 * In a worker: calls `fn` with each message of the parent, and returns the function to reply with.
 */
export function listenToParent(fn: (message: unknown) => void): HostWorker["post"] {
  const port = globals.process?.getBuiltinModule?.("node:worker_threads")?.parentPort;
  if (port !== undefined && port !== null) {
    port.on("message", fn);
    return (message, transfer) => port.postMessage(message, transfer);
  }
  const post = globals.postMessage.bind(globalThis);
  const close = globals.close.bind(globalThis);
  globals.close = (): void => {
    post(CLOSING, []);
    close();
  };
  globals.addEventListener("unload", () => post(CLOSING, [])); // Deno.exit()
  globals.addEventListener("message", ({ data }) => fn(data));
  return post;
}
