/**
 * Random numbers that are the same in each run.
 *
 * @module
 */

/** Returns a function that returns integers from 0 up to its argument, exclusive. */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // The upper bits of a linear congruential generator.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
