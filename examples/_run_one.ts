/**
 * Runs one example, with its flags and with no more permissions than it needs.
 *
 * Run: deno task example NAME [flags]
 *
 * @module
 */

import { type Example, examples, fileOf } from "./_table.ts";

function listExamples(): string {
  const lines = examples.map(({ name, title }) => `  ${name.padEnd(30)}${title}`);
  return `Usage: deno task example NAME [flags]\n\n${lines.join("\n")}`;
}

async function runExample(example: Example, flags: string[]): Promise<number> {
  const permissions = example.permissions.map((permission) => `--allow-${permission}`);
  const command = new Deno.Command("deno", {
    args: ["run", "--no-prompt", ...permissions, fileOf(example), ...flags],
  });
  const child = command.spawn();
  // Ctrl-C is for the example, which gets it too; this process waits for how that ends.
  const ignore = (): void => {};
  const forward = (): void => child.kill("SIGTERM");
  Deno.addSignalListener("SIGINT", ignore);
  Deno.addSignalListener("SIGTERM", forward);
  try {
    return (await child.status).code;
  } finally {
    Deno.removeSignalListener("SIGINT", ignore);
    Deno.removeSignalListener("SIGTERM", forward);
  }
}

const [name, ...flags] = Deno.args;
const example = examples.find((example) => example.name === name?.replace(/\.ts$/, ""));
if (name === undefined) {
  console.log(listExamples());
  Deno.exit(0);
}
if (example === undefined) {
  console.error(`Cannot run example: there is no "${name}"\n\n${listExamples()}`);
  Deno.exit(1);
}
Deno.exit(await runExample(example, flags));
