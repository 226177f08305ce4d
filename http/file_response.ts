/**
 * A file as a response.
 *
 * Counterpart of Python's `aiohttp.web.FileResponse`. It answers conditional requests and requests
 * for a part, serves `name.br` or `name.gz` in place of `name` to clients that take that, and has
 * neither more nor fewer bytes than it says: a file that shrinks meanwhile breaks the connection off.
 * The path is the program's to choose; for paths that clients choose there is
 * `app.router.addStatic()`.
 *
 * @module
 */

import { DISK, prepareFile } from "./_file.ts";
import type { FileResponseOptions } from "./_file.ts";
import { isEmptyStatus } from "./_status.ts";

export type { FileResponseOptions };

/**
 * A response whose body is a file.
 *
 * Counterpart of Python's `aiohttp.web.FileResponse`.
 *
 * @example
 * ```ts
 * import { Application, FileResponse } from "@aio/asyncio/http";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile({ suffix: ".txt" });
 * await Deno.writeTextFile(path, "hello world");
 *
 * await using app = new Application();
 * app.router.addGet("/", () => new FileResponse(path));
 * const response = await app.request("/", { headers: { range: "bytes=6-" } });
 * assertEquals([response.status, await response.text()], [206, "world"]);
 * await Deno.remove(path);
 * ```
 */
export class FileResponse extends Response {
  readonly #path: string | URL;
  readonly #options: FileResponseOptions;

  /**
   * Names a file. It is opened when the handler has returned the response; headers can be set until
   * then.
   *
   * @param path The path.
   * @param options Its status, and further headers.
   * @throws {RangeError} If a response with such a status can't have a body.
   */
  constructor(path: string | URL, options: FileResponseOptions = {}) {
    const { status = 200, headers = {} } = options;
    if (status < 200 || isEmptyStatus(status)) {
      throw new RangeError(`Cannot send file: a response with status ${status} has no body`);
    }
    super(null, { status, headers });
    this.#path = path;
    this.#options = options;
  }

  /**
   * Makes the response to a request, with the file as its body. The application does this for what a
   * handler returns, before any middleware sees it.
   *
   * @param request The request.
   * @returns The response, with its own status, or 206 or 304.
   * @throws {HTTPNotFound} If the file is not there, or is none.
   * @throws {HTTPForbidden} If the system does not let it be read.
   * @throws {HTTPPreconditionFailed} If what the client depends on is not so.
   * @throws {HTTPRequestRangeNotSatisfiable} If the part that the client asks for is not there.
   */
  prepare(request: Request): Promise<Response> {
    return prepareFile(request, this.#path, { ...this.#options, headers: this.headers }, DISK);
  }
}
