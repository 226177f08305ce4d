/**
 * Measures this project beside its peers, and prints the ratios.
 *
 *     deno task bench loop [--rounds N] [--scale X] [--only NAME,…]
 *
 * In each round the sides take turns, each alone on one core where the system can pin it; the side
 * that begins changes. A ratio is taken within a round, for these machines are shared and noisy;
 * the median over the rounds is shown, with the range. Peers that are not installed are left out,
 * and named.
 *
 * @module
 */

import { parseArgs } from "node:util";

/** Operations a second, by workload and kind. */
type Rates = Record<string, number>;

interface Side {
  name: string;
  command: string[];
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    scale: { type: "string", default: "1" },
    only: { type: "string", default: "" },
  },
});

const here = new URL(".", import.meta.url).pathname;
const PYTHON = "/usr/bin/python3";

function loopSides(): Side[] {
  const only = flags.only.split(",").filter((name) => name !== "");
  const peer = (name: string): Side => ({
    name,
    command: [PYTHON, `${here}loop.py`, name, flags.scale, ...only],
  });
  const own = {
    name: "@aio/asyncio",
    command: ["deno", "run", "--allow-sys", `${here}loop.ts`, flags.scale, ...only],
  };
  return [own, peer("uvloop"), peer("asyncio")];
}

async function runSide(side: Side, pin: string[]): Promise<Rates | null> {
  const [command, ...args] = [...pin, ...side.command];
  const process = new Deno.Command(command!, { args, stderr: "piped" });
  const { code, stdout, stderr } = await process.output();
  if (code === 0) return JSON.parse(new TextDecoder().decode(stdout));
  console.log(`${side.name} is left out: ${new TextDecoder().decode(stderr).trim()}`);
  return null;
}

/** What pins a command to one core, or nothing where the system can't. */
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

/** The rates of all sides in each round; a side without any was left out. */
async function measure(sides: Side[], rounds: number): Promise<Map<string, Rates>[]> {
  const pin = await findPin();
  const results: Map<string, Rates>[] = [];
  for (let round = 0; round < rounds; round++) {
    console.log(`round ${round + 1} of ${rounds}`);
    const result = new Map<string, Rates>();
    for (let i = 0; i < sides.length; i++) {
      const side = sides[(i + round) % sides.length]!;
      const rates = await runSide(side, pin);
      if (rates !== null) result.set(side.name, rates);
    }
    results.push(result);
  }
  return results;
}

function ratioText(rounds: Map<string, Rates>[], key: string, own: string, peer: string): string {
  const workload = key.split("@")[0]!;
  const ratios = rounds.flatMap((round) => {
    const [mine, theirs] = [round.get(own)?.[key], round.get(peer)?.[workload]];
    return mine === undefined || theirs === undefined ? [] : [mine / theirs];
  });
  if (ratios.length === 0) return "".padStart(22);
  const range = `${Math.min(...ratios).toFixed(1)}–${Math.max(...ratios).toFixed(1)}`;
  return `${median(ratios).toFixed(2).padStart(8)} (${range})`.padEnd(22);
}

function printRatios(rounds: Map<string, Rates>[], own: string, peers: string[]): void {
  const keys = Object.keys(rounds[0]?.get(own) ?? {});
  const head = peers.map((peer) => `÷ ${peer}`.padStart(8).padEnd(22)).join("");
  console.log(`\n${"".padEnd(42)}${"Mops/s".padStart(8)}  ${head}`);
  for (const key of keys) {
    const rate = median(rounds.flatMap((round) => round.get(own)?.[key] ?? [])) / 1e6;
    const ratios = peers.map((peer) => ratioText(rounds, key, own, peer)).join("");
    console.log(`${key.padEnd(42)}${rate.toFixed(3).padStart(8)}  ${ratios}`);
  }
}

if (positionals[0] !== "loop") {
  console.error("Usage: deno task bench loop [--rounds N] [--scale X] [--only NAME,…]");
  Deno.exit(2);
}
const [own, ...peers] = loopSides();
const rounds = await measure([own!, ...peers], Number(flags.rounds));
printRatios(rounds, own!.name, peers.map((peer) => peer.name));
if (!rounds.every((round) => round.has(own!.name))) Deno.exit(1);
