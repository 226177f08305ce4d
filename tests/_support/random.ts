/**
 * Random numbers that are the same in each run.
 *
 * @module
 */

/** Returns a function that gives whole numbers from 0 up to its argument, without it. */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // A linear congruential generator, its upper bits.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
