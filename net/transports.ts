/**
 * The connection, as a protocol sees it.
 *
 * Counterpart of Python's `asyncio.transports`. Nothing here blocks: what is written is buffered
 * and sent as fast as the other side takes it.
 *
 * @module
 */

import type { TlsOptions } from "./tls_options.ts";

/** The methods that a transport calls on any protocol; `BaseProtocol` describes them. */
export interface ProtocolCalls {
  /**
   * Called when the connection is made.
   *
   * @param transport The transport of the connection.
   */
  connectionMade(transport: BaseTransport): void;
  /**
   * Called when the connection is lost or closed.
   *
   * @param exception The error that ended it, or null if there was none.
   */
  connectionLost(exception: unknown): void;
  /** Called when the write buffer exceeds the high-water mark. */
  pauseWriting(): void;
  /** Called when the write buffer has drained to the low-water mark. */
  resumeWriting(): void;
}

/** A socket address: the host and the port. Of a Unix socket: its path, or "", and 0. */
export type SocketAddress = readonly [hostname: string, port: number];

/** What {@linkcode BaseTransport.getExtraInfo} returns, by name. */
export interface ExtraInfo {
  /** The address of the other side. */
  peername: SocketAddress;
  /** The address of this side. */
  sockname: SocketAddress;
  /** The underlying Deno connection. */
  socket: Deno.Conn;
  /** The TLS options; null if the connection has no TLS. */
  sslcontext: TlsOptions | null;
  /** The outcome of the TLS handshake; null if the connection has no TLS. */
  // deno-lint-ignore camelcase -- the names of what is asked for are Python's
  ssl_object: SslObject | null;
}

/** What the two sides of a TLS connection have negotiated. */
export interface SslObject {
  /**
   * Returns the negotiated application protocol. Counterpart of `selected_alpn_protocol()`.
   *
   * @returns Its ALPN name, or null if the two sides did not agree on one.
   */
  selectedAlpnProtocol(): string | null;
}

/**
 * The base of all transports.
 *
 * Counterpart of Python's `asyncio.BaseTransport`.
 */
export interface BaseTransport {
  /**
   * Closes the connection once all buffered data has been sent. No more data is received.
   * Closing twice is harmless.
   */
  close(): void;
  /**
   * Returns whether the connection is closed or closing. Counterpart of `is_closing()`.
   *
   * @returns Whether it is.
   */
  isClosing(): boolean;
  /**
   * Returns information about the connection. Counterpart of `get_extra_info()`.
   *
   * @typeParam Name One of the names below.
   * @param name What to return: `peername`, `sockname`, `socket`, `sslcontext` or `ssl_object`.
   * @returns The information.
   */
  getExtraInfo<Name extends keyof ExtraInfo>(name: Name): ExtraInfo[Name];
  /**
   * Returns information that only some transports have.
   *
   * @param name What to return.
   * @param fallback What to return if there is no such information; null by default.
   * @returns The information.
   */
  getExtraInfo(name: string, fallback?: unknown): unknown;
  /**
   * Switches to another protocol. Counterpart of `set_protocol()`.
   *
   * @param protocol The protocol to call from now on.
   */
  setProtocol(protocol: ProtocolCalls): void;
  /**
   * Returns the current protocol. Counterpart of `get_protocol()`.
   *
   * @returns The protocol.
   */
  getProtocol(): ProtocolCalls;
}

/**
 * A transport for receiving.
 *
 * Counterpart of Python's `asyncio.ReadTransport`.
 */
export interface ReadTransport extends BaseTransport {
  /**
   * Returns whether the transport passes data to the protocol. Counterpart of `is_reading()`.
   *
   * @returns False if reading is paused or the transport is closing.
   */
  isReading(): boolean;
  /** Pauses reading: the protocol gets no data for now. Counterpart of `pause_reading()`. */
  pauseReading(): void;
  /** Resumes reading: the protocol gets data again. Counterpart of `resume_reading()`. */
  resumeReading(): void;
}

/**
 * A transport for sending.
 *
 * Counterpart of Python's `asyncio.WriteTransport`.
 */
export interface WriteTransport extends BaseTransport {
  /**
   * Sends bytes. They are copied: the caller may reuse the array.
   *
   * @param data The bytes.
   * @throws {TypeError} If `data` is not a `Uint8Array`.
   * @throws {RuntimeError} If `writeEof()` was called.
   */
  write(data: Uint8Array): void;
  /**
   * Sends several arrays, as if they were one.
   *
   * @param list The arrays.
   */
  writelines(list: Iterable<Uint8Array>): void;
  /**
   * Tells the other side, once all buffered data has been sent, that no more will follow. Data can
   * still be received, but a pipe, which is write-only, is closed. Counterpart of `write_eof()`.
   */
  writeEof(): void;
  /**
   * Returns whether `writeEof()` is supported. Counterpart of `can_write_eof()`.
   *
   * @returns Whether it is.
   */
  canWriteEof(): boolean;
  /** Closes the connection at once and drops what has not been sent. */
  abort(): void;
  /**
   * Sets the water marks of flow control. Counterpart of `set_write_buffer_limits()`.
   *
   * @param high The high-water mark: the protocol's `pauseWriting()` is called when more than this
   * is buffered, in bytes. If null, four times `low`, or 64 KiB.
   * @param low The low-water mark: `resumeWriting()` is called when no more than this is left, in
   * bytes. If null, a quarter of `high`.
   * @throws {RangeError} Unless `high >= low >= 0`.
   */
  setWriteBufferLimits(high?: number | null, low?: number | null): void;
  /**
   * Returns the size of the write buffer. Counterpart of `get_write_buffer_size()`.
   *
   * @returns The size in bytes.
   */
  getWriteBufferSize(): number;
  /**
   * Returns the water marks of flow control. Counterpart of `get_write_buffer_limits()`.
   *
   * @returns The low-water and the high-water mark, in bytes.
   */
  getWriteBufferLimits(): [low: number, high: number];
}

/**
 * A connection with a stream of bytes in each direction.
 *
 * Counterpart of Python's `asyncio.Transport`.
 */
export interface Transport extends ReadTransport, WriteTransport {}

/**
 * A socket for datagrams.
 *
 * Counterpart of Python's `asyncio.DatagramTransport`.
 */
export interface DatagramTransport extends BaseTransport {
  /**
   * Sends a datagram. It is copied: the caller may reuse the array. If it can't be sent yet, it is
   * buffered.
   *
   * @param data The datagram; it may be empty.
   * @param addr The destination; null on a connected endpoint.
   * @throws {TypeError} If `data` is not a `Uint8Array`, or there is no destination.
   * @throws {RangeError} If the endpoint is connected to another address.
   */
  sendto(data: Uint8Array, addr?: SocketAddress | null): void;
  /** Closes the socket at once and drops what has not been sent. */
  abort(): void;
  /**
   * Sets the water marks of flow control. Counterpart of `set_write_buffer_limits()`.
   *
   * @param high The high-water mark: the protocol's `pauseWriting()` is called when more than this
   * is buffered, in bytes. If null, four times `low`, or 64 KiB.
   * @param low The low-water mark: `resumeWriting()` is called when no more than this is left, in
   * bytes. If null, a quarter of `high`.
   * @throws {RangeError} Unless `high >= low >= 0`.
   */
  setWriteBufferLimits(high?: number | null, low?: number | null): void;
  /**
   * Returns the size of the write buffer. Counterpart of `get_write_buffer_size()`.
   *
   * @returns The size in bytes; each datagram counts for eight more than its length.
   */
  getWriteBufferSize(): number;
  /**
   * Returns the water marks of flow control. Counterpart of `get_write_buffer_limits()`.
   *
   * @returns The low-water and the high-water mark, in bytes.
   */
  getWriteBufferLimits(): [low: number, high: number];
}

/**
 * A child process and its pipes.
 *
 * Counterpart of Python's `asyncio.SubprocessTransport`.
 */
export interface SubprocessTransport extends BaseTransport {
  /**
   * Returns the process ID. Counterpart of `get_pid()`.
   *
   * @returns The ID.
   */
  getPid(): number;
  /**
   * Returns the exit status of the process. Counterpart of `get_returncode()`.
   *
   * @returns The exit code, or the negated number of the signal that ended it; null while it runs.
   */
  getReturncode(): number | null;
  /**
   * Returns the transport of a pipe. Counterpart of `get_pipe_transport()`.
   *
   * @param fd 0 for the standard input of the process, 1 for its standard output, 2 for its
   * standard error.
   * @returns A {@linkcode WriteTransport} for 0, a {@linkcode ReadTransport} for the others; null
   * if that stream is not a pipe.
   */
  getPipeTransport(fd: 0): WriteTransport | null;
  /**
   * Returns the transport of a pipe to read from.
   *
   * @param fd 1 for the standard output of the process, 2 for its standard error.
   * @returns The transport, or null if that stream is not a pipe.
   */
  getPipeTransport(fd: number): ReadTransport | null;
  /**
   * Sends a signal to the process. Counterpart of `send_signal()`.
   *
   * @param signal The signal, such as `"SIGHUP"`.
   * @throws {ProcessLookupError} If the process has ended and `connectionLost()` has returned.
   */
  sendSignal(signal: Deno.Signal): void;
  /**
   * Asks the process to end: sends `SIGTERM`.
   *
   * @throws {ProcessLookupError} If the process has ended and `connectionLost()` has returned.
   */
  terminate(): void;
  /**
   * Kills the process: sends `SIGKILL`.
   *
   * @throws {ProcessLookupError} If the process has ended and `connectionLost()` has returned.
   */
  kill(): void;
}
