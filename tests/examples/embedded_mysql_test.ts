/**
 * The embedded MySQL server, seen through mysql2's own client and, where it takes a client that
 * misbehaves, through a bare TCP connection. Every test has its own server, on a free port, and
 * ends with neither a socket nor a timer left; none sleeps.
 */
import { assert, assertEquals, assertMatch, assertRejects } from "../_support/assert.ts";
import mysql from "mysql2";
import {
  type EmbeddedMysql,
  type EmbeddedMysqlOptions,
  startEmbeddedMysql,
} from "../../examples/_embedded_mysql.ts";

const [DOUBLE, NULL, LONGLONG, BLOB, VAR_STRING] = [5, 6, 8, 252, 253];
const [UTF8MB4, BINARY] = [45, 63];
const USERS = [
  { id: 1, name: "Alice", email: "alice@example.com" },
  { id: 2, name: "Bob", email: "bob@example.com" },
  { id: 3, name: "Carol", email: "carol@example.com" },
];

type Pool = ReturnType<ReturnType<typeof mysql.createPool>["promise"]>;
type Failure = { errno: number; sqlState: string; message: string };

/** A test with a server made by `options`, and a pool of connections to it. */
function test(
  name: string,
  body: (pool: Pool, server: EmbeddedMysql) => Promise<void>,
  options: EmbeddedMysqlOptions = {},
): void {
  const fn = async (): Promise<void> => {
    await using server = await startEmbeddedMysql(options);
    const pool = poolFor(server);
    await body(pool, server).finally(() => pool.end());
  };
  Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });
}

function poolFor(server: EmbeddedMysql, options: mysql.PoolOptions = {}): Pool {
  const { hostname: host, port } = server;
  const login = { host, port, user: "user", password: "password", database: "testdb" };
  return mysql.createPool({ ...login, ...options }).promise();
}

async function rows(pool: Pool, sql: string, values: unknown[] = []): Promise<unknown> {
  return (await pool.query(sql, values))[0];
}

/** What comes of `SELECT 1` in a pool of its own. */
async function logIn(server: EmbeddedMysql, options: mysql.PoolOptions): Promise<unknown> {
  const pool = poolFor(server, options);
  return await rows(pool, "SELECT 1").finally(() => pool.end());
}

/** What is told of a command that must fail. */
async function failure(command: Promise<unknown>): Promise<Failure> {
  const error: unknown = await command.then(() => undefined, (reason) => reason);
  assert(error instanceof Error, "the command did not fail");
  return error as unknown as Failure;
}

async function codes(command: Promise<unknown>): Promise<[number, string]> {
  const { errno, sqlState } = await failure(command);
  return [errno, sqlState];
}

/** Drops the connection as a dying process would; mysql2's `destroy()` still takes answers. */
function cut(connection: unknown): void {
  (connection as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

async function connectBare({ hostname, port }: EmbeddedMysql): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname, port });
  await connection.read(new Uint8Array(4096)); // the greeting
  return connection;
}

/** Reads what the server still has to say, until the connection ends in whatever manner. */
async function readToEnd(connection: Deno.TcpConn): Promise<string> {
  const chunk = new Uint8Array(4096);
  let text = "";
  try {
    for (let size; (size = await connection.read(chunk)) !== null;) {
      text += String.fromCharCode(...chunk.subarray(0, size));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return text;
}

/** A packet, each character being a byte. */
function packet(sequenceId: number, payload: string): string {
  return String.fromCharCode(payload.length, 0, 0, sequenceId) + payload;
}

async function send(connection: Deno.TcpConn, text: string): Promise<void> {
  await connection.write(Uint8Array.from(text, (character) => character.charCodeAt(0)));
}

test("startEmbeddedMysql() answers a SELECT with three users when told nothing", async (pool) => {
  assertEquals(await rows(pool, "SELECT * FROM users"), USERS);
  const [asArrays] = await pool.query({ sql: "SELECT id, name FROM users", rowsAsArray: true });
  assertEquals<unknown>(asArrays, [[1, "Alice"], [2, "Bob"], [3, "Carol"]]);
});

test("startEmbeddedMysql() answers a SELECT with MySQL's column types when values differ", async (pool) => {
  const sql = "SELECT 7 AS i, 1.0 AS r, 'é' AS t, x'00ff' AS b, NULL AS n";
  const [[row], fields] = await pool.query<mysql.RowDataPacket[]>(sql);
  const { i, r, t, b, n } = row as mysql.RowDataPacket;
  assertEquals([i, r, t, [...b], n], [7, 1, "é", [0, 255], null]);
  const types = fields.map((field) => field.columnType);
  assertEquals(types, [LONGLONG, DOUBLE, VAR_STRING, BLOB, NULL]);
  const charsets = fields.map((field) => field.characterSet);
  assertEquals(charsets, [BINARY, BINARY, UTF8MB4, BINARY, BINARY]);
});

test(
  "startEmbeddedMysql() answers a SELECT with the declared types when there is no row",
  async (pool) => {
    const [empty, fields] = await pool.query<mysql.RowDataPacket[]>(
      "SELECT i AS x, r, t, b FROM v",
    );
    assertEquals(empty, []);
    assertEquals(fields.map((field) => field.columnType), [LONGLONG, DOUBLE, VAR_STRING, BLOB]);
    assertEquals(fields.map((field) => field.name), ["x", "r", "t", "b"]);
    assertEquals(fields.map((field) => field.orgName), ["i", "r", "t", "b"]);
    assertEquals(
      new Set(fields.map((field) => `${field.schema}.${field.orgTable}`)),
      new Set(["testdb.v"]),
    );
  },
  { setup: "CREATE TABLE v (i INTEGER, r REAL, t TEXT, b BLOB)" },
);

test(
  "startEmbeddedMysql() answers a SELECT with NULL when the column has values too",
  async (pool) => {
    const [answer, fields] = await pool.query<mysql.RowDataPacket[]>("SELECT a, b FROM v");
    assertEquals<unknown>(answer, [{ a: null, b: "" }, { a: 5, b: null }]);
    assertEquals(fields.map((field) => field.columnType), [LONGLONG, VAR_STRING]);
  },
  { setup: "CREATE TABLE v (a INTEGER, b TEXT); INSERT INTO v VALUES (NULL, ''), (5, NULL)" },
);

test("startEmbeddedMysql() answers a SELECT with both columns when two have one name", async (pool) => {
  const [answer] = await pool.query({ sql: "SELECT 1 AS a, 2 AS a", rowsAsArray: true });
  assertEquals<unknown>(answer, [[1, 2]]);
});

test("startEmbeddedMysql() answers in full when values and results are long", async (pool) => {
  for (const size of [250, 251, 65_535, 65_536, 1_000_000]) {
    const text = await rows(pool, `SELECT printf('%.*c', ${size}, 'x') AS text`);
    assertEquals(text, [{ text: "x".repeat(size) }]);
  }
  const numbers = await rows(
    pool,
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i FROM n",
  );
  assertEquals(numbers, Array.from({ length: 5000 }, (_, i) => ({ i: i + 1 })));
});

test("startEmbeddedMysql() takes parameters as they are when they hold quotes", async (pool) => {
  const texts = [
    "it's",
    '"',
    "\\",
    "\\'",
    "a\nb\r\t\x1a",
    "';DROP TABLE users;--",
    "\\%_",
    "日😀",
    "?",
    "`",
  ];
  for (const text of texts) {
    assertEquals(await rows(pool, "SELECT ? AS value", [text]), [{ value: text }]);
  }
  const others = await rows(pool, "SELECT ? AS a, ? AS b, ? AS c", [1.5, true, null]);
  assertEquals(others, [{ a: 1.5, b: 1, c: null }]);
  assertEquals(await rows(pool, "SELECT length(?) AS n", ["'".repeat(99_999)]), [{ n: 99_999 }]);
  const bytes = [0, 39, 92, 255];
  const [blob] = await rows(pool, "SELECT ? AS b", [new Uint8Array(bytes)]) as { b: Uint8Array }[];
  assertEquals([...blob?.b ?? []], bytes);
  assertEquals(await codes(pool.query("SELECT ?", ["a\0b"])), [1366, "HY000"]);
  assertEquals(await rows(pool, "SELECT * FROM users"), USERS);
});

test("startEmbeddedMysql() reads comments as MySQL does when they stand in a statement", async (pool) => {
  const sql = "/* one; */ SELECT 5--1 AS a, '-- #' AS b -- two ' ;\n, 3 AS `ç;` # three\n;";
  assertEquals(await rows(pool, sql), [{ a: 6, b: "-- #", "ç;": 3 }]);
});

test("startEmbeddedMysql() tells affected rows and insert id when rows are written", async (pool) => {
  const told = async (sql: string): Promise<number[]> => {
    const [{ affectedRows, insertId }] = await pool.query<mysql.ResultSetHeader>(sql);
    return [affectedRows, insertId];
  };
  assertEquals(await told("INSERT INTO users (name) VALUES ('Dan')"), [1, 4]);
  assertEquals(await told("INSERT INTO users (name) VALUES ('Eve'), ('Fay')"), [2, 5]);
  assertEquals(await told("UPDATE users SET email = 'x' WHERE id > 3"), [3, 0]);
  assertEquals(await told("CREATE TABLE t (a)"), [0, 0]);
  assertEquals(await told("DELETE FROM users WHERE id > 4;"), [2, 0]);
  assertEquals(await told("SET NAMES utf8mb4"), [0, 0]);
});

test("startEmbeddedMysql() goes on with the connection when a statement fails", async (pool) => {
  const connection = await pool.getConnection();
  const fails = (sql: string): Promise<[number, string]> => codes(connection.query(sql));
  const { message } = await failure(connection.query("SELEC 1"));
  assertEquals(message, 'near "SELEC": syntax error');
  assertEquals(await fails("SELECT * FROM nowhere"), [1146, "42S02"]);
  assertEquals(await fails("SELECT missing FROM users"), [1054, "42S22"]);
  assertEquals(await fails("INSERT INTO users (id, name) VALUES (1, 'x')"), [1062, "23000"]);
  assertEquals(await fails("INSERT INTO users (id) VALUES (9)"), [1048, "23000"]);
  assertEquals(await fails(" ; "), [1065, "42000"]);
  const wrong = ["SELEC 1", "SELECT 1; SELECT 2", "SELECT 'a", "SELECT ?", "SELECT @a"];
  for (const sql of [...wrong, "PRAGMA user_version", "SET autocommit = 0"]) {
    assertEquals(await fails(sql), [1064, "42000"]);
  }
  assertEquals(await codes(connection.execute("SELECT 1")), [1295, "HY000"]);
  assertEquals<unknown>((await connection.query("SELECT 1 AS one"))[0], [{ one: 1 }]);
  connection.release();
});

test("startEmbeddedMysql() takes back a transaction's writes when it is rolled back", async (pool) => {
  const connection = await pool.getConnection();
  await connection.beginTransaction();
  await connection.query("DELETE FROM users");
  assertEquals(await codes(pool.query("DELETE FROM users")), [1205, "HY000"]);
  assertEquals(await rows(pool, "SELECT * FROM users"), []);
  await pool.query("ROLLBACK"); // on another connection, which has none to end
  await connection.rollback();
  await connection.rollback();
  assertEquals(await rows(pool, "SELECT * FROM users"), USERS);
  await connection.beginTransaction();
  await connection.query("DELETE FROM users WHERE id > 1");
  await connection.commit();
  await connection.beginTransaction();
  await connection.query("DELETE FROM users");
  await connection.reset(); // ends it as ROLLBACK does
  connection.release();
  assertEquals(await rows(pool, "SELECT * FROM users"), USERS.slice(0, 1));
});

test(
  "startEmbeddedMysql() answers init_db, ping and quit when a client sends ahead",
  async (_pool, server) => {
    const bare = await connectBare(server);
    const login = "\0\x82\0\0\0\0\0\0\x2d" + "\0".repeat(23) + "user\0\0"; // with no password
    const commands = ["\x02testdb", "\x02other", "\x0e", "\x99", "\x01"];
    await send(bare, packet(1, login) + commands.map((command) => packet(0, command)).join(""));
    const [ok, unknown] = [
      "\0\0\0\x02\0\0\0",
      "\xff\x19\x0442000Unknown database 'other'".replace("42", "#42"),
    ];
    const answers = [ok, unknown, ok, "\xff\x17\x04#08S01Unknown command"];
    const expected = packet(2, ok) + answers.map((answer) => packet(1, answer)).join("");
    assertEquals(await readToEnd(bare), expected);
    bare.close();
  },
  { password: "" },
);

test(
  "startEmbeddedMysql() denies access when the name or password is wrong",
  async (_pool, server) => {
    const { errno, sqlState, message } = await failure(logIn(server, { password: "guess" }));
    const told = "Access denied for user 'user'@'127.0.0.1' (using password: YES)";
    assertEquals([errno, sqlState, message], [1045, "28000", told]);
    assertEquals(await codes(logIn(server, { password: "" })), [1045, "28000"]);
    assertEquals(await codes(logIn(server, { user: "bob" })), [1045, "28000"]);
    assertEquals(await logIn(server, {}), [{ 1: 1 }]);
  },
);

test(
  "startEmbeddedMysql() denies access with a password when there is none",
  async (_pool, server) => {
    assertEquals(await codes(logIn(server, {})), [1045, "28000"]);
    assertEquals(await logIn(server, { password: "" }), [{ 1: 1 }]);
  },
  { password: "" },
);

test(
  "startEmbeddedMysql() refuses the login when the database is unknown",
  async (_pool, server) => {
    const { errno, sqlState, message } = await failure(logIn(server, { database: "other" }));
    assertEquals([errno, sqlState, message], [1049, "42000", "Unknown database 'other'"]);
  },
);

test(
  "startEmbeddedMysql() serves each on its own when 20 connections ask at once",
  async (_, server) => {
    const pool = poolFor(server, { connectionLimit: 20 });
    const all = await Promise.all(Array.from({ length: 20 }, () => pool.getConnection()));
    assertEquals(new Set(all.map((connection) => connection.threadId)).size, 20);
    const ids = await Promise.all(all.map(async (connection, i) => {
      const sql = "INSERT INTO users (name) VALUES (?)";
      const [{ insertId }] = await connection.query<mysql.ResultSetHeader>(sql, [`user ${i}`]);
      const [own] = await connection.query("SELECT name FROM users WHERE id = ?", [insertId]);
      assertEquals<unknown>(own, [{ name: `user ${i}` }]);
      connection.release();
      return insertId;
    }));
    assertEquals(ids.sort((a, b) => a - b), Array.from({ length: 20 }, (_, i) => i + 4));
    await pool.end();
  },
);

test("startEmbeddedMysql() turns a client away when there are too many", async (pool, server) => {
  const crowd = await Promise.all(Array.from({ length: 64 }, () => connectBare(server)));
  assertEquals(await codes(pool.query("SELECT 1")), [1040, "08004"]);
  for (const connection of crowd) connection.close();
});

test("startEmbeddedMysql() goes on when a client is destroyed in mid-query", async (pool) => {
  const connection = await pool.getConnection();
  await connection.beginTransaction();
  await connection.query("DELETE FROM users");
  const unanswered = assertRejects(() => connection.query("SELECT zeroblob(10000000)"));
  cut(connection);
  await unanswered;
  // Its transaction ends when the server hears of it; until then the table reads as empty.
  while (JSON.stringify(await rows(pool, "SELECT id FROM users")) === "[]");
  assertEquals(await rows(pool, "SELECT * FROM users"), USERS);
});

test("startEmbeddedMysql() goes on when a client sends garbage", async (pool, server) => {
  const logins = ["\0", "\xff", "A"].map((byte) => packet(1, byte.repeat(64)));
  const http = "GET / HTTP/1.1\r\n\r\n"; // the beginning of a packet of five megabytes
  for (const garbage of [...logins, packet(9, ""), packet(0, "\x0e"), http]) {
    const connection = await connectBare(server);
    await send(connection, garbage);
    if (garbage === http) await connection.closeWrite();
    await readToEnd(connection);
    connection.close();
    assertEquals(await rows(pool, "SELECT 1"), [{ 1: 1 }]);
  }
});

test("startEmbeddedMysql() hangs up when a packet is too large", async (pool, server) => {
  const connection = await connectBare(server);
  const flood = async (): Promise<void> => {
    for (;;) await connection.write(new Uint8Array(1 << 16).fill(0xff));
  };
  await Promise.all([assertRejects(flood), readToEnd(connection)]);
  connection.close();
  assertEquals(await rows(pool, "SELECT 1"), [{ 1: 1 }]);
  await assertRejects(() => pool.query("SELECT ?", ["x".repeat(1 << 20)]));
});

test("startEmbeddedMysql() hangs up when a client has not logged in in time", async () => {
  const { setTimeout } = globalThis;
  const due: (() => void)[] = [];
  globalThis.setTimeout = ((callback: () => void, delay: number) => {
    if (delay === 10_000) due.push(callback);
    return setTimeout(callback, delay);
  }) as typeof setTimeout;
  try {
    await using server = await startEmbeddedMysql();
    const connection = await connectBare(server);
    assertEquals(due.length, 1);
    due[0]?.();
    assertEquals(await readToEnd(connection), "");
    connection.close();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

test(
  "startEmbeddedMysql() ends all connections when it is closed, and again",
  async (pool, server) => {
    const { hostname, port } = server;
    const busy = await pool.getConnection();
    const silent = await connectBare(server);
    await Promise.all([server.close(), server.close()]);
    await server.close();
    assertEquals(await readToEnd(silent), "");
    silent.close();
    await assertRejects(() => busy.ping());
    busy.destroy();
    await assertRejects(() => Deno.connect({ hostname, port }), Deno.errors.ConnectionRefused);
  },
);

test("startEmbeddedMysql() rejects when it cannot start", async (_pool, { port }) => {
  const refusal = async (options: EmbeddedMysqlOptions): Promise<string> =>
    (await failure(startEmbeddedMysql(options))).message;
  await assertRejects(() => startEmbeddedMysql({ hostname: "0.0.0.0" }), RangeError, "loopback");
  assertMatch(await refusal({ setup: "CREATE" }), /^Cannot start .*: incomplete input$/);
  assertMatch(await refusal({ port }), /^Cannot start the embedded MySQL server: .*EADDRINUSE/);
});
