/**
 * The encodings of texts, as headers name them.
 *
 * @module
 */

import { paramsOf } from "./_header_params.ts";

/** Returns the encoding that a `Content-Type` names, or null. */
export function charsetOf(type: string | null): string | null {
  // Most have no parameters, or not this one, and then one look is enough.
  if (type === null || !/charset/i.test(type)) return null;
  return paramsOf(type).get("charset")?.toLowerCase() || null;
}

/**
 * Returns a decoder for an encoding, also if it is written as in Python (`latin-1`, `utf_8`); null if
 * there is no such encoding.
 */
export function decoderOf(charset: string, options: TextDecoderOptions = {}): TextDecoder | null {
  for (const label of [charset, charset.replace(/[-_]/g, "")]) {
    try {
      return new TextDecoder(label, options);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return null;
}
