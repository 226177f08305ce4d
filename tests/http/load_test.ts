/**
 * A server under load from `wrk`: it goes on serving, and keeps nothing of the requests.
 *
 * @module
 */

import { assert, assertEquals } from "../_support/assert.ts";
import { Program } from "../_support/program.ts";
import { output, test } from "./_support.ts";

/** How many requests are made, at least, before memory is compared. */
const REQUESTS = 100_000;
/** What a request may leave behind, in bytes: less than the smallest object. */
const MAX_LEFT = 8;

const POST = `wrk.method = "POST"
wrk.path = "/items/42"
wrk.body = '{"id": 42}'
wrk.headers["Content-Type"] = "application/json"
`;

const ignore = !isInstalled("wrk");
const onlyIf = ignore ? " (ignored: wrk is not installed)" : "";

function isInstalled(program: string): boolean {
  try {
    new Deno.Command(program, { args: ["--version"] }).outputSync();
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

/** Makes requests for a second on so many connections. */
async function load(url: string, connections: number, ...args: string[]): Promise<void> {
  const said = await output(
    "wrk",
    "-t1",
    `-c${connections}`,
    "-d1s",
    "--timeout",
    "30s",
    ...args,
    url,
  );
  const bad = /Non-2xx.*|Socket errors.*/.exec(said);
  assertEquals(bad, null, said);
}

interface Usage {
  /** How many requests it has handled. */
  readonly handled: number;
  /** The heap in use after a garbage collection, in bytes. */
  readonly heap: number;
}

async function usage(url: string): Promise<Usage> {
  return JSON.parse(await output("curl", "-s", `${url}/memory`));
}

test(
  `an application serves on after ${REQUESTS} requests, and keeps nothing of them${onlyIf}`,
  async () => {
    const program = new Program(
      new URL("programs/counting.ts", import.meta.url),
      ["--allow-net", "--unstable-net", "--v8-flags=--expose-gc"],
    );
    const url = /http:\S+/.exec(await program.line())![0];
    const script = await Deno.makeTempFile({ suffix: ".lua" });
    try {
      await Deno.writeTextFile(script, POST);
      const loads = async (): Promise<void> => {
        await load(url, 64, "-s", script);
        await load(url, 500);
      };
      await loads(); // after this, everything that is allocated only once is there
      const before = await usage(url);
      let after: Usage;
      do {
        await loads();
        after = await usage(url);
      } while (after.handled - before.handled < REQUESTS);
      const left = (after.heap - before.heap) / (after.handled - before.handled);
      assert(left < MAX_LEFT, `${left} bytes are left of each request`);
      assertEquals(await output("curl", "-s", url), "hello");
    } finally {
      await Deno.remove(script);
      program.signal("SIGTERM");
      const { code, err } = await program.end();
      assertEquals([code, err], [0, ""]);
    }
  },
  { ignore },
);
