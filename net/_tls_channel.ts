/**
 * TLS on top of any transport.
 *
 * Counterpart of Python's `asyncio.sslproto`; the cryptography is that of `node:tls`, which talks
 * to a duplex stream, which talks to the transport. Deno's own TLS (`Deno.startTls()` and the like)
 * moves bytes faster, but a connection that is closed during the handshake stays open until the
 * other side closes it: a handshake could be neither cancelled nor given up. It also accepts no
 * connection with a pending read, and does not check client certificates.
 *
 * @module
 */

import { familyOf } from "./_channel.ts";
import type { Channel } from "./_channel.ts";
import { nodeModule } from "./_node.ts";
import type { NodeDuplex, NodeSecureContext, NodeTlsOptions, NodeTlsSocket } from "./_node.ts";
import { checkTls, readError, writeError } from "./_tls_errors.ts";
import { Protocol } from "./protocols.ts";
import type { TlsOptions } from "./tls_options.ts";
import type { Transport } from "./transports.ts";

/** Which side of TLS this is, and the server's name. */
export interface TlsSide {
  readonly isServer: boolean;
  /** On a client: the name of the server. */
  readonly serverHostname: string;
}

/** What a channel needs to know about its TLS. */
export interface TlsSettings extends TlsSide {
  readonly options: TlsOptions;
  readonly secureContext: NodeSecureContext;
}

/** How much decrypted data may be unread before receiving is paused, in bytes. */
const MAX_UNREAD = 64 * 1024;

/** The protocol of the lower transport: passes on its data and its flow control. */
class LowerProtocol extends Protocol {
  readonly #transport: Transport;
  /** Returns how much decrypted data is unread: `node:tls` buffers all that the stream has. */
  readonly #unread: () => number;
  /** Called when the lower transport fails, which `node:tls` would not report. */
  readonly #onFailure: (error: Error) => void;
  readonly duplex: NodeDuplex;
  #hasEnded = false;
  /** Goes on with writing, once the lower transport has room. */
  #goOn: (() => void) | null = null;
  #isFull = false;

  constructor(transport: Transport, unread: () => number, onFailure: (error: Error) => void) {
    super();
    this.#transport = transport;
    this.#unread = unread;
    this.#onFailure = onFailure;
    this.duplex = new (nodeModule("node:stream").Duplex)({
      read: () => {},
      write: (data, _encoding, callback) => {
        transport.write(data);
        if (this.#isFull) this.#goOn = callback;
        else callback();
      },
      final: (callback) => callback(),
      destroy: (error, callback) => callback(error),
    });
  }

  override dataReceived(data: Uint8Array): void {
    this.duplex.push(data.slice());
    if (this.#unread() >= MAX_UNREAD) this.#transport.pauseReading();
  }

  override eofReceived(): boolean {
    this.#end();
    return true;
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.duplex.push(null);
  }

  override pauseWriting(): void {
    this.#isFull = true;
  }

  override resumeWriting(): void {
    this.#isFull = false;
    this.#release();
  }

  override connectionLost(exception: unknown): void {
    this.#release();
    if (!(exception instanceof Error)) return this.#end();
    this.#onFailure(exception);
    this.duplex.destroy(exception);
  }

  #release(): void {
    const goOn = this.#goOn;
    this.#goOn = null;
    goOn?.();
  }
}

/** See the module's description. */
export class TlsChannel implements Channel {
  readonly #lower: Transport;
  readonly #socket: NodeTlsSocket;
  readonly #isServer: boolean;
  /** What is left of the last chunk. */
  #rest: Uint8Array | null = null;
  #hasEnded = false;
  #failure: { error: unknown } | null = null;
  /** Called when there may be something to read, or never will be. */
  #onChange: (() => void) | null = null;

  constructor(lower: Transport, settings: TlsSettings) {
    this.#lower = lower;
    this.#isServer = settings.isServer;
    const change = (): void => this.#change();
    const fail = (error: Error): void => this.#fail(error);
    const protocol = new LowerProtocol(lower, () => this.#socket.readableLength, fail);
    lower.setProtocol(protocol);
    this.#socket = makeSocket(protocol.duplex, settings);
    const end = (): void => {
      this.#hasEnded = true;
      change();
    };
    this.#socket.on("readable", change);
    this.#socket.on("end", end);
    this.#socket.on("close", end);
    this.#socket.on("error", fail);
    lower.resumeReading();
  }

  #change(): void {
    const onChange = this.#onChange;
    this.#onChange = null;
    onChange?.();
  }

  #fail(error: Error): void {
    this.#failure ??= { error };
    this.#change();
  }

  handshake(): Promise<{ readonly alpnProtocol: string | null }> {
    return new Promise((resolve, reject) => {
      const socket = this.#socket;
      const fail = (): void => {
        const text = "disconnected before secure TLS connection was established";
        reject(this.#failure?.error ?? new Deno.errors.ConnectionReset(text));
      };
      if (this.#failure !== null || this.#hasEnded) return fail();
      socket.once(this.#isServer ? "secure" : "secureConnect", () => {
        resolve({ alpnProtocol: socket.alpnProtocol || null });
        // From here on, only this event reports data that is not TLS.
        socket.on("_tlsError", (error) => this.#fail(readError(error)));
      });
      socket.on("error", fail);
      socket.on("end", fail);
      socket.on("close", fail);
    });
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk = this.#rest ?? this.#take();
      if (chunk !== null) {
        const count = Math.min(chunk.byteLength, buffer.byteLength);
        buffer.set(chunk.subarray(0, count));
        this.#rest = count < chunk.byteLength ? chunk.subarray(count) : null;
        return count;
      }
      if (this.#failure !== null) throw this.#failure.error;
      if (this.#hasEnded) return null;
      await new Promise<void>((resolve) => this.#onChange = resolve);
    }
  }

  /** Takes decrypted data, so that there is room for more. */
  #take(): Uint8Array | null {
    const data = this.#socket.read();
    this.#lower.resumeReading();
    return data;
  }

  write(data: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.write(data, (error) => {
        if (error) reject(writeError(error));
        else resolve(data.byteLength);
      });
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.on("close", resolve); // then end() does not call back any more
      if (this.#socket.destroyed) resolve();
      else this.#socket.end(resolve);
    });
  }

  close(isOrderly = false): void {
    this.#socket.destroy();
    if (isOrderly) this.#lower.close();
    else this.#lower.abort();
  }
}

function makeSocket(duplex: NodeDuplex, settings: TlsSettings): NodeTlsSocket {
  const tls = nodeModule("node:tls");
  const { options, secureContext, isServer, serverHostname: host } = settings;
  const { caCerts, alpnProtocols, checkHostname = true } = options;
  const given: NodeTlsOptions = { secureContext };
  if (alpnProtocols !== undefined) given.ALPNProtocols = alpnProtocols;
  if (isServer) {
    given.requestCert = given.rejectUnauthorized = caCerts !== undefined;
    return new tls.TLSSocket(duplex, { ...given, isServer });
  }
  if (!checkHostname) given.checkServerIdentity = () => undefined;
  // TLS can't send an address as the server's name, but the certificate must match it.
  given.servername = familyOf(host) === 0 ? host : "";
  return tls.connect({ ...given, socket: duplex, host });
}

/** Parsing certificates takes longer than a handshake: it is done once for each options object. */
const clientContexts = new WeakMap<TlsOptions, NodeSecureContext>();
const serverContexts = new WeakMap<TlsOptions, NodeSecureContext>();

/** Returns the certificates, checked, in the form that `node:tls` uses. */
export function secureContextOf(options: TlsOptions, { isServer }: TlsSide): NodeSecureContext {
  const contexts = isServer ? serverContexts : clientContexts;
  let context = contexts.get(options);
  if (context === undefined) {
    checkTls(options, isServer);
    const { caCerts, cert, key } = options;
    const given: NodeTlsOptions = {};
    if (cert !== undefined) given.cert = cert;
    if (key !== undefined) given.key = key;
    if (caCerts !== undefined) given.ca = caCerts;
    context = nodeModule("node:tls").createSecureContext(given);
    contexts.set(options, context);
  }
  return context;
}
