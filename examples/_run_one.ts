/**
 * Runs one example, with its flags and with no more permissions than it needs.
 *
 * Run: deno task example NAME [flags]
 * Permissions: --allow-run=deno; --allow-read=examples, for --help
 *
 * @module
 */

import { type Example, examples, fileOf } from "./_table.ts";

function listExamples(): string {
  const lines = examples.map(({ name, title }) => `  ${name.padEnd(30)}${title}`);
  return `Usage: deno task example NAME [flags]\n\n${lines.join("\n")}`;
}

/** Returns the description of an example: the comment that its file opens with. */
function describe(example: Example): string {
  const [comment = ""] = /^\/\*\*.*?\*\//s.exec(Deno.readTextFileSync(fileOf(example))) ?? [];
  return comment.replaceAll(/^ ?\/?\*+[ /]?/gm, "").trim();
}

async function runExample(example: Example, flags: string[]): Promise<number> {
  const permissions = example.permissions.map((permission) => `--allow-${permission}`);
  const command = new Deno.Command("deno", {
    args: ["run", "--no-prompt", ...permissions, fileOf(example), ...flags],
  });
  // Ctrl-C is meant for the example, which gets it, too. This process ignores it, from before the
  // example starts until after it has ended: the signal may arrive here later than there.
  Deno.addSignalListener("SIGINT", () => {});
  const child = command.spawn();
  const forward = (): void => child.kill("SIGTERM");
  Deno.addSignalListener("SIGTERM", forward);
  try {
    return (await child.status).code;
  } finally {
    Deno.removeSignalListener("SIGTERM", forward);
  }
}

const isHelp = (flag: string): boolean => flag === "--help" || flag === "-h";

const [name, ...flags] = Deno.args;
const example = examples.find((example) => example.name === name?.replace(/\.ts$/, ""));
if (name === undefined || isHelp(name)) {
  console.log(listExamples());
} else if (example === undefined) {
  console.error(`Cannot run example: there is no "${name}"\n\n${listExamples()}`);
  Deno.exitCode = 1;
} else if (flags.some(isHelp)) {
  console.log(describe(example));
} else {
  Deno.exitCode = await runExample(example, flags);
}
