/**
 * The rules of the source folders: who may import whom, what is private to a folder, where host
 * names may be used, and how long files and functions may be.
 *
 * Each rule is a function from a module graph, or from a source, to the violations that it finds,
 * one sentence each. The first part checks the project against the rules; the second shows each
 * rule failing.
 *
 * @module
 */

import { assertEquals } from "./_support/assert.ts";

/** The imports of each file, types included: paths from the root, or bare specifiers. */
type Graph = Readonly<Record<string, readonly string[]>>;

const ROOT = new URL("../", import.meta.url);

const ENTRIES = ["mod.ts", "loop/mod.ts", "net/mod.ts", "http/mod.ts"];

/** The source folders, with the other folders and the outside packages that each may import. */
const FOLDERS: Readonly<Record<string, { folders: string[]; packages: string[] }>> = {
  loop: { folders: ["loop"], packages: [] },
  net: { folders: ["loop", "net"], packages: [] },
  http: { folders: ["loop", "net", "http"], packages: [] },
};

/** What the entry point of the package may import. */
const ROOT_IMPORTS = ["loop/mod.ts", "net/mod.ts"];

/** The only file of loop/ that may use what {@linkcode HOST_NAMES} lists. */
const HOST_FILE = "loop/_host.ts";

const HOST_NAMES = new Set([
  "AsyncLocalStorage",
  "MessageChannel",
  "clearImmediate",
  "clearInterval",
  "clearTimeout",
  "performance",
  "process",
  "queueMicrotask",
  "setImmediate",
  "setInterval",
  "setTimeout",
]);

/** The one folder that may use each of these. */
const FOLDER_OF = new Map([
  ["Deno.Command", "net"],
  ["Deno.connect", "net"],
  ["Deno.connectTls", "net"],
  ["Deno.listen", "net"],
  ["Deno.listenDatagram", "net"],
  ["Deno.listenTls", "net"],
  ["Deno.startTls", "net"],
  ["Deno.createHttpClient", "http"],
  ["Deno.serve", "http"],
  ["Deno.upgradeWebSocket", "http"],
  ["fetch()", "http"],
]);

/** In lines of code: blank lines and comments do not count. */
const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 40;

// -- The project --

Deno.test("imports between folders point from http/ to net/ to loop/", async () => {
  assertEquals(wrongFolders(await graphOfProject()), []);
});

Deno.test("no file imports itself by way of others", async () => {
  assertEquals(cycles(await graphOfProject()), []);
});

Deno.test("private files are imported from their own folder only", async () => {
  assertEquals(privateImports(await graphOfProject()), []);
});

Deno.test("every file can be reached from its folder's mod.ts", async () => {
  assertEquals(unreachable(await graphOfProject(), Object.keys(await sources())), []);
});

Deno.test("host names stand in the files that may name them", async () => {
  assertEquals(inAllSources(await sources(), wrongHostNames), []);
});

Deno.test("files and functions are short", async () => {
  assertEquals(inAllSources(await sources(), tooLong), []);
});

Deno.test("nothing that is exported has the type any", async () => {
  const docs = await Promise.all(ENTRIES.map((entry) => denoJson("doc", entry)));
  assertEquals([...new Set(docs.flatMap(anyTypes))], []);
});

Deno.test("README's table names every example, and no other", async () => {
  const readme = await textOf("README.md");
  // Before there is a README, there is nothing to compare.
  if (readme !== null) assertEquals(wrongTable(readme, filesIn("examples")), []);
});

// -- The rules themselves --

Deno.test("wrongFolders() names an import that points left", () => {
  assertEquals(wrongFolders({ "loop/tasks.ts": ["net/server.ts", "loop/events.ts"] }), [
    "loop/tasks.ts imports net/server.ts: loop/ may import only from loop/",
  ]);
  assertEquals(wrongFolders({ "net/server.ts": ["http/mod.ts", "loop/mod.ts"] }), [
    "net/server.ts imports http/mod.ts: net/ may import only from loop/, net/",
  ]);
  assertEquals(wrongFolders({ "http/client.ts": ["net/mod.ts", "tests/a.ts", "mod.ts"] }), [
    "http/client.ts imports tests/a.ts: http/ may import only from loop/, net/, http/",
    "http/client.ts imports mod.ts: http/ may import only from loop/, net/, http/",
  ]);
});

Deno.test("wrongFolders() names a dependency that is not declared", () => {
  assertEquals(wrongFolders({ "net/server.ts": ["node:net"], "http/client.ts": ["@std/path"] }), [
    "net/server.ts imports node:net: net/ may import only from loop/, net/",
    "http/client.ts imports @std/path: http/ may import only from loop/, net/, http/",
  ]);
});

Deno.test("wrongFolders() names what the root may not import", () => {
  assertEquals(wrongFolders({ "mod.ts": ["loop/mod.ts", "loop/tasks.ts", "http/mod.ts"] }), [
    "mod.ts imports loop/tasks.ts: it may import only loop/mod.ts, net/mod.ts",
    "mod.ts imports http/mod.ts: it may import only loop/mod.ts, net/mod.ts",
  ]);
});

Deno.test("cycles() names each cycle once, and the files on it", () => {
  const graph = { "a.ts": ["b.ts"], "b.ts": ["c.ts", "b.ts"], "c.ts": ["b.ts"], "d.ts": ["a.ts"] };
  assertEquals(cycles(graph), ["b.ts -> c.ts -> b.ts", "b.ts -> b.ts"]);
  assertEquals(cycles({ "a.ts": ["b.ts", "c.ts"], "b.ts": ["c.ts"], "c.ts": ["@std/path"] }), []);
});

Deno.test("privateImports() names an import of another folder's private file", () => {
  assertEquals(privateImports({ "net/server.ts": ["loop/_frame.ts", "net/_buffer.ts"] }), [
    "net/server.ts imports loop/_frame.ts: it is private to loop/",
  ]);
});

Deno.test("unreachable() names a file that only the outside imports", () => {
  const graph = {
    "net/mod.ts": ["net/server.ts"],
    "net/server.ts": ["net/_buffer.ts"],
    "http/mod.ts": ["net/lost.ts"],
  };
  const files = [...Object.keys(graph), "net/_buffer.ts", "net/lost.ts", "net/_unused.ts"];
  assertEquals(unreachable(graph, files), [
    "net/lost.ts cannot be reached from net/mod.ts",
    "net/_unused.ts cannot be reached from net/mod.ts",
  ]);
});

Deno.test("wrongHostNames() names what loop/ may not name outside its host file", () => {
  const source = `
    /** Like setTimeout(). */
    const timer = globalThis.setTimeout(f, 1); // process
    const text = "performance";
    const conn: Deno.Conn = null!;
    await import("node:process");
  `;
  assertEquals(wrongHostNames("loop/tasks.ts", source), [
    "loop/tasks.ts:3 names setTimeout: only loop/_host.ts may",
    "loop/tasks.ts:5 names Deno: only loop/_host.ts may",
    "loop/tasks.ts:6 names node:process: only loop/_host.ts may",
  ]);
  assertEquals(wrongHostNames("loop/_host.ts", source), []);
});

Deno.test("wrongHostNames() names what belongs to another folder", () => {
  const source = 'Deno.serve(f);\nDeno.listen({});\nawait fetch(url);\napp.fetch("Deno.serve");';
  assertEquals(wrongHostNames("net/server.ts", source), [
    "net/server.ts:1 names Deno.serve: only http/ may",
    "net/server.ts:3 names fetch(): only http/ may",
  ]);
  assertEquals(wrongHostNames("http/client.ts", source), [
    "http/client.ts:2 names Deno.listen: only net/ may",
  ]);
});

Deno.test("tooLong() counts lines of code in files and functions", () => {
  const body = "  // ²\n\n  f();\n".repeat(MAX_FUNCTION_LINES - 2);
  assertEquals(tooLong("a.ts", `/**\n * →\n */\nfunction f() {\n${body}}\n`), []);
  assertEquals(tooLong("a.ts", `\nclass A {\n  f() {\n${body}f(); /*\n*/ f();\n}\n}\n`), [
    `a.ts:3 has a function of ${MAX_FUNCTION_LINES + 2} lines: ${MAX_FUNCTION_LINES} at most`,
  ]);
  assertEquals(tooLong("a.ts", "f();\n".repeat(MAX_FILE_LINES + 1)), [
    `a.ts has ${MAX_FILE_LINES + 1} lines: ${MAX_FILE_LINES} at most`,
  ]);
});

Deno.test("anyTypes() names the symbol and the member", () => {
  const any = { kind: "keyword", value: "any" };
  const method = { name: "get", functionDef: { params: [{ name: "key", tsType: any }] } };
  const symbols = [{ name: "Cache", declarations: [{ def: { methods: [method] } }] }];
  assertEquals(anyTypes({ nodes: { "file:///mod.ts": { symbols } } }), [
    "Cache.get.key has the type any",
  ]);
});

Deno.test("wrongTable() names examples on one side only", () => {
  const readme =
    "See examples/c.ts.\n\n| script | shows |\n|--|--|\n| [`a.ts`](examples/a.ts) | a |\n" +
    "| `examples/lost.ts` | nothing |\n";
  assertEquals(wrongTable(readme, ["examples/a.ts", "examples/_b.ts", "examples/c.ts"]), [
    "examples/c.ts is not in README's table",
    "examples/lost.ts is in README's table, and does not exist",
  ]);
});

// -- Rules --

function wrongFolders(graph: Graph): string[] {
  return importsOf(graph).flatMap(([path, target]) => {
    const folder = folderOf(path);
    if (folder === "") {
      if (ROOT_IMPORTS.includes(target)) return [];
      return [`${path} imports ${target}: it may import only ${ROOT_IMPORTS.join(", ")}`];
    }
    const { folders, packages } = FOLDERS[folder] ?? { folders: [], packages: [] };
    if (packages.includes(target) || folders.includes(folderOf(target))) return [];
    const allowed = [...folders.map((name) => `${name}/`), ...packages].join(", ");
    return [`${path} imports ${target}: ${folder}/ may import only from ${allowed}`];
  });
}

function privateImports(graph: Graph): string[] {
  return importsOf(graph)
    .filter(([path, target]) => isPrivate(target) && folderOf(path) !== folderOf(target))
    .map(([path, target]) => `${path} imports ${target}: it is private to ${folderOf(target)}/`);
}

/** Finds at least one cycle if there is any. */
function cycles(graph: Graph): string[] {
  const found: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(" -> "));
    if (start >= 0 || finished.has(path)) return;
    for (const target of graph[path] ?? []) visit(target, [...trail, path]);
    finished.add(path);
  };
  for (const path of Object.keys(graph)) visit(path, []);
  return found;
}

function unreachable(graph: Graph, files: readonly string[]): string[] {
  return files.flatMap((path) => {
    const entry = folderOf(path) === "" ? path : `${folderOf(path)}/mod.ts`;
    return reachableFrom(graph, entry).has(path) ? [] : [`${path} cannot be reached from ${entry}`];
  });
}

function reachableFrom(graph: Graph, entry: string): Set<string> {
  const reached = new Set([entry]);
  for (const path of reached) for (const target of graph[path] ?? []) reached.add(target);
  return reached;
}

function wrongHostNames(path: string, source: string): string[] {
  const folder = folderOf(path);
  const found: string[] = [];
  for (const [line, name] of namesIn(path, source)) {
    const owner = FOLDER_OF.get(name);
    const isHostName = HOST_NAMES.has(name) || name.startsWith("node:");
    if (folder === "loop" && name === "Deno" && path !== HOST_FILE) {
      found.push(`${path}:${line} names Deno: only ${HOST_FILE} may`);
    } else if (folder === "loop" && isHostName && path !== HOST_FILE) {
      found.push(`${path}:${line} names ${name}: only ${HOST_FILE} may`);
    } else if (owner !== undefined && owner !== folder) {
      found.push(`${path}:${line} names ${name}: only ${owner}/ may`);
    }
  }
  return found;
}

function tooLong(path: string, source: string): string[] {
  const found: string[] = [];
  const code = withoutComments(path, source);
  const lines = countLines(code);
  if (lines > MAX_FILE_LINES) found.push(`${path} has ${lines} lines: ${MAX_FILE_LINES} at most`);
  const check = ({ range: [start, end] }: Deno.lint.Node): void => {
    const length = countLines(code.slice(start, end));
    if (length <= MAX_FUNCTION_LINES) return;
    const place = `${path}:${lineAt(source, start)}`;
    found.push(`${place} has a function of ${length} lines: ${MAX_FUNCTION_LINES} at most`);
  };
  walk(path, source, () => ({
    FunctionDeclaration: check,
    FunctionExpression: check,
    ArrowFunctionExpression: check,
  }));
  return found;
}

/** Takes what `deno doc --json` prints. */
function anyTypes(doc: unknown): string[] {
  const found = new Set<string>();
  const visit = (value: unknown, names: readonly string[]): void => {
    if (typeof value !== "object" || value === null) return;
    const { kind, value: type, name } = value as {
      kind?: unknown;
      value?: unknown;
      name?: unknown;
    };
    if (kind === "keyword" && type === "any") found.add(`${names.join(".")} has the type any`);
    const inner = typeof name === "string" ? [...names, name] : names;
    for (const child of Object.values(value)) visit(child, inner);
  };
  visit(doc, []);
  return [...found];
}

/** Takes README's text, and the paths of the examples; private ones need not be in the table. */
function wrongTable(readme: string, examples: readonly string[]): string[] {
  const rows = readme.split("\n").filter((line) => line.startsWith("|")).join("\n");
  const named = new Set(Array.from(rows.matchAll(/examples\/\w+\.ts/g), ([path]) => path));
  const missing = examples.filter((path) => !isPrivate(path) && !named.has(path));
  const lost = [...named].filter((path) => !examples.includes(path));
  return [
    ...missing.map((path) => `${path} is not in README's table`),
    ...lost.map((path) => `${path} is in README's table, and does not exist`),
  ];
}

// -- Helpers --

function importsOf(graph: Graph): [path: string, target: string][] {
  return Object.entries(graph).flatMap(([path, targets]) =>
    targets.map((target): [string, string] => [path, target])
  );
}

/** The folder of a path, "" for the root; a bare specifier is in none of our folders. */
function folderOf(path: string): string {
  return path.endsWith(".ts") ? path.slice(0, Math.max(path.lastIndexOf("/"), 0)) : path;
}

function isPrivate(path: string): boolean {
  return path.slice(path.lastIndexOf("/") + 1).startsWith("_");
}

function inAllSources(
  all: Readonly<Record<string, string>>,
  rule: (path: string, source: string) => string[],
): string[] {
  return Object.entries(all).flatMap(([path, source]) => rule(path, source));
}

/** The names and the literals in a source, with their lines; comments are left out. */
function namesIn(path: string, source: string): [line: number, name: string][] {
  const found: [number, string][] = [];
  walk(path, source, () => {
    const add = (node: Deno.lint.Node, name: string): void => {
      found.push([lineAt(source, node.range[0]), name]);
    };
    return {
      Identifier: (node) => add(node, node.name),
      Literal: (node) =>
        typeof node.value === "string" && node.value.startsWith("node:") && add(node, node.value),
      "MemberExpression[object.name='Deno']": (node: Deno.lint.MemberExpression) => {
        if (node.property.type === "Identifier") add(node, `Deno.${node.property.name}`);
      },
      "CallExpression[callee.name='fetch']": (node: Deno.lint.CallExpression) =>
        add(node, "fetch()"),
    };
  });
  return found;
}

function withoutComments(path: string, source: string): string {
  let code = source;
  walk(path, source, (context) => {
    for (const { range: [start, end] } of context.sourceCode.getAllComments()) {
      const blank = source.slice(start, end).replaceAll(/[^\n]/g, " ");
      code = code.slice(0, start) + blank + code.slice(end);
    }
    return {};
  });
  return code;
}

/** Parses a source, and visits its nodes. */
function walk(
  path: string,
  source: string,
  create: (context: Deno.lint.RuleContext) => Deno.lint.LintVisitor,
): void {
  Deno.lint.runPlugin({ name: "walk", rules: { walk: { create } } }, path, source);
}

function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split("\n").length;
}

function countLines(code: string): number {
  return code.split("\n").filter((line) => line.trim() !== "").length;
}

/** The sources by path from the root. */
async function sources(): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const path of ["mod.ts", ...Object.keys(FOLDERS).flatMap(filesIn)]) {
    all[path] = (await textOf(path))!;
  }
  return all;
}

/** The TypeScript files of a folder, by path from the root. */
function filesIn(folder: string): string[] {
  const names = Array.from(Deno.readDirSync(new URL(folder, ROOT)), ({ name }) => name);
  return names.filter((name) => name.endsWith(".ts")).sort().map((name) => `${folder}/${name}`);
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(new URL(path, ROOT));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** What `deno info --json` prints, as far as it is used here. */
interface Info {
  modules: { specifier: string; error?: string; dependencies?: Dependency[] }[];
}

interface Dependency {
  specifier: string;
  code?: { specifier?: string };
  type?: { specifier?: string };
}

async function graphOfProject(): Promise<Graph> {
  const graph: Record<string, string[]> = {};
  for (const info of await Promise.all(ENTRIES.map((entry) => denoJson("info", entry)))) {
    for (const { specifier, error, dependencies = [] } of (info as Info).modules) {
      if (error !== undefined) throw new Error(error);
      const path = pathOf(specifier);
      if (path !== null) graph[path] = dependencies.flatMap(targetsOf);
    }
  }
  return graph;
}

/** A dependency's path; if it is not in the project, its specifier as written. */
function targetsOf({ specifier, code, type }: Dependency): string[] {
  const resolved = [code?.specifier, type?.specifier].filter((url) => url !== undefined);
  return [...new Set(resolved.map((url) => pathOf(url) ?? specifier))];
}

function pathOf(url: string): string | null {
  return url.startsWith(ROOT.href) ? url.slice(ROOT.href.length) : null;
}

async function denoJson(command: "doc" | "info", entry: string): Promise<unknown> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [command, "--json", "--no-lock", entry],
    cwd: ROOT,
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
