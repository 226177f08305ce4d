/**
 * Errors in full, for logs: the stack of an error shows neither its cause nor the errors of a
 * group.
 *
 * @module
 */

/** How many errors of a group are shown, as in Python. */
const MAX_WIDTH = 15;

/** The stack of an error, those of the errors in it, if it is a group, and that of its cause. */
export function errorText(error: unknown, shown: Set<unknown> = new Set()): string {
  if (!(error instanceof Error)) return String(error);
  if (shown.has(error)) return `${error} (as above)`; // it may be its own cause
  shown.add(error);
  const lines = [error.stack ?? String(error)];
  if (error instanceof AggregateError) {
    const { errors } = error;
    for (const each of errors.slice(0, MAX_WIDTH)) lines.push(indented(errorText(each, shown)));
    const more = errors.length - MAX_WIDTH;
    if (more > 0) lines.push(`  and ${more} more`);
  }
  if (error.cause !== undefined) lines.push(`Caused by: ${errorText(error.cause, shown)}`);
  return lines.join("\n");
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}
