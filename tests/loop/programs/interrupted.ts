/**
 * Has its main task throw a KeyboardInterrupt, and catches it.
 *
 * @module
 */

import { KeyboardInterrupt, run } from "@aio/asyncio/loop";

try {
  await run(async () => {
    throw new KeyboardInterrupt("from main");
  });
} catch (error) {
  console.log(String(error));
}
