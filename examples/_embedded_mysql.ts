/**
 * An in-process MySQL server, so that the database example runs with no database at hand: mysql2's
 * server side does logins and framing, and an in-memory SQLite database answers. Invariants: it
 * listens on loopback only; a client without the user name and password gets no further than the
 * login; `close()` leaves no socket and no timer. All clients share one SQLite connection: while one
 * is inside a transaction, others can SELECT (uncommitted rows too) but not write (error 1205). The
 * SQL is SQLite's, with MySQL's quoting, comments, `SET` and transactions. Needs
 * `--allow-net=127.0.0.1`.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import mysql, { type Connection } from "mysql2";

const MAX_CONNECTIONS = 64;
const MAX_PACKET_BYTES = 1 << 20;
const LOGIN_TIMEOUT_MS = 10_000;
const DEFAULTS: Settings = {
  hostname: "127.0.0.1",
  port: 0,
  user: "user",
  password: "password",
  database: "testdb",
  setup: `CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, email TEXT);
    INSERT INTO users (name, email) VALUES ('Alice', 'alice@example.com'),
      ('Bob', 'bob@example.com'), ('Carol', 'carol@example.com');`,
};

/** Long password, found rows, long flag, connect with database, 4.1, transactions, secure, plugin. */
const CAPABILITIES = 0x0008a20f;
const [IN_TRANSACTION, AUTOCOMMIT] = [1, 2] as const;
const [UTF8MB4, BINARY] = [45, 63] as const;
const [QUIT, INIT_DB, QUERY, PING, PREPARE, RESET] = [1, 2, 3, 14, 22, 31] as const;
const [DOUBLE, NULL, LONGLONG, BLOB, VAR_STRING] = [5, 6, 8, 252, 253] as const;
/** How SQLite's messages begin, MySQL's number for the error, and the SQL state. */
const ERRORS: [RegExp, number, string][] = [
  [/^no such table/, 1146, "42S02"],
  [/^no such column/, 1054, "42S22"],
  [/^UNIQUE constraint/, 1062, "23000"],
  [/^NOT NULL constraint/, 1048, "23000"],
  [/^FOREIGN KEY constraint/, 1452, "23000"],
  [/^/, 1064, "42000"],
];

/** Options for {@linkcode startEmbeddedMysql}. */
export interface EmbeddedMysqlOptions {
  hostname?: string; // a loopback address, "127.0.0.1" by default
  port?: number; // 0, the default, for any free one
  user?: string; // the only one who may log in, "user" by default
  password?: string; // "password" by default
  database?: string; // the name of the only one, "testdb" by default
  setup?: string; // SQLite's SQL, run at the start; by default, a table `users` with three rows
}

/** A running server; see {@linkcode startEmbeddedMysql}. */
export interface EmbeddedMysql extends AsyncDisposable {
  readonly hostname: string; // the address it listens on
  readonly port: number; // never 0
  close(): Promise<void>; // ends all connections and the listener; a second call waits, too
}

/**
 * Starts a MySQL server inside this process.
 * @throws {RangeError} If `hostname` is not a loopback address.
 * @throws {Error} If the port is not available or `setup` is not valid SQL.
 */
export async function startEmbeddedMysql(
  options: EmbeddedMysqlOptions = {},
): Promise<EmbeddedMysql> {
  const settings = { ...DEFAULTS, ...options };
  const refusal = "Cannot start the embedded MySQL server";
  if (!["127.0.0.1", "::1", "localhost"].includes(settings.hostname)) {
    throw new RangeError(`${refusal}: "${settings.hostname}" is not a loopback address`);
  }
  try {
    return await serve(settings);
  } catch (cause) { // no task is awaited here, so there is no cancellation to let through
    throw new Error(`${refusal}: ${(cause as Error).message}`, { cause });
  }
}

async function serve(settings: Settings): Promise<EmbeddedMysql> {
  const database = new Database(settings);
  const sessions = new Set<Session>();
  let accepted = 0;
  const listener = createServer((socket) => {
    const session = new Session(socket, database);
    socket.once("close", () => sessions.delete(session));
    if (sessions.size < MAX_CONNECTIONS) session.greet(++accepted);
    else session.refuse(1040, "08004", "Too many connections");
    sessions.add(session);
  });
  await new Promise<void>((resolve, reject) => {
    listener.on("error", reject).listen(settings.port, settings.hostname, resolve);
  });
  const { address: hostname, port } = listener.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> =>
    closed ??= new Promise<void>((resolve) => {
      listener.close(() => resolve());
      for (const session of sessions) session.close();
    }).then(() => database.sqlite.close());
  return { hostname, port, close, [Symbol.asyncDispose]: close };
}

type Settings = Required<EmbeddedMysqlOptions>;
type SqlValue = bigint | number | string | Uint8Array | null;
type Column = { name: string; column: string | null; table: string | null; type: number };
type Result = { columns: Column[]; rows: SqlValue[][]; affectedRows: number; insertId: number };
const DONE: Result = { columns: [], rows: [], affectedRows: 0, insertId: 0 };

// What mysql2 and node:sqlite have but do not declare: the casts to it are all here.
type IncomingPacket = { buffer: Buffer; offset: number; end: number; sequenceId: number };
type Secret = Record<"authToken" | "authPluginData1" | "authPluginData2", Uint8Array>;
type Login = Secret & { user: string; database?: string };
type OutgoingPacket = { buffer: Buffer; length(): number; writeHeader(sequenceId: number): void };
type Wire = Connection & { handlePacket(packet?: IncomingPacket): void };

/** Does what mysql2's `createServer()` does with a socket; that hides its address and errors. */
function serverSide(stream: Socket): Wire {
  return mysql.createConnection({ stream, isServer: true, connectTimeout: 0 }) as Wire;
}

/** Rows come as arrays, since two columns may have one name. */
function allRows(statement: StatementSync): SqlValue[][] {
  (statement as unknown as { setReturnArrays(on: boolean): void }).setReturnArrays(true);
  return statement.all() as unknown as SqlValue[][];
}

/** A failure with MySQL's number and SQL state for it. */
class MysqlError extends Error {
  constructor(readonly code: number, readonly state: string, message: string) {
    super(message);
  }
}

/** One client: greeted, then ready, then closed. It may close in any state, and is then silent. */
class Session {
  readonly #socket: Socket;
  readonly #wire: Wire;
  readonly #database: Database;
  readonly #loginTimer: ReturnType<typeof setTimeout>;
  #state: "greeted" | "ready" | "closed" = "greeted";
  #unparsedBytes = 0;

  constructor(socket: Socket, database: Database) {
    this.#socket = socket.setNoDelay(true);
    this.#database = database;
    this.#wire = serverSide(socket);
    this.#wire.on("error", () => socket.destroy()); // the client's error, not the server's
    this.#loginTimer = setTimeout(() => socket.destroy(), LOGIN_TIMEOUT_MS);
    socket.once("close", () => this.close());
    socket.prependListener("data", (chunk: Uint8Array) => {
      this.#unparsedBytes += chunk.length; // mysql2 would buffer a packet of any length
      if (this.#unparsedBytes > MAX_PACKET_BYTES) this.refuse(1153, "08S01", "Packet too large");
    });
  }

  greet(connectionId: number): void {
    const version = { protocolVersion: 10, serverVersion: "8.0.0-embedded", connectionId };
    const flags = { statusFlags: AUTOCOMMIT, characterSet: UTF8MB4, capabilityFlags: CAPABILITIES };
    const authCallback = (login: Login): void => this.#logIn(login);
    this.#wire.serverHandshake({ ...version, ...flags, authCallback });
    // mysql2 reads only the login: of commands, it mistakes SET for PREPARE, guesses the types of
    // parameters, and prints what it does not understand to the console.
    const readLogin = this.#wire.handlePacket.bind(this.#wire);
    this.#wire.handlePacket = (packet) => packet ? this.#receive(packet, readLogin) : readLogin();
  }

  refuse(code: number, state: string, message: string): void {
    if (this.#state === "closed") return;
    if (this.#state === "ready") this.#wire.sequenceId = 1; // the answer to the packet being sent
    this.#fail(new MysqlError(code, state, message));
    this.#state = "closed";
    this.#socket.destroySoon();
  }

  close(): void {
    this.#state = "closed";
    clearTimeout(this.#loginTimer);
    this.#database.leave(this);
    this.#socket.destroy();
  }

  #receive(packet: IncomingPacket, readLogin: Wire["handlePacket"]): void {
    this.#unparsedBytes = 0;
    if (this.#state === "closed") return;
    const ready = this.#state === "ready";
    // The greeting, once sent, is number 0 and the login 1; each command starts anew at 0.
    if (packet.sequenceId !== (ready ? 0 : 1) || (!ready && this.#wire.sequenceId !== 1)) {
      return this.refuse(1156, "08S01", "Got packets out of order");
    }
    if (!ready) return readLogin(packet);
    this.#wire.sequenceId = 1;
    this.#socket.cork(); // one segment for all rows
    try {
      this.#answer(packet.buffer.subarray(packet.offset, packet.end));
    } catch (error) { // nothing is cancelled here: what failed is the client's command
      this.#fail(error as Error);
    }
    this.#socket.uncork();
  }

  #logIn(login: Login): void {
    const { settings } = this.#database;
    if (login.user !== settings.user || !showsPassword(login, settings.password)) {
      const using = `using password: ${login.authToken.length > 0 ? "YES" : "NO"}`;
      const who = `'${login.user}'@'${this.#socket.remoteAddress}' (${using})`;
      return this.refuse(1045, "28000", `Access denied for user ${who}`);
    }
    if (login.database && login.database !== settings.database) {
      return this.refuse(1049, "42000", `Unknown database '${login.database}'`);
    }
    clearTimeout(this.#loginTimer);
    this.#state = "ready";
    this.#succeed(DONE);
  }

  #answer(command: Buffer): void {
    const text = command.toString("utf8", 1);
    switch (command[0]) {
      case QUERY:
        return this.#succeed(this.#database.run(this, text));
      case INIT_DB:
        if (text === this.#database.settings.database) return this.#succeed(DONE);
        throw new MysqlError(1049, "42000", `Unknown database '${text}'`);
      case RESET:
      case PING:
        if (command[0] === RESET) this.#database.leave(this);
        return this.#succeed(DONE);
      case QUIT:
        return this.close();
      case PREPARE:
        throw new MysqlError(1295, "HY000", "Cannot prepare: use query() instead of execute()");
      default:
        throw new MysqlError(1047, "08S01", "Unknown command");
    }
  }

  #succeed({ columns, rows, affectedRows, insertId }: Result): void {
    const { owner, settings } = this.#database;
    const serverStatus = owner === this ? AUTOCOMMIT | IN_TRANSACTION : AUTOCOMMIT;
    if (columns.length === 0) return this.#wire.writeOk({ affectedRows, insertId, serverStatus });
    this.#wire.writePacket(packet(count(columns.length)));
    for (const column of columns) this.#wire.writePacket(definition(column, settings.database));
    this.#wire.writeEof(0, serverStatus);
    for (const row of rows) this.#wire.writePacket(packet(...row.map(encode)));
    this.#wire.writeEof(0, serverStatus);
  }

  /** Like `writeError()`, which cannot send the SQL state. */
  #fail(error: Error): void {
    const [, number = 0, sqlState] = ERRORS.find(([start]) => start.test(error.message)) ?? [];
    const { code, state } = error instanceof MysqlError ? error : { code: number, state: sqlState };
    const text = Buffer.from(`#${state}${error.message}`);
    this.#wire.writePacket(packet(Buffer.of(0xff, code & 255, code >> 8), text));
  }
}

/** The only SQLite connection, and the session that is inside a transaction on it. */
class Database {
  readonly sqlite = new DatabaseSync(":memory:");
  owner: Session | undefined;

  constructor(readonly settings: Settings) {
    this.sqlite.exec(settings.setup);
  }

  run(session: Session, sql: string): Result {
    if (/^\s*set\s(?!.*autocommit\s*=\s*(0|off))/is.test(sql)) return DONE; // no other has an effect
    const text = translate(sql);
    const control = /^(start\s+transaction|begin|commit|rollback)(\s+work)?$/i.exec(text)?.[1];
    const foreign = this.owner !== undefined && this.owner !== session;
    if (foreign && /^[cr]/i.test(control ?? "")) return DONE; // as always when there is none to end
    if (foreign && !/^select\b/i.test(text)) {
      throw new MysqlError(1205, "HY000", "Lock wait timeout exceeded; try restarting transaction");
    }
    try {
      return control === undefined ? this.#execute(text) : this.#control(control);
    } finally {
      this.owner = this.sqlite.isTransaction ? this.owner ?? session : undefined;
    }
  }

  leave(session: Session): void {
    if (this.owner !== session) return;
    this.owner = undefined;
    this.sqlite.exec("ROLLBACK");
  }

  /** As in MySQL, a new transaction commits an open one, and there need not be one to end. */
  #control(words: string): Result {
    if (this.owner !== undefined) this.sqlite.exec(/^r/i.test(words) ? "ROLLBACK" : "COMMIT");
    if (/^[sb]/i.test(words)) this.sqlite.exec("BEGIN");
    return DONE;
  }

  #execute(text: string): Result {
    const statement = this.sqlite.prepare(text);
    statement.setReadBigInts(true); // else an integer cannot be told from a real
    const columns = statement.columns();
    if (columns.length > 0) {
      const rows = allRows(statement);
      const typed = columns.map((column, i) => ({ ...column, type: typeOf(rows, i, column.type) }));
      return { ...DONE, columns: typed, rows };
    }
    const { changes, lastInsertRowid } = statement.run();
    const affectedRows = /^(insert|replace|update|delete|with)\b/i.test(text) ? Number(changes) : 0;
    const inserted = affectedRows > 0 && /^(insert|replace)\b/i.test(text);
    // Of the ids that a statement makes, MySQL returns the first and SQLite the last.
    const insertId = inserted ? Math.max(0, Number(lastInsertRowid) - affectedRows + 1) : 0;
    return { ...DONE, affectedRows, insertId };
  }
}

/** Quoted text, quoted names, comments, and what must not appear outside of them. */
const TOKEN = new RegExp(
  String.raw`(['"])((?:\\.|\1\1|(?!\1)[^\\])*)(\1?)|\x60[^\x60]*\x60|--(?!\S)[^\n]*|--|#[^\n]*` +
    String.raw`|/\*.*?(?:\*/|$)|[;?\0]|(?<![\w$])[@:$]\w`,
  "gs",
);
const ESCAPES = new Map(Object.entries({ 0: "\0", b: "\b", n: "\n", r: "\r", t: "\t", Z: "\x1a" }));

/** Translates to SQLite's SQL, where a backslash escapes no quote: the rest would be run. */
function translate(sql: string): string {
  const text = sql.replace(TOKEN, (token: string, quote?: string, body = "", end = ""): string => {
    if (quote !== undefined && end !== "") return literal(quote, body);
    if (quote !== undefined || /^[?\0@:$]/.test(token)) throw syntaxError(token);
    return token === ";" ? "\0" : token === "--" ? "- -" : token.startsWith("`") ? token : " ";
  });
  const [statement = "", ...others] = text.split("\0").map((part) => part.trim());
  for (const other of others) if (other !== "") throw syntaxError(other);
  if (/^(attach|detach|pragma|vacuum)\b/i.test(statement)) throw syntaxError(statement); // reach files
  if (statement === "") throw new MysqlError(1065, "42000", "Query was empty");
  return statement;
}

function syntaxError(near: string): MysqlError {
  return new MysqlError(1064, "42000", `near "${near.slice(0, 80)}": syntax error`);
}

function literal(quote: string, body: string): string {
  const value = body.replace(/\\(.)|''|""/gs, (found: string, escaped?: string): string => {
    if (escaped === undefined) return found.startsWith(quote) ? quote : found;
    return ESCAPES.get(escaped) ?? (/[%_]/.test(escaped) ? found : escaped);
  });
  if (!value.includes("\0")) return `'${value.replaceAll("'", "''")}'`;
  throw new MysqlError(1366, "HY000", "Cannot take text: it has a NUL, where SQLite's text ends");
}

/** SQLite types values, MySQL types columns: the widest value decides, or else the declaration. */
function typeOf(rows: SqlValue[][], column: number, declared: string | null): number {
  const kinds = ["null", "bigint", "number", "string", "object"];
  const kind = (value: SqlValue = null): number => value === null ? 0 : kinds.indexOf(typeof value);
  const widest = rows.reduce((width, row) => Math.max(width, kind(row[column])), 0);
  const words = [/INT|BOOL/i, /REAL|FLOA|DOUB|NUM|DEC/i, /CHAR|CLOB|TEXT/i, /BLOB/i];
  const width = widest || words.findIndex((word) => word.test(declared ?? "")) + 1;
  return [NULL, LONGLONG, DOUBLE, VAR_STRING, BLOB][width] ?? NULL;
}

/** Whether the token is SHA1(password) XOR SHA1(salt, SHA1(SHA1(password))), or both are empty. */
function showsPassword(login: Login, password: string): boolean {
  const sha1 = (...parts: (Uint8Array | string)[]): Buffer =>
    parts.reduce((hash, part) => hash.update(part), createHash("sha1")).digest();
  if (password === "") return login.authToken.length === 0;
  const inner = sha1(password);
  const mask = sha1(login.authPluginData1, login.authPluginData2, sha1(inner));
  return Buffer.from(mask.map((byte, i) => byte ^ (inner[i] ?? 0))).equals(login.authToken);
}

/** Returns a packet for mysql2's `writePacket()`, which asks for the header, its first 4 bytes. */
function packet(...parts: Uint8Array[]): OutgoingPacket {
  const buffer = Buffer.concat([Buffer.alloc(4), ...parts]);
  const length = (): number => buffer.length - 4;
  return { buffer, length, writeHeader: (id) => buffer.writeUInt32LE(length() + id * 2 ** 24) };
}

/** Encodes a number as a length-encoded integer. */
function count(n: number): Buffer {
  return Buffer.from(n < 251 ? [n] : [0xfe, n, n >> 8, n >> 16, n >> 24, 0, 0, 0, 0]);
}

/** Encodes a value as in mysql2's own rows, which, however, treat bytes as text. */
function encode(value: SqlValue): Buffer {
  if (value === null) return Buffer.of(0xfb);
  const bytes = value instanceof Uint8Array ? value : Buffer.from(String(value));
  return Buffer.concat([count(bytes.length), bytes]);
}

/** Like mysql2's own, which, however, corrupt the name of a numeric column if it is not ASCII. */
function definition({ name, column, table, type }: Column, database: string): OutgoingPacket {
  const schema = table === null ? "" : database;
  const names = ["def", schema, table, table, name, column].map((text) => encode(text ?? ""));
  const charset = type === VAR_STRING ? UTF8MB4 : BINARY;
  const flags = type === VAR_STRING ? 0 : type === BLOB ? 0x90 : 0x80;
  const length = type === LONGLONG ? [20, 0] : type === DOUBLE ? [22, 0] : [255, 255];
  const rest = [12, charset, 0, ...length, 0, 0, type, flags, 0, type === DOUBLE ? 31 : 0, 0, 0];
  return packet(...names, Buffer.from(rest));
}
