/**
 * The connection, as a protocol sees it.
 *
 * Counterpart of Python's `asyncio.transports`. Nothing here blocks: what is written is buffered
 * and sent as fast as the other side takes it.
 *
 * @module
 */

/** What a transport calls of any protocol; `BaseProtocol` says what each call means. */
export interface ProtocolCalls {
  /** The connection is there. */
  connectionMade(transport: BaseTransport): void;
  /** The connection is gone. */
  connectionLost(exception: unknown): void;
  /** Too much waits to be sent. */
  pauseWriting(): void;
  /** No longer too much waits to be sent. */
  resumeWriting(): void;
}

/** An address: the host and the port. */
export type SocketAddress = readonly [hostname: string, port: number];

/** What {@linkcode BaseTransport.getExtraInfo} tells, by name. */
export interface ExtraInfo {
  /** The address of the other side. */
  peername: SocketAddress;
  /** The address of this side. */
  sockname: SocketAddress;
  /** The connection of the runtime. */
  socket: Deno.Conn;
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
   * @param name What to tell: `peername`, `sockname`, `socket`.
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
   * received. Counterpart of `write_eof()`.
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
