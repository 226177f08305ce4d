/**
 * Values as JSON, to be sent.
 *
 * @module
 */

/** A value as JSON; throws a TypeError if it has no JSON form, such as undefined. */
export function jsonText(
  value: unknown,
  serialize: (value: unknown) => string = JSON.stringify,
): string {
  const text: unknown = serialize(value);
  if (typeof text !== "string") {
    throw new TypeError(`Cannot send as JSON: ${typeof value} has no JSON form`);
  }
  return text;
}
