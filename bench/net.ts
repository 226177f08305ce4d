/**
 * One side of the net benchmark: its echo servers on one core, ten connections that keep them busy
 * on the other.
 *
 *     deno run … bench/net.ts ours|raw|uvloop|asyncio SECONDS [KIND …]
 *
 * The kinds are `protocol`, and streams that echo what `read()` gives or what `readline()` does.
 * Prints one JSON object: messages a second, and how long 99 % of them take at most. The load comes
 * from `net_load.c`, compiled here: a client in a scripting language would be the slower end.
 *
 * @module
 */

const KINDS = ["protocol", "read", "readline"];
const SIZES = [1000, 100 * 1024];
const CONNECTIONS = "10";
/** How long a server is warmed up, in seconds. */
const WARMUP = "0.5";

const SERVER_CORE = "1";
const LOAD_CORE = "0";

const path = (name: string): string => new URL(name, import.meta.url).pathname;
const deno = (kind: string): string[] => [
  "deno",
  "run",
  "--allow-net=127.0.0.1",
  path("net_server.ts"),
  kind,
];
const python = (loop: string, kind: string): string[] => [
  "/usr/bin/python3",
  path("net_server.py"),
  loop,
  kind,
];

/** What starts the server of a side. The raw one does not care how messages are read. */
const sides: Record<string, (kind: string) => string[]> = {
  ours: deno,
  raw: () => deno("raw"),
  uvloop: (kind) => python("uvloop", kind),
  asyncio: (kind) => python("asyncio", kind),
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

/** Runs a program to its end, and gives what it printed. */
async function output(command: Deno.Command, name: string): Promise<string> {
  const { code, stdout } = await command.output();
  if (code !== 0) throw new Error(`Cannot measure: ${name} has ended with ${code}`);
  return new TextDecoder().decode(stdout);
}

/** Starts a server; gives its port. */
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

async function measure(load: string, command: string[], size: number): Promise<Result> {
  await using server = await serve(command);
  const args = [server.port, CONNECTIONS, String(size), WARMUP, seconds];
  return JSON.parse(await output(pinned(LOAD_CORE, [load, ...args]), "the load"));
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
  for (const kind of wanted.length > 0 ? wanted : KINDS) {
    for (const size of SIZES) {
      const { rate, p99 } = await measure(load, sides[name]!(kind), size);
      figures[`${kind}, ${size} bytes, messages/s`] = rate;
      figures[`${kind}, ${size} bytes, p99 in us`] = p99;
    }
  }
  console.log(JSON.stringify(figures));
} finally {
  await Deno.remove(folder, { recursive: true });
}
