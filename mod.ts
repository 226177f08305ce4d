export * from "./loop/mod.ts";
export * from "./net/mod.ts";
