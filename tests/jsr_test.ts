/**
 * The package as its users get it: imported by `jsr:` URLs from a registry on loopback that serves
 * what publishing would upload, by a program with an empty cache, no configuration and no import
 * map. Only that registry is asked.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "./_support/assert.ts";
import { foreignImports, JsrRegistry, packageToPublish } from "./_support/jsr_registry.ts";
import type { Package } from "./_support/jsr_registry.ts";

const ROOT = new URL("../", import.meta.url);

// -- What is published --

Deno.test("publishing takes the sources, README, LICENSE and nothing else", async () => {
  const { files } = await packageToPublish(ROOT);
  const published = [...files.keys()].sort();
  const expected = ["LICENSE", "deno.json", "mod.ts"];
  for (const folder of ["http", "loop", "net"]) {
    for (const { name } of Deno.readDirSync(new URL(folder, ROOT))) {
      expected.push(`${folder}/${name}`);
    }
  }
  const inRoot = new Set([...Deno.readDirSync(ROOT)].map((entry) => entry.name));
  for (const name of ["CHANGELOG.md", "README.md"]) if (inRoot.has(name)) expected.push(name);
  assertEquals(published, expected.sort());
});

Deno.test("the published files import relative paths only", async () => {
  const { files } = await packageToPublish(ROOT);
  assertEquals(foreignImports(files), []);
});

Deno.test("foreignImports() names what only an import map or another registry resolves", () => {
  const source = `
    import { join } from "@std/path";
    import { own } from "./own.ts";
    export type { Pool } from "npm:mysql2@3";
    type Storage = import("node:async_hooks").AsyncLocalStorage<own>;
    // import "commented";
  `;
  const files = new Map([["http/bad.ts", new TextEncoder().encode(source)]]);
  assertEquals(foreignImports(files), [
    'http/bad.ts imports "@std/path": a published file imports relative paths only',
    'http/bad.ts imports "npm:mysql2@3": a published file imports relative paths only',
    'http/bad.ts imports "node:async_hooks": a published file imports relative paths only',
  ]);
});

// -- Imported from a JSR URL --

Deno.test("every entry point works when it is imported from a JSR URL", async () => {
  const pkg = await packageToPublish(ROOT);
  await using registry = await JsrRegistry.start(pkg);
  const { code, stdout, stderr } = await runConsumer(registry, consumerOf(pkg));
  assertEquals(registry.missed, []);
  assertEquals(code, 0, stderr);
  assertEquals(
    stdout,
    [
      ".: gather() gave a,1",
      "./loop: the virtual clock shows 3600",
      "./net: the server sent back hello",
      "./http: 200 Hello, World!",
      "",
    ].join("\n"),
  );
});

Deno.test("toThread() works when it is imported from a JSR URL, without any permission", async () => {
  const pkg = await packageToPublish(ROOT);
  await using registry = await JsrRegistry.start(pkg);
  const source = `
    import { moduleFunctions, run, toThread } from "${urlOf(pkg)}";

    const { checkPrimeSync } = moduleFunctions<typeof import("node:crypto")>("node:crypto");
    console.log(await run(() => toThread(checkPrimeSync, 2n ** 127n - 1n)));
  `;
  // Deno 2.9 finds errors in its own types of workers if it checks all types.
  const { code, stdout, stderr } = await runConsumer(registry, source, ["--check"]);
  assertEquals([registry.missed, code, stdout], [[], 0, "true\n"], stderr);
});

Deno.test("a program does not start when a file is not the one that was published", async () => {
  const pkg = await packageToPublish(ROOT);
  const wrong = `sha256-${"0".repeat(64)}`;
  await using registry = await JsrRegistry.start(pkg, { "loop/gather.ts": wrong });
  const { code, stdout, stderr } = await runConsumer(registry, consumerOf(pkg));
  assert(code !== 0, "the program ran");
  assertEquals(stdout, "");
  assertStringIncludes(stderr, "Integrity check failed");
  assertStringIncludes(stderr, "loop/gather.ts");
});

// -- Helpers --

/** Runs a program that has nothing but the URL of the registry. */
async function runConsumer(
  registry: JsrRegistry,
  source: string,
  options: readonly string[] = ["--check=all", "--allow-net=127.0.0.1"],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/program`);
    await Deno.writeTextFile(`${folder}/program/consumer.ts`, source);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", ...options, "consumer.ts"],
      cwd: `${folder}/program`,
      clearEnv: true,
      env: {
        DENO_DIR: `${folder}/cache`,
        JSR_URL: registry.url,
        NPM_CONFIG_REGISTRY: registry.url,
        NO_COLOR: "1",
      },
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The specifier that a program imports a package by. */
function urlOf({ name, version }: Package): string {
  return `jsr:${name}@^${version.split(".").slice(0, 2).join(".")}`;
}

/**
 * A program that uses every entry point. What it assigns and expects is type-checked, so the types
 * must have come along.
 */
function consumerOf(pkg: Package): string {
  const url = urlOf(pkg);
  return `
    import { gather, run, sleep } from "${url}";
    import { getRunningLoop, newEventLoop, VirtualClock } from "${url}/loop";
    import { createServer, Protocol, type Transport } from "${url}/net";
    import { Application, runApp } from "${url}/http";

    const results = await run(() => gather([() => sleep(0.01, "a"), () => sleep(0, 1)]));
    // @ts-expect-error There are two results, and the types of the package say so.
    results satisfies [string];
    console.log(".: gather() gave", results.join());

    const shown: number = await run(async () => {
      await sleep(3600);
      return getRunningLoop().time();
    }, { loopFactory: () => newEventLoop({ clock: new VirtualClock() }) });
    console.log("./loop: the virtual clock shows", shown);

    class Echo extends Protocol {
      #transport!: Transport;
      override connectionMade(transport: Transport): void {
        this.#transport = transport;
      }
      override dataReceived(data: Uint8Array): void {
        this.#transport.write(data);
      }
    }
    await run(async () => {
      await using server = await createServer(() => new Echo(), "127.0.0.1", 0);
      const [hostname, port] = server.sockets[0].getsockname();
      using client = await Deno.connect({ hostname, port });
      await client.write(new TextEncoder().encode("hello"));
      await client.closeWrite();
      console.log("./net: the server sent back", await new Response(client.readable).text());
    });

    const app = new Application();
    app.router.addGet("/", () => new Response("Hello, World!"));
    const stop = new AbortController();
    await runApp(app, {
      host: "127.0.0.1",
      port: 0,
      print: null,
      signal: stop.signal,
      async onListen({ hostname, port }) {
        const response = await fetch(\`http://\${hostname}:\${port}/\`);
        console.log("./http:", response.status, await response.text());
        stop.abort();
      },
    });
  `;
}
