/**
 * Values as JSON, to be sent.
 *
 * @module
 */

/** A value as JSON; throws a TypeError if JSON has nothing for it, as for undefined. */
export function jsonText(
  value: unknown,
  serialize: (value: unknown) => string = JSON.stringify,
): string {
  const text: unknown = serialize(value);
  if (typeof text !== "string") throw new TypeError(`Cannot send as JSON: ${typeof value}`);
  return text;
}
