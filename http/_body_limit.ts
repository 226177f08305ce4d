/**
 * The size limit of request bodies, however they are read.
 *
 * A request whose headers say that it is too large is refused before any handler runs. A body of
 * unknown size is counted while it is read, and its reader gets the error that is answered with
 * 413. Nothing is read ahead.
 *
 * @module
 */

import { quietLegacyAbort } from "./_legacy_abort.ts";
import { HTTPBadRequest, HTTPRequestEntityTooLarge } from "./exceptions.ts";

/**
 * The request to pass to the handler: the same one, or one whose body is counted.
 *
 * Throws an HTTPRequestEntityTooLarge if the request says that its body is too large.
 */
export function limitBody(request: Request, maxSize: number): Request {
  const length = request.headers.get("content-length");
  if (length !== null) {
    if (!/^\d+$/.test(length)) throw new HTTPBadRequest({ text: "400: Bad Content-Length" });
    if (Number(length) > maxSize) throw new HTTPRequestEntityTooLarge(maxSize, Number(length));
    return request;
  }
  if (request.body === null) return request;
  quietLegacyAbort(); // the copy follows the signal of the request
  return new Request(request, { body: counted(request.body, maxSize) });
}

/** A body that fails beyond `maxSize` bytes; `explain` converts the errors of the original body. */
export function counted(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxSize: number,
  explain: (error: unknown) => unknown = (error) => error,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  let size = 0;
  return new ReadableStream({
    async pull(controller): Promise<void> {
      const { value, done } = await reader.read().catch((error) => {
        throw explain(error);
      });
      if (done) return controller.close();
      size += value.byteLength;
      if (size <= maxSize) return controller.enqueue(value);
      const error = new HTTPRequestEntityTooLarge(maxSize, size);
      controller.error(error);
      await reader.cancel(error);
    },
    cancel(reason): Promise<void> {
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
