/**
 * A file as a response.
 *
 * Counterpart of Python's `aiohttp.web.FileResponse`. It answers conditional requests and range
 * requests, serves `name.br` or `name.gz` in place of `name` to clients that accept it, and sends
 * exactly as many bytes as its headers say: if the file shrinks meanwhile, the connection is broken
 * off. The path must be chosen by the program; for paths chosen by clients there is
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
   * Creates a response. The file is opened when the handler has returned it; headers can be set
   * until then.
   *
   * @param path The path of the file.
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
   * Creates the response to a request, with the file as its body. The application calls this when a
   * handler has returned the response, before any middleware sees it.
   *
   * @param request The request.
   * @returns The response, with its own status, or 206 or 304.
   * @throws {HTTPNotFound} If there is nothing at the path, or it is not a file.
   * @throws {HTTPForbidden} If the system does not allow the file to be read.
   * @throws {HTTPPreconditionFailed} If a precondition of the request does not hold.
   * @throws {HTTPRequestRangeNotSatisfiable} If the requested range does not exist.
   */
  prepare(request: Request): Promise<Response> {
    return prepareFile(request, this.#path, { ...this.#options, headers: this.headers }, DISK);
  }
}
