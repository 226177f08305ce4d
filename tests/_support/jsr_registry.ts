/**
 * A JSR registry for one package, on loopback: what `deno publish` would upload, served as JSR
 * serves it, so that a test can import the package the way its users do.
 *
 * @module
 */

/** A package as a registry keeps it. */
export interface Package {
  /** Such as `@aio/asyncio`. */
  readonly name: string;
  /** Such as `0.1.0`. */
  readonly version: string;
  /** The entry points: `./net` to `./net/mod.ts`. */
  readonly exports: Readonly<Record<string, string>>;
  /** The files by path: `net/mod.ts`. */
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/**
 * Returns what `deno publish` would upload.
 *
 * @param root The folder of the package.
 * @returns The package.
 */
export async function packageToPublish(root: URL): Promise<Package> {
  const { name, version, exports } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", root)),
  );
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--allow-dirty", "--no-check", "--no-lock"],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const report = new TextDecoder().decode(stderr);
  if (code !== 0) throw new Error(`Cannot list the files to publish:\n${report}`);
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [, url] of report.matchAll(/^ +(file:\/\/.+) \(.+\)$/gm)) {
    files.set(decodeURI(url!.slice(root.href.length)), await Deno.readFile(new URL(url!)));
  }
  return { name, version, exports, files };
}

/**
 * Finds the imports that need more than the package itself: an import map or another registry.
 *
 * @param files The files of the package.
 * @returns One sentence for each.
 */
export function foreignImports(files: Package["files"]): string[] {
  const found: string[] = [];
  for (const [path, content] of files) {
    if (!path.endsWith(".ts")) continue;
    for (const specifier of importsOf(path, new TextDecoder().decode(content))) {
      if (/^\.\.?\//.test(specifier)) continue;
      found.push(`${path} imports "${specifier}": a published file imports relative paths only`);
    }
  }
  return found;
}

/** Serves one package until it is disposed of. */
export class JsrRegistry implements AsyncDisposable {
  /** The paths that were asked for and do not exist. */
  readonly missed: string[] = [];
  readonly #package: Package;
  readonly #checksums: ReadonlyMap<string, string>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** Use {@linkcode JsrRegistry.start}. */
  private constructor(pkg: Package, checksums: ReadonlyMap<string, string>) {
    this.#package = pkg;
    this.#checksums = checksums;
    const options = { hostname: "127.0.0.1", port: 0, onListen: (): void => {} };
    this.#server = Deno.serve(options, (request) => this.#answer(request));
  }

  /**
   * Starts a registry.
   *
   * @param pkg The package to serve.
   * @param wrongChecksums Checksums, by path, to give instead of the right ones.
   * @returns The registry.
   */
  static async start(
    pkg: Package,
    wrongChecksums: Readonly<Record<string, string>> = {},
  ): Promise<JsrRegistry> {
    const checksums = new Map<string, string>();
    for (const [path, content] of pkg.files) {
      checksums.set(path, wrongChecksums[path] ?? await checksumOf(content));
    }
    return new JsrRegistry(pkg, checksums);
  }

  /** The `JSR_URL` to set for Deno. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  #answer(request: Request): Response {
    const { name, version, exports, files } = this.#package;
    const { pathname } = new URL(request.url);
    const path = decodeURI(pathname).slice(`/${name}/`.length);
    if (pathname === `/${name}/meta.json`) {
      const [scope, base] = name.slice(1).split("/");
      return Response.json({ scope, name: base, latest: version, versions: { [version]: {} } });
    }
    if (pathname === `/${name}/${version}_meta.json`) {
      return Response.json({ exports, manifest: this.#manifest() });
    }
    const content = files.get(path.slice(`${version}/`.length));
    if (path.startsWith(`${version}/`) && content !== undefined) {
      return new Response(content, { headers: { "content-type": mediaType(path) } });
    }
    this.missed.push(pathname);
    return new Response("Not found", { status: 404 });
  }

  #manifest(): Record<string, { size: number; checksum: string }> {
    const manifest: Record<string, { size: number; checksum: string }> = {};
    for (const [path, checksum] of this.#checksums) {
      manifest[`/${path}`] = { size: this.#package.files.get(path)!.length, checksum };
    }
    return manifest;
  }

  /** Stops serving. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

async function checksumOf(content: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return `sha256-${digest.toHex()}`;
}

function mediaType(path: string): string {
  if (path.endsWith(".ts")) return "application/typescript";
  return path.endsWith(".json") ? "application/json" : "text/plain";
}

/** Returns the specifiers that a source imports, as written; imports of types count, too. */
function importsOf(path: string, source: string): Set<string> {
  const found = new Set<string>();
  const add = (node: { type: string; value?: unknown } | null): void => {
    if (node?.type === "Literal") found.add(String(node.value));
  };
  const visitor: Deno.lint.LintVisitor = {
    ImportDeclaration: (node) => add(node.source),
    ExportNamedDeclaration: (node) => add(node.source),
    ExportAllDeclaration: (node) => add(node.source),
    ImportExpression: (node) => add(node.source),
    TSImportType: ({ argument }) =>
      add(argument.type === "TSLiteralType" ? argument.literal : null),
  };
  Deno.lint.runPlugin(
    { name: "imports", rules: { find: { create: () => visitor } } },
    path,
    source,
  );
  return found;
}
