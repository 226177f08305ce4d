/**
 * Keeps the bytes of small files, and which files are missing, for a moment: under load, a file is
 * looked up ten times a second, not for each request.
 *
 * Invariants: what is returned was true at most `KEPT_MS` ago; the files have at most `MAX_BYTES`
 * in all, and what was read first is dropped first. A file that has just been changed is not kept,
 * since it may still be changing.
 *
 * @module
 */

/** For how long a file is kept, in milliseconds. */
const KEPT_MS = 100;
/** How old the last change of a file must be, in milliseconds. The system counts in seconds. */
const SETTLED_MS = 2000;
/** How much is kept of one folder, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024;

/** How many missing files are remembered. */
const MAX_MISSING = 10_000;

/** When a file was changed last, in milliseconds since 1970; Infinity if unknown. */
export function changeTime({ mtime, ctime }: Deno.FileInfo): number {
  return Math.max(mtime?.getTime() ?? Infinity, ctime?.getTime() ?? 0);
}

/** Whether a change of a file from now on will show in the time of its last change. */
export function isSettled(info: Deno.FileInfo): boolean {
  return Date.now() - changeTime(info) >= SETTLED_MS;
}

/** A file that is kept. */
export interface KeptFile {
  readonly info: Deno.FileInfo;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** When it was read, in milliseconds of the monotonic clock. */
  readonly time: number;
}

/** See the module's description. */
export class FileCache {
  /** The files by path, in the order they were read. */
  readonly #files = new Map<string, KeptFile>();
  #size = 0;
  /** When each path was last seen to have no file, in milliseconds, in that order. */
  readonly #missing = new Map<string, number>();

  /** The file at `path`, if it was read a moment ago. */
  get(path: string): KeptFile | null {
    const kept = this.#files.get(path);
    return kept !== undefined && performance.now() - kept.time < KEPT_MS ? kept : null;
  }

  /** Keeps the bytes of a file, which were read after `info`. */
  add(path: string, info: Deno.FileInfo, bytes: Uint8Array<ArrayBuffer>): void {
    this.#drop(path);
    if (!isSettled(info)) return;
    this.#files.set(path, { info, bytes, time: performance.now() });
    this.#size += bytes.byteLength;
    for (const oldest of this.#files.keys()) {
      if (this.#size <= MAX_BYTES) break;
      this.#drop(oldest);
    }
  }

  /** Whether there was no file at `path` a moment ago. */
  isMissing(path: string): boolean {
    const time = this.#missing.get(path);
    return time !== undefined && performance.now() - time < KEPT_MS;
  }

  /** Notes that there is no file at `path`. */
  addMissing(path: string): void {
    this.#missing.delete(path);
    this.#missing.set(path, performance.now());
    if (this.#missing.size > MAX_MISSING) this.#missing.delete(this.#missing.keys().next().value!);
  }

  #drop(path: string): void {
    this.#size -= this.#files.get(path)?.bytes.byteLength ?? 0;
    this.#files.delete(path);
  }
}
