/**
 * The program of a worker: makes the calls that it is sent, and sends back their outcomes.
 *
 * It is imported only for the types of its messages; `_pool_worker.ts` starts it.
 *
 * @module
 */

import { answer } from "./_calls.ts";
import type { Call, Outcome } from "./_calls.ts";
import { listenToParent } from "./_host.ts";

export type { Call, Outcome };

const reply = listenToParent((call) => void answer(call as Call, reply));
