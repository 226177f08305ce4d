/**
 * Finding the route of a request, by its path and its method.
 *
 * A path without variables is found by one look-up. All other mounts are kept by their literal
 * beginning, up to a slash: a path is looked up under each of its own beginnings, the longest
 * first, so how many routes there are elsewhere does not matter. Mounts for hosts come last.
 *
 * @module
 */

import { NO_PARAMS } from "./_pattern.ts";
import type { Pattern } from "./_pattern.ts";
import type { RouteMatch } from "./route.ts";

/** A method that stands for all. */
export const ANY_METHOD = "*";

/** Something that may have a route for a path. */
export interface Mount {
  /** Finds the route for a path; null to go on, with the methods it has noted in `search`. */
  find(path: string, search: Search): RouteMatch | null;
}

/** What is searched for. */
export class Search {
  readonly method: string;
  readonly url: string;
  /** The methods of the routes that match except for the method. */
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

  /** Equal for paths that match the same requests. */
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
  /** Returns the match that refuses a request: no route has the path, or only other methods. */
  readonly #refuse: (allowed: ReadonlySet<string> | null) => RouteMatch;
  /** The paths without variables, by path. */
  readonly #static = new Map<string, PathMount>();
  /** The other mounts by their literal beginning, in the order they were added. */
  readonly #dynamic = new Map<string, Mount[]>();
  /** The length of the longest of these beginnings. */
  #longest = 0;
  /** Whether there are mounts for prefixes, which answer for the bare prefix, too. */
  #hasPrefixes = false;
  /** The mounts for hosts, in the order they were added. */
  readonly #domains: Mount[] = [];

  constructor(refuse: (allowed: ReadonlySet<string> | null) => RouteMatch) {
    this.#refuse = refuse;
  }

  /** Adds a path. */
  addPath(mount: PathMount): void {
    if (mount.pattern === null) this.#static.set(mount.path, mount);
    else this.#add(mount.pattern.prefix, mount);
  }

  /** Adds a mount for a prefix and for all paths below it. */
  addPrefix(prefix: string, mount: Mount): void {
    this.#hasPrefixes = true;
    this.#add(prefix, mount);
  }

  /** Adds a mount for hosts. */
  addDomain(mount: Mount): void {
    this.#domains.push(mount);
  }

  #add(prefix: string, mount: Mount): void {
    const others = this.#dynamic.get(prefix);
    if (others === undefined) this.#dynamic.set(prefix, [mount]);
    else others.push(mount);
    this.#longest = Math.max(this.#longest, prefix.length);
  }

  /** Finds the route that answers, which may be one that only refuses. */
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

/** The match of the first mount that has one. */
function findIn(mounts: readonly Mount[], path: string, search: Search): RouteMatch | null {
  for (const mount of mounts) {
    const match = mount.find(path, search);
    if (match !== null) return match;
  }
  return null;
}
