/**
 * The documentation of everything that is exported: every symbol and every public member says what
 * it is, every function names its parameters and what it returns, and shows an example.
 *
 * Symbols marked `@ignore` are not checked, nor are the implementations of overloads.
 *
 * @module
 */

import { assertEquals } from "./_support/assert.ts";

const ROOT = new URL("../", import.meta.url);

const ENTRIES = ["mod.ts", "loop/mod.ts", "net/mod.ts", "http/mod.ts"];

/** JavaScript's classes of errors, as far as ours extend them. */
const ERRORS = ["AggregateError", "DOMException", "Error", "RangeError", "TypeError"];

/** Functions and classes that need no example of their own, and why. */
const SHOWN_ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ["AsCompleted", "it comes from asCompleted(), which shows both ways to iterate"],
  ["BaseProtocol", "programs extend Protocol, which shows one"],
  ["Server", "it comes from createServer(), which shows one"],
  ["ServerSocket", "it comes from Server.sockets; createServer() shows one"],
  ["Timeout", "it comes from timeout() and timeoutAt(), which show how to run it"],
  ["TimerHandle", "it comes from callLater(); Handle shows how to cancel it"],
  ["getRunningLoop", "Future and VirtualClock show it"],
  ["newEventLoop", "EventLoop, Handle and VirtualClock show it"],
]);

// -- The project --

Deno.test("everything that is exported is documented", async () => {
  const doc = await docsOfProject();
  const examples = withoutExample(doc).filter((name) => !SHOWN_ELSEWHERE.has(name));
  const found = [...undocumented(doc), ...examples.map((name) => `${name} has no @example`)];
  assertEquals(found.sort(), []);
});

Deno.test("what is shown elsewhere has no example of its own", async () => {
  const found = new Set(withoutExample(await docsOfProject()));
  assertEquals([...SHOWN_ELSEWHERE.keys()].filter((name) => !found.has(name)), []);
});

// -- The rules themselves --

Deno.test("undocumented() names what has no description", () => {
  const method = { name: "close", kind: "method", functionDef: { returnType: VOID } };
  const getter = { name: "size", kind: "getter", functionDef: { returnType: NUMBER } };
  const hidden = { name: "secret", accessibility: "private" };
  const def = {
    constructors: [{}],
    properties: [{ name: "limit" }, hidden],
    methods: [method, getter],
  };
  assertEquals(undocumented(docOf("Cache", { kind: "class", def })), [
    "Cache has no description",
    "new Cache() has no description",
    "Cache.limit has no description",
    "Cache.close() has no description",
    "Cache.size has no description",
  ]);
  assertEquals(undocumented(docOf("Clock", { kind: "interface", jsDoc: TEXT, def: {} })), []);
});

Deno.test("undocumented() names the tags that a function lacks, and those it has too many", () => {
  const params = [{ name: "a" }, { left: { name: "b" } }, { arg: { name: "c" } }];
  const def = { params, typeParams: [{ name: "T" }], returnType: NUMBER };
  const tags = [{ kind: "param", name: "b", doc: "B." }, { kind: "param", name: "d", doc: "D." }];
  assertEquals(undocumented(docOf("f", { kind: "function", jsDoc: { ...TEXT, tags }, def })), [
    "f() has no @typeParam T",
    "f() has no @param a",
    "f() has no @param c",
    "f() has @param d, and no such parameter",
    "f() has no @returns",
  ]);
});

Deno.test("undocumented() asks for no @returns where nothing is returned", () => {
  const promise = { kind: "typeRef", value: { typeName: "Promise", typeParams: [VOID] } };
  for (const returnType of [VOID, promise]) {
    const doc = docOf("f", { kind: "function", jsDoc: TEXT, def: { returnType } });
    assertEquals(undocumented(doc), []);
  }
});

Deno.test("undocumented() looks at overloads, not at the implementation behind them", () => {
  const doc = docOf(
    "f",
    { kind: "function", jsDoc: TEXT, def: { params: [] } },
    { kind: "function", jsDoc: TEXT, def: { params: [{ name: "a" }] } },
    { kind: "function", def: { params: [{ name: "b" }], hasBody: true } },
  );
  assertEquals(undocumented(doc), ["f() has no @param a"]);
});

Deno.test("withoutExample() names functions and classes, and no errors or types", () => {
  const method = { name: "get", jsDoc: { tags: [{ kind: "example", doc: "..." }] } };
  const nodes = [
    docOf("work", { kind: "function" }),
    docOf("Cache", { kind: "class" }),
    docOf("Shown", { kind: "class", def: { methods: [method] } }),
    docOf("BadFailure", { kind: "class", def: { extends: "Failure" } }),
    docOf("Failure", { kind: "class", def: { extends: "Error" } }),
    docOf("Options", { kind: "interface" }),
  ].map((doc, index): [string, Doc["nodes"][string]] => [`${index}.ts`, doc.nodes["mod.ts"]!]);
  assertEquals(withoutExample({ nodes: Object.fromEntries(nodes) }), ["Cache", "work"]);
});

// -- Rules --

/** Takes what `deno doc --json` prints; returns one sentence for each gap. */
function undocumented(doc: Doc): string[] {
  const found = new Set<string>();
  for (const { name, declarations } of symbolsOf(doc)) {
    for (const declaration of declared(declarations)) {
      for (const gap of gapsOfDeclaration(name, declaration)) found.add(gap);
    }
  }
  return [...found];
}

function gapsOfDeclaration(name: string, declaration: Declaration): string[] {
  const { kind, jsDoc, def = {} } = declaration;
  const gaps = gapsOfText(name, jsDoc);
  if (kind === "function") gaps.push(...gapsOfCall(`${name}()`, jsDoc, def));
  if (kind !== "class" && kind !== "interface") return gaps;
  gaps.push(...gapsOfTypeParams(name, jsDoc, def));
  for (const { jsDoc, ...signature } of def.constructors ?? []) {
    gaps.push(...gapsOfText(`new ${name}()`, jsDoc));
    gaps.push(...gapsOfCall(`new ${name}()`, jsDoc, signature));
  }
  for (const { name: property, jsDoc } of publicOnes(def.properties)) {
    gaps.push(...gapsOfText(`${name}.${property}`, jsDoc));
  }
  for (const method of declared(publicOnes(def.methods))) {
    gaps.push(...gapsOfMethod(name, method));
  }
  return gaps;
}

function gapsOfMethod(owner: string, method: Method): string[] {
  const signature = method.functionDef ?? method;
  if (method.kind === "getter") return gapsOfText(`${owner}.${method.name}`, method.jsDoc);
  // A setter is described by its getter.
  if (method.kind === "setter") return [];
  const place = `${owner}.${method.name}()`;
  // The language defines what a method such as [Symbol.iterator]() takes and returns.
  if (method.name.startsWith("[Symbol.")) return gapsOfText(place, method.jsDoc);
  return [...gapsOfText(place, method.jsDoc), ...gapsOfCall(place, method.jsDoc, signature)];
}

function gapsOfText(place: string, jsDoc: JsDoc | undefined): string[] {
  return jsDoc?.doc?.trim() ? [] : [`${place} has no description`];
}

function gapsOfCall(place: string, jsDoc: JsDoc | undefined, signature: Signature): string[] {
  const gaps = gapsOfTypeParams(place, jsDoc, signature);
  const documented = namesOf(jsDoc, "param");
  const params = (signature.params ?? []).map(nameOf);
  for (const param of params) {
    if (!documented.has(param)) gaps.push(`${place} has no @param ${param}`);
  }
  for (const name of documented) {
    if (!params.includes(name)) gaps.push(`${place} has @param ${name}, and no such parameter`);
  }
  if (returnsSomething(signature) && !tagsOf(jsDoc, "return").some(({ doc }) => doc)) {
    gaps.push(`${place} has no @returns`);
  }
  return gaps;
}

function gapsOfTypeParams(place: string, jsDoc: JsDoc | undefined, def: Signature): string[] {
  const documented = namesOf(jsDoc, "template");
  return (def.typeParams ?? [])
    .filter(({ name }) => !documented.has(name))
    .map(({ name }) => `${place} has no @typeParam ${name}`);
}

/** The functions and classes without an example; classes of errors need none. */
function withoutExample(doc: Doc): string[] {
  const symbols = symbolsOf(doc);
  const bases = new Map<string, string | undefined>();
  for (const { name, declarations } of symbols) {
    for (const { kind, def } of declarations) if (kind === "class") bases.set(name, def?.extends);
  }
  const isError = (name: string): boolean => {
    const base = bases.get(name);
    return base === undefined ? ERRORS.includes(name) : isError(base);
  };
  const found = symbols.filter(({ name, declarations }) => {
    const isCode = declarations.some(({ kind }) => kind === "function" || kind === "class");
    return isCode && !isError(name) && !declarations.some(hasExample);
  });
  return [...new Set(found.map(({ name }) => name))].sort();
}

function hasExample({ jsDoc, def = {} }: Declaration): boolean {
  const members = [...def.constructors ?? [], ...def.methods ?? [], ...def.properties ?? []];
  return [{ jsDoc }, ...members].some(({ jsDoc }) => tagsOf(jsDoc, "example").length > 0);
}

// -- Helpers --

const TEXT: JsDoc = { doc: "Does something." };
const NUMBER: Type = { kind: "keyword", value: "number" };
const VOID: Type = { kind: "keyword", value: "void" };

/** The documentation of a file with one symbol. */
function docOf(name: string, ...declarations: Declaration[]): Doc {
  return { nodes: { "mod.ts": { symbols: [{ name, declarations }] } } };
}

/** What `deno doc --json` prints, as far as it is used here. */
interface Doc {
  nodes: Record<string, { symbols: { name: string; declarations: Declaration[] }[] }>;
}

interface JsDoc {
  doc?: string;
  tags?: { kind: string; name?: string; doc?: string }[];
}

interface Declaration {
  kind: string;
  jsDoc?: JsDoc;
  def?: Definition;
}

interface Signature {
  params?: Param[];
  typeParams?: { name: string }[];
  returnType?: Type;
  hasBody?: boolean;
}

interface Definition extends Signature {
  extends?: string;
  constructors?: (Signature & { jsDoc?: JsDoc })[];
  methods?: Method[];
  properties?: Member[];
}

interface Member {
  name: string;
  jsDoc?: JsDoc;
  accessibility?: string;
}

/** A class has the signature in `functionDef`; an interface has it in the method itself. */
interface Method extends Member, Signature {
  kind?: string;
  functionDef?: Signature;
}

interface Param {
  name?: string;
  left?: Param;
  arg?: Param;
}

interface Type {
  kind: string;
  value: string | { typeName?: string; typeParams?: Type[] };
}

async function docsOfProject(): Promise<Doc> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", "--no-lock", ...ENTRIES],
    cwd: ROOT,
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

function symbolsOf(doc: Doc): Doc["nodes"][string]["symbols"] {
  return Object.values(doc.nodes).flatMap(({ symbols }) => symbols).map((symbol) => ({
    ...symbol,
    declarations: symbol.declarations.filter(({ kind }) => kind !== "reference"),
  }));
}

/** Leaves out implementations that have overloads: callers don't see them. */
function declared<T extends { def?: Signature; functionDef?: Signature; name?: string }>(
  all: readonly T[],
): T[] {
  const hasBody = ({ def, functionDef }: T): boolean => (def ?? functionDef)?.hasBody ?? false;
  return all.filter((one) =>
    !hasBody(one) || all.every((other) => other.name !== one.name || hasBody(other))
  );
}

function publicOnes<T extends Member>(members: readonly T[] = []): T[] {
  return members.filter(({ accessibility }) => accessibility !== "private");
}

function tagsOf(jsDoc: JsDoc | undefined, kind: string): NonNullable<JsDoc["tags"]> {
  return jsDoc?.tags?.filter((tag) => tag.kind === kind) ?? [];
}

/** The names of the tags of a kind that have a text. */
function namesOf(jsDoc: JsDoc | undefined, kind: string): Set<string> {
  return new Set(tagsOf(jsDoc, kind).filter(({ doc }) => doc).map(({ name }) => name!));
}

function nameOf(param: Param): string {
  return (param.left ?? param.arg ?? param).name ?? "a parameter with a name";
}

function returnsSomething({ returnType }: Signature): boolean {
  if (returnType === undefined) return false;
  const { value } = returnType;
  const inner = typeof value === "object" && value.typeName === "Promise"
    ? value.typeParams?.[0]?.value
    : value;
  return inner !== "void" && inner !== "never";
}
