/**
 * The options of TLS: certificates, protocols, names, time limits.
 *
 * Counterpart of Python's `ssl.SSLContext`, as far as Deno supports it.
 *
 * @module
 */

/**
 * The certificates and other settings of one side of a TLS connection. Takes the place of Python's
 * `SSLContext`.
 */
export interface TlsOptions {
  /**
   * The certificates of the authorities to trust, instead of those that Deno trusts, as PEM. On a
   * server: of those that may sign client certificates; each client must then present one.
   */
  caCerts?: readonly string[];
  /** The certificate of this side and its intermediate ones, as PEM. A server needs one. */
  cert?: string;
  /** The private key of that certificate, as PEM. */
  key?: string;
  /** The application protocols to offer (ALPN), the preferred one first. */
  alpnProtocols?: readonly string[];
  /**
   * Whether a client checks that the server's certificate matches the name it connects to.
   * Counterpart of `SSLContext.check_hostname`.
   *
   * @default {true}
   */
  checkHostname?: boolean;
}

/** The time limits of TLS. */
export interface TlsTimes {
  /**
   * How long the handshake may take, in seconds.
   *
   * @default {60}
   */
  sslHandshakeTimeout?: number;
  /**
   * How long closing may take, in seconds: until the other side has received all that is still
   * buffered and has closed TLS, too.
   *
   * @default {30}
   */
  sslShutdownTimeout?: number;
}
