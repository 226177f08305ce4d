/**
 * What the HTTP benchmark measures, by name.
 *
 * @module
 */

/** The workloads, in the order they are shown. */
export const WORKLOADS = [
  "text",
  "json",
  "route-query",
  "post-json",
  "static-10k",
  "websocket",
  "websocket-16",
  "client-64",
] as const;

/** The name of a workload. */
export type Workload = typeof WORKLOADS[number];
