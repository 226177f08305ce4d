/**
 * Finding who answers a request, by the path and the method.
 *
 * A path without variables is found by one look-up. All else is kept by the beginning that is literal,
 * up to a slash: a path is looked up under each of its own beginnings, the longest first, so how many
 * routes there are elsewhere does not matter. What answers for some hosts comes last.
 *
 * @module
 */

import { NO_PARAMS } from "./_pattern.ts";
import type { Pattern } from "./_pattern.ts";
import type { RouteMatch } from "./route.ts";

/** A method that stands for all. */
export const ANY_METHOD = "*";

/** What may know who answers for a path. */
export interface Mount {
  /** Finds who answers for a path; null for go on looking, with the methods that it knows noted. */
  find(path: string, search: Search): RouteMatch | null;
}

/** What is looked for. */
export class Search {
  readonly method: string;
  readonly url: string;
  /** The methods of routes that match but for theirs. */
  allowed: Set<string> | null = null;

  constructor(method: string, url: string) {
    this.method = method;
    this.url = url;
  }
}

/** The routes of one path. */
export class PathMount implements Mount {
  readonly pattern: Pattern | null;
  readonly path: string;
  readonly matches = new Map<string, RouteMatch>();

  constructor(path: string, pattern: Pattern | null) {
    this.path = path;
    this.pattern = pattern;
  }

  /** The same for paths that match the same. */
  get shape(): string {
    return this.pattern?.shape ?? this.path;
  }

  find(path: string, search: Search): RouteMatch | null {
    const params = this.pattern === null ? NO_PARAMS : this.pattern.match(path);
    if (params === null) return null;
    const match = this.matches.get(search.method) ?? this.matches.get(ANY_METHOD);
    if (match !== undefined) return params === NO_PARAMS ? match : { route: match.route, params };
    search.allowed ??= new Set();
    for (const other of this.matches.keys()) search.allowed.add(other);
    return null;
  }
}

/** See the module's description. */
export class RouteIndex {
  /** Gives what answers where there is no route, or none that has the method but others. */
  readonly #refuse: (allowed: ReadonlySet<string> | null) => RouteMatch;
  /** The paths without variables, by path. */
  readonly #static = new Map<string, PathMount>();
  /** What is not static, by the beginning that is literal, in the order it was added. */
  readonly #dynamic = new Map<string, Mount[]>();
  /** The length of the longest of these beginnings. */
  #longest = 0;
  /** Whether something answers for the path that is nothing but its beginning. */
  #hasPrefixes = false;
  /** What answers for some hosts, in the order it was added. */
  readonly #domains: Mount[] = [];

  constructor(refuse: (allowed: ReadonlySet<string> | null) => RouteMatch) {
    this.#refuse = refuse;
  }

  /** Adds a path. */
  addPath(mount: PathMount): void {
    if (mount.pattern === null) this.#static.set(mount.path, mount);
    else this.#add(mount.pattern.prefix, mount);
  }

  /** Adds what answers for a prefix and for all paths below it. */
  addPrefix(prefix: string, mount: Mount): void {
    this.#hasPrefixes = true;
    this.#add(prefix, mount);
  }

  /** Adds what answers for some hosts. */
  addDomain(mount: Mount): void {
    this.#domains.push(mount);
  }

  #add(prefix: string, mount: Mount): void {
    const others = this.#dynamic.get(prefix);
    if (others === undefined) this.#dynamic.set(prefix, [mount]);
    else others.push(mount);
    this.#longest = Math.max(this.#longest, prefix.length);
  }

  /** Finds who answers; whoever that is, even if it only refuses. */
  find(method: string, path: string, url: string): RouteMatch {
    const mount = this.#static.get(path);
    return mount?.matches.get(method) ?? this.#search(path, mount, new Search(method, url));
  }

  #search(path: string, mount: PathMount | undefined, search: Search): RouteMatch {
    return mount?.find(path, search) ??
      this.#searchBeginnings(path, search) ??
      findIn(this.#domains, path, search) ??
      this.#refuse(search.allowed);
  }

  /** Looks under the path, then under what is left of it after each slash from the end. */
  #searchBeginnings(path: string, search: Search): RouteMatch | null {
    let start = this.#hasPrefixes ? path.length : path.lastIndexOf("/");
    // A client may send a long path of slashes.
    if (start > this.#longest) start = path.lastIndexOf("/", this.#longest);
    for (let end = start; end >= 0; end = end === 0 ? -1 : path.lastIndexOf("/", end - 1)) {
      const mounts = this.#dynamic.get(path.slice(0, end));
      if (mounts === undefined) continue;
      const match = findIn(mounts, path, search);
      if (match !== null) return match;
    }
    return null;
  }
}

/** The first that answers. */
function findIn(mounts: readonly Mount[], path: string, search: Search): RouteMatch | null {
  for (const mount of mounts) {
    const match = mount.find(path, search);
    if (match !== null) return match;
  }
  return null;
}
