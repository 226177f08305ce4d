/**
 * Synchronous hashes. The web's cryptography is asynchronous, and has no MD5.
 *
 * @module
 */

/** The part of `node:crypto` in use here. */
interface NodeCrypto {
  createHash(name: string): {
    update(data: string | Uint8Array): { digest(encoding: string): string };
  };
}

type NodeGlobals = { process: { getBuiltinModule(name: "node:crypto"): NodeCrypto } };

/** The hash of some bytes, or of a text in UTF-8. */
export function hashOf(
  name: "md5" | "sha256" | "sha512",
  data: string | Uint8Array,
  encoding: "hex" | "base64url" = "hex",
): string {
  const { createHash } = (globalThis as unknown as NodeGlobals).process
    .getBuiltinModule("node:crypto");
  return createHash(name).update(data).digest(encoding);
}
