/**
 * Versions of files: texts that change when the content does, and only then.
 *
 * A version is made from all bytes of a file, so it is kept until the size of the file or the time
 * of its last change differs. As in `_file_cache.ts`, a file that has just been changed may change
 * again unnoticed.
 *
 * @module
 */

import { changeTime, isSettled } from "./_file_cache.ts";
import { hashOf } from "./_hash.ts";

interface KeptVersion {
  readonly changed: number;
  readonly size: number;
  readonly version: string;
}

/** How many characters of the hash are enough. */
const LENGTH = 27;

/** See the module's description. */
export class FileVersions {
  readonly #kept = new Map<string, KeptVersion>();

  /** The version of the file at `path`; null if that is not a file. Throws system errors. */
  of(path: string): string | null {
    const info = Deno.statSync(path);
    if (!info.isFile) return null;
    const { size } = info;
    const changed = changeTime(info);
    const kept = this.#kept.get(path);
    if (kept !== undefined && kept.changed === changed && kept.size === size) return kept.version;
    const version = hashOf("sha256", Deno.readFileSync(path), "base64url").slice(0, LENGTH);
    if (isSettled(info)) this.#kept.set(path, { changed, size, version });
    return version;
  }
}
