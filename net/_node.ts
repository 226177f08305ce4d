/**
 * The Node modules for what `Deno` lacks: host names, datagrams, certificates, and TLS on top of
 * any stream. They are loaded when they are first needed.
 *
 * @module
 */

/** What is used of `node:dns`. */
export interface NodeDns {
  lookup(
    hostname: string,
    options: { all: true; family: number },
    callback: (
      error: Error | null,
      addresses: readonly { address: string; family: 4 | 6 }[],
    ) => void,
  ): void;
  lookupService(
    address: string,
    port: number,
    callback: (error: Error | null, hostname: string, service: string) => void,
  ): void;
}

/** Where a datagram came from, or where a socket is bound. */
export interface NodeAddress {
  readonly address: string;
  readonly port: number;
}

/** What is used of the sockets of `node:dgram`. */
export interface NodeDatagramSocket {
  on(event: "message", listener: (data: Uint8Array, from: NodeAddress) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "close", listener: () => void): void;
  once(event: "error", listener: (error: Error) => void): void;
  off(event: "error", listener: (error: Error) => void): void;
  bind(options: { address: string; port: number }, callback: () => void): void;
  connect(port: number, address: string, callback: (error?: Error) => void): void;
  send(data: Uint8Array, callback: (error: Error | null) => void): void;
  send(
    data: Uint8Array,
    port: number,
    address: string,
    callback: (error: Error | null) => void,
  ): void;
  setBroadcast(flag: boolean): void;
  address(): NodeAddress;
  close(): void;
}

/** What is used of `node:dgram`. */
export interface NodeDgram {
  createSocket(
    options: { type: "udp4" | "udp6"; reuseAddr: boolean; reusePort: boolean },
  ): NodeDatagramSocket;
}

/** What is used of the duplex streams of `node:stream`. */
export interface NodeDuplex {
  push(data: Uint8Array | null): boolean;
  destroy(error?: Error): void;
}

/** The implementation of a duplex stream. */
export interface NodeDuplexWork {
  read(): void;
  write(data: Uint8Array, encoding: string, callback: (error?: Error | null) => void): void;
  final(callback: (error?: Error | null) => void): void;
  destroy(error: Error | null, callback: (error?: Error | null) => void): void;
}

/** What is used of `node:stream`. */
export interface NodeStream {
  Duplex: new (work: NodeDuplexWork) => NodeDuplex;
}

/** What is used of the sockets of `node:tls`. */
export interface NodeTlsSocket {
  readonly alpnProtocol: string | false | null;
  readonly readableLength: number;
  readonly destroyed: boolean;
  on(event: "readable" | "end" | "close", listener: () => void): void;
  on(event: "error" | "_tlsError", listener: (error: Error) => void): void;
  once(event: "secure" | "secureConnect", listener: () => void): void;
  read(): Uint8Array | null;
  write(data: Uint8Array, callback: (error?: Error | null) => void): boolean;
  end(callback: () => void): void;
  destroy(error?: Error): void;
}

/** Parsed certificates. */
export interface NodeSecureContext {
  readonly context: object;
}

/** The TLS options of `node:tls`. */
export interface NodeTlsOptions {
  secureContext?: NodeSecureContext;
  ca?: readonly string[];
  cert?: string;
  key?: string;
  ALPNProtocols?: readonly string[];
  servername?: string;
  checkServerIdentity?: () => undefined;
  requestCert?: boolean;
  rejectUnauthorized?: boolean;
}

/** What is used of `node:tls`. */
export interface NodeTls {
  createSecureContext(options: NodeTlsOptions): NodeSecureContext;
  connect(options: NodeTlsOptions & { socket: NodeDuplex; host?: string }): NodeTlsSocket;
  TLSSocket: new (
    socket: NodeDuplex,
    options: NodeTlsOptions & { isServer: true },
  ) => NodeTlsSocket;
}

/** What is used of `node:crypto`. */
export interface NodeCrypto {
  X509Certificate: new (pem: string) => { checkPrivateKey(key: object): boolean };
  createPrivateKey(pem: string): object;
}

interface NodeModules {
  "node:crypto": NodeCrypto;
  "node:dns": NodeDns;
  "node:dgram": NodeDgram;
  "node:stream": NodeStream;
  "node:tls": NodeTls;
}

interface NodeProcess {
  getBuiltinModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name];
}

/** Loads a Node module. */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] {
  return (globalThis as unknown as { process: NodeProcess }).process.getBuiltinModule(name);
}
