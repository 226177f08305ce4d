/**
 * Measures this project beside its peers, and prints the ratios.
 *
 *     deno task bench loop|memory|latency|net|http [--rounds N] [--scale X] [--only NAME,…]
 *
 * `loop` counts operations a second: more is better. `memory` weighs a million sleeping tasks, and
 * `latency` times how long sockets and timers wait for a loop that is never idle: less is better.
 * `net` measures echo servers (Linux only, with a C compiler): more messages and fewer microseconds
 * are better, and bare Deno is the upper bound.
 * `http` counts requests a second, of servers under load from `wrk` and of clients: more is better.
 *
 * In each round the sides take turns, each alone on one core where the system can pin it; each
 * round begins with another side. Those of `http` take turns several times a round, in short
 * slices. Ratios are taken within a round, since machines may be shared and noisy; the median over
 * the rounds is shown, with the range. Peers that are not installed are left out, and named.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { WORKLOADS } from "./http_workloads.ts";

/** What was measured, by workload and kind. */
type Figures = Record<string, number>;

/** One of the sides that are compared. */
interface Side {
  name: string;
  /** Each prints a part of its figures. The sides take turns with each. */
  commands: string[][];
}

interface Bench {
  /** This project comes first. */
  sides: Side[];
  /** Each prints a part of the figures of all sides, by name, and makes them take turns itself. */
  shared?: string[][];
  /** The unit in which the figures are shown, and how many measured ones make one of it. */
  unit: string;
  perUnit: number;
  rounds: number;
  /** Whether each side has one core to itself. */
  pinned: boolean;
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string" },
    scale: { type: "string", default: "1" },
    only: { type: "string", default: "" },
  },
});

const only = flags.only.split(",").filter((name) => name !== "");
const here = new URL(".", import.meta.url).pathname;
const PYTHON = "/usr/bin/python3";

/** Prints what is wrong and exits. */
function fail(message: string): never {
  console.error(message);
  Deno.exit(2);
}

/** Returns the Python sides; their programs get the side's name and `args`. */
function peers(program: string, ...args: string[]): Side[] {
  return ["uvloop", "asyncio"].map((name) => ({
    name,
    commands: [[PYTHON, `${here}${program}`, name, ...args]],
  }));
}

function ours(...commands: string[][]): Side {
  return { name: "@aio/asyncio", commands: commands.map((args) => ["deno", "run", ...args]) };
}

const benches: Record<string, () => Bench> = {
  loop() {
    const args = [flags.scale, ...only];
    const own = ours(["--allow-sys", `${here}loop.ts`, ...args]);
    const sides = [own, ...peers("loop.py", ...args)];
    return { sides, unit: "Mops/s", perUnit: 1e6, rounds: 5, pinned: true };
  },
  memory() {
    const count = String(Math.max(1, Math.trunc(1e6 * Number(flags.scale))));
    const command = (kind: string) => [`--v8-flags=--expose-gc`, `${here}memory.ts`, kind, count];
    const sides = [ours(command("async"), command("generator")), ...peers("memory.py", count)];
    return { sides, unit: "bytes", perUnit: 1, rounds: 1, pinned: true };
  },
  latency() {
    const count = String(Math.max(1, Math.trunc(500 * Number(flags.scale))));
    const permissions = ["--allow-net=127.0.0.1", "--allow-run=deno"];
    const sides = [
      ours([...permissions, `${here}latency.ts`, count]),
      ...peers("latency.py", count),
    ];
    return { sides, unit: "ms", perUnit: 1, rounds: 3, pinned: false };
  },
  net() {
    const permissions = ["--allow-read", "--allow-write", "--allow-run=cc,taskset"];
    const program = ["deno", "run", ...permissions, `${here}net.ts`];
    const names = {
      "@aio/asyncio": "ours",
      "bare Deno": "raw",
      uvloop: "uvloop",
      asyncio: "asyncio",
    };
    const sides = Object.entries(names).map(([name, side]) => ({
      name,
      commands: [[...program, side, flags.scale, ...only]],
    }));
    return { sides, unit: "", perUnit: 1, rounds: 3, pinned: false };
  },
  http() {
    const permissions = ["net=127.0.0.1", "read", "write", "run=taskset"];
    const allowed = permissions.map((permission) => `--allow-${permission}`);
    const program = ["deno", "run", ...allowed, `${here}http.ts`];
    const names: readonly string[] = WORKLOADS;
    const unknown = only.find((name) => !names.includes(name));
    if (unknown !== undefined) fail(`Cannot measure "${unknown}": there are ${names.join(", ")}`);
    const workloads = only.length > 0 ? only : names;
    const servers = ["@aio/asyncio", "Deno", "Hono", "aiohttp"];
    const shared = workloads.map((workload) => [...program, flags.scale, workload, ...servers]);
    const sides = servers.map((name) => ({ name, commands: [] }));
    return { sides, shared, unit: "kops/s", perUnit: 1e3, rounds: 3, pinned: false };
  },
};

/** Runs a command, and returns what it has measured; null if it fails. */
async function runCommand<T = Figures>(
  name: string,
  [command, ...args]: string[],
): Promise<T | null> {
  const process = new Deno.Command(command!, { args, stderr: "piped" });
  const { code, stdout, stderr } = await process.output();
  const said = new TextDecoder().decode(stderr).trim();
  if (code !== 0) {
    console.log(`${name} is left out: ${said}`);
    return null;
  }
  if (said !== "") console.log(`${name}: ${said}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Returns what pins a command to one core, or nothing where the system can't. */
async function findPin(): Promise<string[]> {
  const pin = ["taskset", "-c", "1"];
  try {
    const { code } = await new Deno.Command("taskset", { args: ["-c", "1", "true"] }).output();
    return code === 0 ? pin : [];
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return [];
  }
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Returns the figures of all sides in each round; a side that was left out has none. */
async function measure(bench: Bench, rounds: number): Promise<Map<string, Figures>[]> {
  const pin = bench.pinned ? await findPin() : [];
  const results: Map<string, Figures>[] = [];
  for (let round = 0; round < rounds; round++) {
    console.log(`round ${round + 1} of ${rounds}`);
    const figures = await measureRound(bench.sides, round, pin);
    for (const command of bench.shared ?? []) await measureShared(command, figures);
    results.push(figures);
  }
  return results;
}

/** Adds what a command prints for all sides. */
async function measureShared(command: string[], result: Map<string, Figures>): Promise<void> {
  const all = await runCommand<Record<string, Figures>>(command.slice(-5).join(" "), command);
  for (const [name, figures] of Object.entries(all ?? {})) {
    result.set(name, { ...result.get(name), ...figures });
  }
}

async function measureRound(
  sides: Side[],
  round: number,
  pin: string[],
): Promise<Map<string, Figures>> {
  const result = new Map<string, Figures>();
  const leftOut = new Set<Side>();
  const count = Math.max(...sides.map(({ commands }) => commands.length));
  for (let k = 0; k < count; k++) {
    for (let i = 0; i < sides.length; i++) {
      const side = sides[(i + round) % sides.length]!;
      const command = side.commands[k];
      if (command === undefined || leftOut.has(side)) continue;
      const figures = await runCommand(side.name, [...pin, ...command]);
      if (figures === null) leftOut.add(side);
      else result.set(side.name, { ...result.get(side.name), ...figures });
    }
  }
  for (const { name } of leftOut) result.delete(name);
  return result;
}

function ratioText(rounds: Map<string, Figures>[], key: string, own: string, peer: string): string {
  const workload = key.split("@")[0]!;
  const ratios = rounds.flatMap((round) => {
    const [mine, theirs] = [round.get(own)?.[key], round.get(peer)?.[workload]];
    return mine === undefined || theirs === undefined ? [] : [mine / theirs];
  });
  if (ratios.length === 0) return "".padStart(24);
  const range = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
  return `${median(ratios).toFixed(2).padStart(8)} (${range})`.padEnd(24);
}

function printRatios(bench: Bench, rounds: Map<string, Figures>[]): void {
  const [own, ...peers] = bench.sides.map((side) => side.name);
  const keys = Object.keys(rounds[0]?.get(own!) ?? {});
  if (keys.length === 0) fail(`Nothing was measured${only.map((name) => ` of "${name}"`).join()}`);
  const head = peers.map((peer) => `÷ ${peer}`.padStart(8).padEnd(24)).join("");
  console.log(`\n${"".padEnd(42)}${bench.unit.padStart(8)}  ${head}`);
  for (const key of keys) {
    const figure = median(rounds.flatMap((round) => round.get(own!)?.[key] ?? []));
    const digits = ["", "bytes"].includes(bench.unit) ? 0 : 3;
    const shown = (figure / bench.perUnit).toFixed(digits).padStart(8);
    const ratios = peers.map((peer) => ratioText(rounds, key, own!, peer)).join("");
    console.log(`${key.padEnd(42)}${shown}  ${ratios}`);
  }
}

const makeBench = benches[positionals[0] ?? ""];
if (makeBench === undefined) {
  const names = Object.keys(benches).join("|");
  fail(`Usage: deno task bench ${names} [--rounds N] [--scale X] [--only NAME,…]`);
}
const bench = makeBench();
const rounds = await measure(bench, Number(flags.rounds ?? bench.rounds));
printRatios(bench, rounds);
if (!rounds.every((round) => round.has(bench.sides[0]!.name))) Deno.exit(1);
