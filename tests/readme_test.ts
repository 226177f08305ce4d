/**
 * What the README says: its code prints what it says, its commands are tasks, the files and entry
 * points it names exist.
 */

import { assert, assertEquals } from "./_support/assert.ts";

const root = new URL("../", import.meta.url);
const readme = await Deno.readTextFile(new URL("README.md", root));
const config = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));

/** The code blocks of a language. */
function blocks(language: string): string[] {
  const pattern = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms");
  return [...readme.matchAll(pattern)].map((match) => match[1]!);
}

/** What a program prints. */
async function printed(code: string): Promise<string[]> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--check", "--no-prompt", `--config=${new URL("deno.json", root).pathname}`, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(code));
  await writer.close();
  const { code: exitCode, stdout, stderr } = await child.output();
  assertEquals(exitCode, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

Deno.test("README's tastes of code print what their comments say", async () => {
  for (const code of blocks("ts").slice(0, 2)) {
    const expected = code.split("\n").filter((line) => line.startsWith("// "));
    assertEquals((await printed(code)).map((line) => `// ${line}`), expected);
  }
});

Deno.test("README imports every entry point, in this version", () => {
  const [, , imports] = blocks("ts");
  const version = config.version.replace(/\.\d+$/, "");
  const named = [...imports!.matchAll(/"jsr:@aio\/asyncio@\^([\d.]+)(\/\w+)?"/g)];
  assertEquals(named.map((match) => `.${match[2] ?? ""}`), Object.keys(config.exports));
  for (const match of named) assert(match[1]!.startsWith(version));
});

Deno.test("README tells how a clone stands in for the release", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [, links] = /`({ "links": .*? })`/.exec(readme)!;
    const here = links!.replace("../asyncio", root.pathname.slice(0, -1));
    await Deno.writeTextFile(`${folder}/deno.json`, here);
    for (const code of blocks("ts")) {
      await Deno.writeTextFile(`${folder}/main.ts`, code);
      const args = ["run", "--no-remote", "--no-prompt", "main.ts"];
      const command = new Deno.Command(Deno.execPath(), { args, cwd: folder });
      const { success, stderr } = await command.output();
      assert(success, new TextDecoder().decode(stderr));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("README names tasks that there are", () => {
  const tasks = [...readme.matchAll(/(?:deno|deno@[\d.]+) task (\w+)/g)].map((match) => match[1]!);
  assert(tasks.length > 0);
  for (const task of tasks) assert(task in config.tasks, `deno task ${task}`);
});

Deno.test("README names files that there are", async () => {
  const paths = [...readme.matchAll(/`((?:loop|net|http|examples)\/\w+\.ts)`/g)];
  assert(paths.length > 0);
  for (const [, path] of paths) assert((await Deno.stat(new URL(path!, root))).isFile);
});
