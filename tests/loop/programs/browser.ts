/**
 * A worker that hides what browsers do not have, and then runs the parity scenarios there.
 *
 * @module
 */

const hidden = globalThis as unknown as Record<string, unknown>;
for (const name of ["process", "setImmediate", "clearImmediate"]) delete hidden[name];

const host = await import("../../../loop/_host.ts");
const { all, compared, namesOf, observe } = await import("../parity/_all.ts");
const { withGenerators } = await import("../parity/_generators.ts");

const results: { title: string; actual: readonly string[]; expected: readonly string[] }[] = [];
for (const asyncFunctions of all) {
  const { group } = asyncFunctions;
  for (const scenarios of [asyncFunctions, await withGenerators(asyncFunctions)]) {
    const kind = scenarios === asyncFunctions ? "async functions" : "generators";
    for (const name of namesOf(scenarios)) {
      const title = `${group}: ${name} (${kind})`;
      const log = await observe(scenarios, name).catch((error) => [String(error)]);
      results.push({ title, ...compared(log, group, name) });
    }
  }
}
(self as unknown as { postMessage(message: unknown): void }).postMessage({
  hasAsyncContext: host.hasAsyncContext,
  results,
});
