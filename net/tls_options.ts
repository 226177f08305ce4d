/**
 * What TLS is told: certificates, protocols, names, times.
 *
 * Counterpart of Python's `ssl.SSLContext`, as far as the runtime knows any of it.
 *
 * @module
 */

/**
 * Certificates, and what else the two sides of a TLS connection agree on. The place of an
 * `SSLContext` in Python.
 */
export interface TlsOptions {
  /**
   * Whom to trust, in place of those whom the runtime trusts: certificates of authorities, as PEM. On
   * a server: who may sign the certificates of clients, each of which must then show one.
   */
  caCerts?: readonly string[];
  /** The own certificate, and those between it and the authority, as PEM. A server needs one. */
  cert?: string;
  /** The private key of that certificate, as PEM. */
  key?: string;
  /** The protocols to offer, the preferred one first (ALPN). */
  alpnProtocols?: readonly string[];
  /**
   * Whether the name in the certificate of a server is compared to the one that is connected to.
   * Counterpart of `SSLContext.check_hostname`.
   *
   * @default {true}
   */
  checkHostname?: boolean;
}

/** The times that TLS may take. */
export interface TlsTimes {
  /**
   * How long the handshake may take, in seconds.
   *
   * @default {60}
   */
  sslHandshakeTimeout?: number;
  /**
   * How long closing may take, in seconds: until the other side has taken what is still to be sent,
   * and has said goodbye, too.
   *
   * @default {30}
   */
  sslShutdownTimeout?: number;
}
