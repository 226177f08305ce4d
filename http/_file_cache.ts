/**
 * The bytes of small files, and which files there are not, for a moment: under load, a file is looked
 * for ten times a second, not for each request.
 *
 * Invariants: what is given was so at most `KEPT_MS` ago; all together has at most `MAX_BYTES`, and
 * what was read first goes first. A file that has just been changed may be about to change again, while
 * somebody looks: it is not kept.
 *
 * @module
 */

/** For how long a file is kept, in milliseconds. */
const KEPT_MS = 100;
/** How old the last change of a file must be, in milliseconds. The system tells it in seconds. */
const SETTLED_MS = 2000;
/** How much is kept of one folder, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024;

/** How many files that there are not are known. */
const MAX_MISSING = 10_000;

/** When a file was changed last, in milliseconds since 1970; Infinity if the system does not tell. */
export function changeTime({ mtime, ctime }: Deno.FileInfo): number {
  return Math.max(mtime?.getTime() ?? Infinity, ctime?.getTime() ?? 0);
}

/** Whether a change of a file from now on will show in when it was changed last. */
export function isSettled(info: Deno.FileInfo): boolean {
  return Date.now() - changeTime(info) >= SETTLED_MS;
}

/** A file that is kept. */
export interface KeptFile {
  readonly info: Deno.FileInfo;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** When it was read, in milliseconds, by a clock that nobody sets back. */
  readonly time: number;
}

/** See the module's description. */
export class FileCache {
  /** By path; what was read last is last. */
  readonly #files = new Map<string, KeptFile>();
  #size = 0;
  /** When it was seen, in milliseconds, that there is no file at a path; what was seen last is last. */
  readonly #missing = new Map<string, number>();

  /** The file at `path`, if it was read a moment ago. */
  get(path: string): KeptFile | null {
    const kept = this.#files.get(path);
    return kept !== undefined && performance.now() - kept.time < KEPT_MS ? kept : null;
  }

  /** Keeps what was read of a file after `info` was true of it. */
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
