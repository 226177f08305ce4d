/**
 * The connection, as a protocol sees it.
 *
 * Counterpart of Python's `asyncio.transports`. Nothing here blocks: what is written is buffered
 * and sent as fast as the other side takes it.
 *
 * @module
 */

import type { TlsOptions } from "./tls_options.ts";

/** What a transport calls of any protocol; `BaseProtocol` says what each call means. */
export interface ProtocolCalls {
  /**
   * The connection is there.
   *
   * @param transport What to send and receive by.
   */
  connectionMade(transport: BaseTransport): void;
  /**
   * The connection is gone.
   *
   * @param exception Why, or null if it ended in an orderly way.
   */
  connectionLost(exception: unknown): void;
  /** Too much waits to be sent. */
  pauseWriting(): void;
  /** No longer too much waits to be sent. */
  resumeWriting(): void;
}

/** An address: the host and the port. That of a Unix socket: its path, "" if it has none, and 0. */
export type SocketAddress = readonly [hostname: string, port: number];

/** What {@linkcode BaseTransport.getExtraInfo} tells, by name. */
export interface ExtraInfo {
  /** The address of the other side. */
  peername: SocketAddress;
  /** The address of this side. */
  sockname: SocketAddress;
  /** The connection of the runtime. */
  socket: Deno.Conn;
  /** What TLS was told; null if the connection has no TLS. */
  sslcontext: TlsOptions | null;
  /** What TLS has agreed on; null if the connection has no TLS. */
  // deno-lint-ignore camelcase -- the names of what is asked for are Python's
  ssl_object: SslObject | null;
}

/** What the two sides of a TLS connection have agreed on. */
export interface SslObject {
  /**
   * Tells which protocol is spoken. Counterpart of `selected_alpn_protocol()`.
   *
   * @returns Its name (ALPN), or null if the two sides did not agree on one.
   */
  selectedAlpnProtocol(): string | null;
}

/**
 * What all transports have.
 *
 * Counterpart of Python's `asyncio.BaseTransport`.
 */
export interface BaseTransport {
  /**
   * Closes the connection once all that was written has been sent. Nothing more is received.
   * Closing twice is harmless.
   */
  close(): void;
  /**
   * Tells whether the connection is closed or about to be. Counterpart of `is_closing()`.
   *
   * @returns Whether it is.
   */
  isClosing(): boolean;
  /**
   * Tells something about the connection. Counterpart of `get_extra_info()`.
   *
   * @typeParam Name One of the names below.
   * @param name What to tell: `peername`, `sockname`, `socket`, `sslcontext`.
   * @returns The information.
   */
  getExtraInfo<Name extends keyof ExtraInfo>(name: Name): ExtraInfo[Name];
  /**
   * Tells something about the connection that not all have.
   *
   * @param name What to tell.
   * @param fallback What to return if that is not known; null if not given.
   * @returns The information.
   */
  getExtraInfo(name: string, fallback?: unknown): unknown;
  /**
   * Gives the connection to another protocol. Counterpart of `set_protocol()`.
   *
   * @param protocol Who gets the calls from now on.
   */
  setProtocol(protocol: ProtocolCalls): void;
  /**
   * Returns who gets the calls. Counterpart of `get_protocol()`.
   *
   * @returns The protocol.
   */
  getProtocol(): ProtocolCalls;
}

/**
 * What can be received from.
 *
 * Counterpart of Python's `asyncio.ReadTransport`.
 */
export interface ReadTransport extends BaseTransport {
  /**
   * Tells whether the protocol gets data. Counterpart of `is_reading()`.
   *
   * @returns False if reading is paused or the transport is closing.
   */
  isReading(): boolean;
  /** Has the protocol get no data for a while. Counterpart of `pause_reading()`. */
  pauseReading(): void;
  /** Has the protocol get data again. Counterpart of `resume_reading()`. */
  resumeReading(): void;
}

/**
 * What can be sent to.
 *
 * Counterpart of Python's `asyncio.WriteTransport`.
 */
export interface WriteTransport extends BaseTransport {
  /**
   * Sends bytes. They are copied: the caller may reuse the array.
   *
   * @param data The bytes.
   * @throws {TypeError} If it is not an `Uint8Array`.
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
   * Says to the other side that no more will be sent, after what was written. Data can still be
   * received; what can only be written to, a pipe, is closed. Counterpart of `write_eof()`.
   */
  writeEof(): void;
  /**
   * Tells whether `writeEof()` works. Counterpart of `can_write_eof()`.
   *
   * @returns Whether it does.
   */
  canWriteEof(): boolean;
  /** Closes the connection at once; what has not been sent is dropped. */
  abort(): void;
  /**
   * Sets the marks of flow control. Counterpart of `set_write_buffer_limits()`.
   *
   * @param high More than this, in bytes, and the protocol's `pauseWriting()` is called. If null,
   * four times `low`, or 64 KiB.
   * @param low No more than this, in bytes, and `resumeWriting()` is called. If null, a quarter of
   * `high`.
   * @throws {RangeError} Unless `high >= low >= 0`.
   */
  setWriteBufferLimits(high?: number | null, low?: number | null): void;
  /**
   * Tells how much waits to be sent. Counterpart of `get_write_buffer_size()`.
   *
   * @returns Bytes.
   */
  getWriteBufferSize(): number;
  /**
   * Returns the marks of flow control. Counterpart of `get_write_buffer_limits()`.
   *
   * @returns The low one and the high one, in bytes.
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
   * Sends a datagram. It is copied: the caller may reuse the array. What can't be sent now waits.
   *
   * @param data The datagram; it may be empty.
   * @param addr Where to; null on a connected endpoint.
   * @throws {TypeError} If `data` is not an `Uint8Array`, or no address is known.
   * @throws {RangeError} If the endpoint is connected to another address.
   */
  sendto(data: Uint8Array, addr?: SocketAddress | null): void;
  /** Closes the socket at once; what has not been sent is dropped. */
  abort(): void;
  /**
   * Sets the marks of flow control. Counterpart of `set_write_buffer_limits()`.
   *
   * @param high More than this, in bytes, and the protocol's `pauseWriting()` is called. If null,
   * four times `low`, or 64 KiB.
   * @param low No more than this, in bytes, and `resumeWriting()` is called. If null, a quarter of
   * `high`.
   * @throws {RangeError} Unless `high >= low >= 0`.
   */
  setWriteBufferLimits(high?: number | null, low?: number | null): void;
  /**
   * Tells how much waits to be sent. Counterpart of `get_write_buffer_size()`.
   *
   * @returns Bytes; each datagram counts eight more than it has.
   */
  getWriteBufferSize(): number;
  /**
   * Returns the marks of flow control. Counterpart of `get_write_buffer_limits()`.
   *
   * @returns The low one and the high one, in bytes.
   */
  getWriteBufferLimits(): [low: number, high: number];
}

/**
 * A process, and the pipes to it.
 *
 * Counterpart of Python's `asyncio.SubprocessTransport`.
 */
export interface SubprocessTransport extends BaseTransport {
  /**
   * Returns the number of the process. Counterpart of `get_pid()`.
   *
   * @returns The number.
   */
  getPid(): number;
  /**
   * Returns how the process ended. Counterpart of `get_returncode()`.
   *
   * @returns Its exit code, or the number of the signal that ended it, negated; null if it runs.
   */
  getReturncode(): number | null;
  /**
   * Returns the transport of a pipe. Counterpart of `get_pipe_transport()`.
   *
   * @param fd 0 for the standard input of the process, 1 for its output, 2 for its errors.
   * @returns A {@linkcode WriteTransport} for 0, a {@linkcode ReadTransport} for the others; null if
   * that is no pipe.
   */
  getPipeTransport(fd: 0): WriteTransport | null;
  /**
   * Returns the transport of a pipe to read from.
   *
   * @param fd 1 for the standard output of the process, 2 for its errors.
   * @returns The transport, or null if that is no pipe.
   */
  getPipeTransport(fd: number): ReadTransport | null;
  /**
   * Sends a signal to the process. Counterpart of `send_signal()`.
   *
   * @param signal Such as `"SIGHUP"`.
   * @throws {ProcessLookupError} If the process has ended.
   */
  sendSignal(signal: Deno.Signal): void;
  /**
   * Asks the process to end: sends `SIGTERM`.
   *
   * @throws {ProcessLookupError} If the process has ended.
   */
  terminate(): void;
  /**
   * Ends the process: sends `SIGKILL`.
   *
   * @throws {ProcessLookupError} If the process has ended.
   */
  kill(): void;
}
