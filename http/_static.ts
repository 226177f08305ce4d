/**
 * The files of a folder, under a prefix of URLs.
 *
 * Counterpart of Python's `aiohttp.web.StaticResource`; `app.router.addStatic()` makes one.
 * Invariant: nothing outside of the folder is served. A path is divided at its slashes first and
 * decoded after that; a segment that is more than a plain name (`..`, a slash or backslash, NUL, a
 * drive, and on Windows a device or a stream) is the name of nothing. A symbolic link is followed
 * only if that was asked for.
 *
 * @module
 */

import { HTTPForbidden, HTTPMovedPermanently, HTTPNotFound } from "./exceptions.ts";
import { prepareFile } from "./_file.ts";
import type { FileResponseOptions } from "./_file.ts";
import { pathOf } from "./_path.ts";

/** Options for `app.router.addStatic()`. */
export interface StaticOptions extends FileResponseOptions {
  /** A name, for `urlFor(name, { filename })`. */
  name?: string;
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
/** Names that stand for devices on Windows, whatever follows a dot. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** The names in a path as it is on the wire; null if one of them is no plain name. */
function namesOf(path: string): string[] | null {
  const names: string[] = [];
  for (const segment of path.split("/")) {
    let name: string;
    try {
      name = decodeURIComponent(segment);
    } catch {
      return null; // malformed: a URIError, and nothing else
    }
    if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name)) return null;
    if (/^[a-z]:/i.test(name)) return null;
    if (IS_WINDOWS && (/:|[. ]$/.test(name) || DEVICE.test(name))) return null;
    names.push(name);
  }
  return names;
}

/** The files of a folder. */
export class StaticFolder {
  readonly #root: string;
  readonly #options: StaticOptions;

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

  /** Answers a request for what is at `path`, which follows the prefix and its slash. */
  async respond(request: Request, path: string): Promise<Response> {
    const isFolder = path === "" || path.endsWith("/");
    const inner = path.endsWith("/") ? path.slice(0, -1) : path;
    const names = inner === "" && path !== "/" ? [] : namesOf(inner);
    if (names === null) throw new HTTPNotFound();
    const file = [this.#root, ...names].join("/");
    const info = await this.#stat(file);
    if (info.isDirectory) return await this.#respondFolder(request, file, isFolder);
    if (isFolder || !info.isFile) throw new HTTPNotFound();
    return await this.#send(request, file);
  }

  #send(request: Request, file: string): Promise<Response> {
    const isAllowed = async (path: string): Promise<boolean> =>
      (await this.#stat(path).catch(nothing)) !== null;
    return prepareFile(request, file, this.#options, isAllowed);
  }

  /** What is at a path; throws a 404 if it is nothing, or is reached by a link. */
  async #stat(path: string): Promise<Deno.FileInfo> {
    try {
      if (!this.#options.followSymlinks) {
        const real = await Deno.realPath(path);
        const expected = IS_WINDOWS ? path.replaceAll("/", "\\") : path;
        if (real !== expected) throw new HTTPNotFound();
      }
      return await Deno.stat(path);
    } catch (error) {
      const { errors } = Deno;
      if (error instanceof errors.PermissionDenied) throw new HTTPForbidden();
      const isNothing = error instanceof errors.NotFound || error instanceof errors.NotADirectory ||
        error instanceof errors.FilesystemLoop ||
        (error instanceof Error && /os error 36\b/.test(error.message));
      throw isNothing ? new HTTPNotFound() : error;
    }
  }

  async #respondFolder(request: Request, folder: string, isFolder: boolean): Promise<Response> {
    // Relative links in the page need the slash.
    if (!isFolder) throw new HTTPMovedPermanently(withSlash(request.url));
    const { index = "index.html", showIndex = false } = this.#options;
    if (index !== null) {
      const info = await this.#stat(`${folder}/${index}`).catch(nothing);
      if (info?.isFile) return await this.#send(request, `${folder}/${index}`);
    }
    if (!showIndex) throw new HTTPNotFound();
    return await list(folder, folder === this.#root);
  }
}

function nothing(error: unknown): null {
  if (error instanceof HTTPNotFound) return null;
  throw error;
}

/** The path of a URL with a slash at its end, and its query; never one that begins with two. */
function withSlash(url: string): string {
  const path = pathOf(url);
  const query = url.slice(url.indexOf(path, url.indexOf("://") + 3) + path.length).split("#", 1)[0];
  return `${path.replace(/^\/+/, "/")}/${query}`;
}

async function list(folder: string, isRoot: boolean): Promise<Response> {
  const names: string[] = isRoot ? [] : ["../"];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    names.push(isDirectory ? `${name}/` : name);
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
