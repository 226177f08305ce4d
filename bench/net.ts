/**
 * One side of the net benchmark: its echo servers on one core, ten connections that keep them busy
 * on the other.
 *
 *     deno run … bench/net.ts ours|raw|uvloop|asyncio SECONDS [KIND …]
 *
 * The kinds are `protocol`, and streams that echo what `read()`, `readexactly()` or `readline()`
 * returns. Prints one JSON object: messages a second, and how long 99 % of them take at most. The
 * load comes from `net_load.c`, compiled here: a client in a scripting language would be the slower
 * end.
 *
 * @module
 */

/** The message sizes of each kind. A line of 100 KiB is longer than streams usually allow. */
const SIZES: Record<string, number[]> = {
  protocol: [1000, 100 * 1024],
  read: [1000, 100 * 1024],
  readexactly: [1000, 100 * 1024],
  readline: [1000],
};
const CONNECTIONS = "10";
/**
 * How long a server is warmed up, first with other connections and then with those that count, in
 * seconds. A fresh asyncio server asks the system for each buffer: its first clients wait longer.
 */
const WARMUP = "0.3";

const SERVER_CORE = "1";
const LOAD_CORE = "0";

const path = (name: string): string => new URL(name, import.meta.url).pathname;
const deno = ["deno", "run", "--allow-net=127.0.0.1", path("net_server.ts")];
const python = ["/usr/bin/python3", path("net_server.py")];

/** The commands that start the server of a side, without the kind and the size. */
const sides: Record<string, string[]> = {
  ours: [...deno, "ours"],
  raw: [...deno, "raw"],
  uvloop: [...python, "uvloop"],
  asyncio: [...python, "asyncio"],
};

interface Result {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
}

function pinned(core: string, command: string[]): Deno.Command {
  const args = ["-c", core, ...command];
  return new Deno.Command("taskset", { args, stdout: "piped", stderr: "inherit" });
}

/** Runs a program to its end, and returns what it printed. */
async function output(command: Deno.Command, name: string): Promise<string> {
  const { code, stdout } = await command.output();
  if (code !== 0) throw new Error(`Cannot measure: ${name} has ended with ${code}`);
  return new TextDecoder().decode(stdout);
}

/** Starts a server, and returns its port. */
async function serve(command: string[]): Promise<AsyncDisposable & { readonly port: string }> {
  const server = pinned(SERVER_CORE, command).spawn();
  const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  return {
    port: value.trim(),
    async [Symbol.asyncDispose](): Promise<void> {
      await reader.cancel();
      server.kill();
      await server.status;
    },
  };
}

async function measure(load: string, kind: string, size: string): Promise<Result> {
  await using server = await serve([...sides[name]!, kind, size]);
  const run = (time: string): Promise<string> => {
    const args = [server.port, CONNECTIONS, size, WARMUP, time];
    return output(pinned(LOAD_CORE, [load, ...args]), "the load");
  };
  await run("0");
  return JSON.parse(await run(seconds));
}

const [name = "", seconds = "", ...wanted] = Deno.args;
const folder = await Deno.makeTempDir();
try {
  const load = `${folder}/net_load`;
  const compiler = new Deno.Command("cc", {
    args: ["-O2", "-o", load, path("net_load.c")],
    stderr: "inherit",
  });
  await output(compiler, "the compiler");
  const figures: Record<string, number> = {};
  for (const kind of wanted.length > 0 ? wanted : Object.keys(SIZES)) {
    for (const size of SIZES[kind]!) {
      const { rate, p99 } = await measure(load, kind, String(size));
      figures[`${kind}, ${size} bytes, messages/s`] = rate;
      figures[`${kind}, ${size} bytes, p99 in us`] = p99;
    }
  }
  console.log(JSON.stringify(figures));
} finally {
  await Deno.remove(folder, { recursive: true });
}
