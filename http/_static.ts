/**
 * The files of a folder, under a prefix of URLs.
 *
 * Counterpart of Python's `aiohttp.web.StaticResource`; `app.router.addStatic()` makes one.
 * Invariant: nothing outside of the folder is served. A path is first split at its slashes and then
 * decoded; a segment that is not a plain name (`..`, a slash or backslash, NUL, a drive, and on
 * Windows a device or a stream) names no file. A symbolic link is followed only if the options say
 * so.
 *
 * A small file is kept in memory for a tenth of a second, unless it has just been changed.
 *
 * @module
 */

import { HTTPException, HTTPMovedPermanently, HTTPNotFound } from "./exceptions.ts";
import { FileInMemory, OpenFile, prepareFile, refusal, SMALL } from "./_file.ts";
import type { FileResponseOptions, FileSource } from "./_file.ts";
import { FileCache } from "./_file_cache.ts";
import { FileVersions } from "./_file_versions.ts";
import { pathOf, queryOf } from "./_path.ts";

/** Options for `app.router.addStatic()`. */
export interface StaticOptions extends Omit<FileResponseOptions, "status"> {
  /** A name, for `urlFor(name, { filename })`. */
  name?: string;
  /**
   * Whether the URLs that `urlFor()` builds have the versions of their files, so that browsers can
   * cache a file for good, and fetch it again when it has changed. Counterpart of `append_version`.
   *
   * @default {false}
   */
  appendVersion?: boolean;
  /**
   * Whether symbolic links are followed, wherever they lead.
   *
   * @default {false}
   */
  followSymlinks?: boolean;
  /**
   * The file that is served for a folder; null for none, as in aiohttp.
   *
   * @default {"index.html"}
   */
  index?: string | null;
  /**
   * Whether a folder without such a file is listed.
   *
   * @default {false}
   */
  showIndex?: boolean;
}

const IS_WINDOWS = Deno.build.os === "windows";
/** Names that stand for devices on Windows, whatever their extension. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** The names in a path as it is on the wire; null if one of them is not a plain name. */
function namesOf(path: string): string[] | null {
  const names: string[] = [];
  for (const segment of path.split("/")) {
    let name: string;
    try {
      name = decodeURIComponent(segment);
    } catch {
      return null; // malformed: a URIError, and nothing else
    }
    if (!isPlain(name)) return null;
    names.push(name);
  }
  return names;
}

function isPlain(name: string): boolean {
  if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name)) return false;
  if (/^[a-z]:/i.test(name)) return false;
  return !IS_WINDOWS || !(/:|[. ]$/.test(name) || DEVICE.test(name));
}

/** The files of a folder. */
export class StaticFolder {
  readonly #root: string;
  readonly #options: StaticOptions;
  readonly #cache = new FileCache();
  readonly #versions = new FileVersions();

  /** Throws a RangeError if there is no such folder. */
  constructor(folder: string | URL, options: StaticOptions) {
    try {
      this.#root = Deno.realPathSync(folder);
      if (!Deno.statSync(this.#root).isDirectory) throw new Deno.errors.NotFound();
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      throw new RangeError(`Cannot add static files: "${folder}" is not a folder`, { cause });
    }
    this.#options = options;
  }

  /** The version of a file; null if no such file is served, or no version is asked for. */
  versionOf(filename: string, { appendVersion = this.#options.appendVersion }): string | null {
    if (!appendVersion || !filename.split("/").every(isPlain)) return null;
    const path = `${this.#root}/${filename}`;
    try {
      const isInside = this.#options.followSymlinks || Deno.realPathSync(path) === systemPath(path);
      return isInside ? this.#versions.of(path) : null;
    } catch (error) {
      const refused = refusal(error);
      if (refused instanceof HTTPException) return null; // a request for it will say so
      throw error;
    }
  }

  /** Answers a request for what is at `path`, which follows the prefix and its slash. */
  async respond(request: Request, path: string): Promise<Response> {
    const isFolder = path === "" || path.endsWith("/");
    const inner = path.endsWith("/") ? path.slice(0, -1) : path;
    const names = inner === "" && path !== "/" ? [] : namesOf(inner);
    if (names === null) throw new HTTPNotFound();
    const file = [this.#root, ...names].join("/");
    if (!isFolder && this.#cache.get(file) !== null) return await this.#send(request, file, null);
    const info = await statOf(file);
    if (info.isDirectory) {
      await this.#checkPath(file);
      return await this.#respondFolder(request, file, isFolder);
    }
    if (isFolder) throw new HTTPNotFound();
    return await this.#send(request, file, info);
  }

  /** Sends a file; `info` is what is known about it already. */
  #send(request: Request, file: string, info: Deno.FileInfo | null): Promise<Response> {
    return prepareFile(request, file, this.#options, {
      // What is opened is `file`, or that with a suffix.
      open: (path) => this.#open(path as string, path === file ? info : null),
      isMissing: (path) => this.#cache.isMissing(path),
    });
  }

  async #open(path: string, known: Deno.FileInfo | null): Promise<FileSource> {
    const kept = this.#cache.get(path);
    if (kept !== null) return new FileInMemory(kept.info, kept.bytes);
    const info = known ?? await this.#look(path);
    if (!info.isFile) throw new HTTPNotFound();
    if (info.size > SMALL) {
      await this.#checkPath(path);
      return await OpenFile.open(path);
    }
    // The bytes are not used before the check of the path has passed.
    const [bytes] = await Promise.all([readWhole(path), this.#checkPath(path)]);
    this.#cache.add(path, info, bytes);
    return new FileInMemory(info, bytes);
  }

  async #look(path: string): Promise<Deno.FileInfo> {
    try {
      return await statOf(path);
    } catch (error) {
      if (error instanceof HTTPNotFound) this.#cache.addMissing(path);
      throw error;
    }
  }

  /** Throws an HTTPNotFound if a path leads through a link. */
  async #checkPath(path: string): Promise<void> {
    if (this.#options.followSymlinks) return;
    const real = await Deno.realPath(path).catch(refuse);
    if (real !== systemPath(path)) throw new HTTPNotFound();
  }

  async #respondFolder(request: Request, folder: string, isFolder: boolean): Promise<Response> {
    // Relative links in the page need the slash.
    if (!isFolder) throw new HTTPMovedPermanently(withSlash(request.url));
    const { index = "index.html", showIndex = false } = this.#options;
    if (index !== null) {
      const info = await statOf(`${folder}/${index}`).catch(nothing);
      if (info?.isFile) return await this.#send(request, `${folder}/${index}`, info);
    }
    if (!showIndex) throw new HTTPNotFound();
    return await list(folder, folder === this.#root);
  }
}

function systemPath(path: string): string {
  return IS_WINDOWS ? path.replaceAll("/", "\\") : path;
}

function readWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(path).catch(refuse);
}

function statOf(path: string): Promise<Deno.FileInfo> {
  return Deno.stat(path).catch(refuse);
}

function refuse(error: unknown): never {
  throw refusal(error);
}

function nothing(error: unknown): null {
  if (error instanceof HTTPNotFound) return null;
  throw error;
}

/** The path of a URL with a slash at its end, and its query; it never begins with two slashes. */
function withSlash(url: string): string {
  return `${pathOf(url).replace(/^\/+/, "/")}/${queryOf(url)}`;
}

async function list(folder: string, isRoot: boolean): Promise<Response> {
  const names: string[] = isRoot ? [] : ["../"];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      names.push(isDirectory ? `${name}/` : name);
    }
  } catch (error) {
    throw refusal(error);
  }
  const items = names.sort().map((name) => {
    const href = name.split("/").map(encodeURIComponent).join("/");
    return `<li><a href="./${href}">${escapeHtml(name)}</a></li>`;
  });
  const html = `<!DOCTYPE html>\n<meta charset="utf-8">\n<ul>\n${items.join("\n")}\n</ul>\n`;
  return new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } });
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
