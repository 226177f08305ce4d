/**
 * Every name of asyncio that this project promises exists where it promises it: the exports of each
 * folder, the methods of the loop, the members of each class and interface.
 */

import { assertEquals } from "./_support/assert.ts";

const ROOT = new URL("../", import.meta.url);

interface Names {
  loop: string[];
  net: string[];
  loopMethods: string[];
  classMethods: Record<string, string[]>;
}

interface Declaration {
  def?: {
    methods?: { name: string }[];
    properties?: { name: string }[];
    extends?: string | { repr: string }[];
  };
}

type Symbols = Map<string, Declaration[]>;

const names: Names = JSON.parse(await Deno.readTextFile(new URL("names.json", import.meta.url)));

async function symbolsOf(entry: string): Promise<Symbols> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", "--no-lock", entry],
    cwd: ROOT,
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout));
  const symbols: { name: string; declarations: Declaration[] }[] = Object.values(
    nodes as Record<string, { symbols: { name: string; declarations: Declaration[] }[] }>,
  ).flatMap((module) => module.symbols);
  return new Map(symbols.map(({ name, declarations }) => [name, declarations]));
}

/** The members of a class or interface, including those it inherits. */
function membersOf(name: string, symbols: Symbols): Set<string> {
  const members = new Set<string>();
  for (const { def } of symbols.get(name) ?? []) {
    for (const member of [...def?.methods ?? [], ...def?.properties ?? []]) {
      members.add(member.name);
    }
    const parents = typeof def?.extends === "string"
      ? [def.extends]
      : (def?.extends ?? []).map(({ repr }) => repr);
    for (const parent of parents) {
      for (const member of membersOf(parent.replace(/<.*/s, ""), symbols)) members.add(member);
    }
  }
  return members;
}

function missingMembers(name: string, wanted: string[], symbols: Symbols): string[] {
  const members = membersOf(name, symbols);
  return wanted.filter((member) => !members.has(member)).map((member) => `${name}.${member}`);
}

Deno.test("loop/ exports every name of asyncio's scheduling", async () => {
  const symbols = await symbolsOf("loop/mod.ts");
  assertEquals(names.loop.filter((name) => !symbols.has(name)), []);
});

Deno.test("EventLoop has every method of asyncio's loop that is no I/O", async () => {
  const symbols = await symbolsOf("loop/mod.ts");
  assertEquals(missingMembers("EventLoop", names.loopMethods, symbols), []);
});

Deno.test("net/ exports every name of asyncio's I/O", async () => {
  const symbols = await symbolsOf("net/mod.ts");
  assertEquals(names.net.filter((name) => !symbols.has(name)), []);
});

Deno.test("every class has the members of asyncio's", async () => {
  const symbols = await symbolsOf("mod.ts");
  const missing = Object.entries(names.classMethods)
    .flatMap(([name, wanted]) => missingMembers(name, wanted, symbols));
  assertEquals(missing, []);
});

Deno.test("mod.ts exports what loop/ and net/ export", async () => {
  const all = await symbolsOf("mod.ts");
  for (const entry of ["loop/mod.ts", "net/mod.ts"]) {
    const some = await symbolsOf(entry);
    assertEquals([...some.keys()].filter((name) => !all.has(name)), [], entry);
  }
});

Deno.test("missingMembers() names what neither a class nor its parents have", () => {
  const symbols: Symbols = new Map([
    ["Base", [{ def: { methods: [{ name: "close" }] } }]],
    ["Derived", [{ def: { extends: "Base", properties: [{ name: "size" }] } }]],
  ]);
  assertEquals(missingMembers("Derived", ["close", "size", "open"], symbols), ["Derived.open"]);
});
