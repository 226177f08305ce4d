/**
 * The database example, with its embedded server and with a real MariaDB where there is one: the
 * rows come back; while the database is down the answer is 503, however often that happens; and
 * however many ask, the connections are those of one pool, all closed in the end. (The chapter's
 * script makes a pool for each request, and closes none.) A query that nobody waits for any more
 * ends on the server, too.
 *
 * @module
 */

import mysql from "mysql2/promise";
import { startEmbeddedMysql } from "../../examples/_embedded_mysql.ts";
import type { EmbeddedMysql } from "../../examples/_embedded_mysql.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../_support/assert.ts";
import { MariaDb, mariadbd } from "./_mariadb.ts";
import { ask, Client, freePort, LOCAL, Script, test } from "./_support.ts";

const NAME = "async_database_query";
const ROWS = "(1, 'Alice', 'alice@example.com')\n(2, 'Bob', 'bob@example.com')\n" +
  "(3, 'Carol', 'carol@example.com')";
/** How many connections mysql2's pool makes at most. */
const POOL_SIZE = 10;

const NOTHING = /^$/;

/** A database that can be down. */
interface Database extends AsyncDisposable {
  readonly port: number;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The embedded server, in this process. */
class Embedded implements Database {
  readonly port: number = freePort();
  #server: EmbeddedMysql | null = null;

  async start(): Promise<void> {
    this.#server = await startEmbeddedMysql({ port: this.port });
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    this.#server = null;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Where each database comes from, and whether it can be had here. */
const DATABASES: [title: string, make: () => Promise<Database>, isAbsent: boolean][] = [
  ["the embedded server", () => Promise.resolve(new Embedded()), false],
  ["MariaDB", () => MariaDb.install(), mariadbd === null],
];

/** The example, with that database. */
function startExample({ port }: Pick<Database, "port">, flags: string[] = []): Script {
  return new Script(NAME, [
    ...LOCAL,
    "--db-host",
    "127.0.0.1",
    "--db-port",
    String(port),
    ...flags,
  ]);
}

async function query(port: number): Promise<[status: number, body: string]> {
  const { status, body } = await ask(port, "GET /db_query");
  return [status, body];
}

function connect({ port }: Database): Promise<mysql.Connection> {
  const login = { host: "127.0.0.1", port, user: "user", password: "password" };
  return mysql.createConnection({ ...login, database: "testdb" });
}

/** What the server calls its next connection. It numbers them, those that are closed too. */
async function nextConnectionId(database: Database): Promise<number> {
  await using connection = await connect(database);
  return connection.threadId!;
}

/** Waits until MariaDB, which takes its time, has taken note that the others have left. */
async function untilAllHaveGone(database: Database): Promise<void> {
  await using connection = await connect(database);
  for (let open = Infinity; open > 1;) {
    const sql = "SHOW STATUS LIKE 'Threads_connected'";
    const [[row]] = await connection.query<mysql.RowDataPacket[]>(sql);
    open = Number(row!["Value"]);
  }
}

/** Ends the example as Ctrl-C does; it must have said this to standard error. */
async function endsWith(script: Script, said: RegExp): Promise<void> {
  script.signal("SIGINT");
  const { code, lines, err } = await script.end();
  assertMatch(err, said);
  assertEquals([code, lines.length], [0, 2]);
}

test(`${NAME} answers with the rows when it brings its own database`, async () => {
  await using script = new Script(NAME, [...LOCAL, "--embedded"]);
  const port = await script.port();
  for (let i = 0; i < 3; i++) assertEquals(await query(port), [200, ROWS]);
  const { headers } = await ask(port, "GET /db_query");
  assertEquals(headers.get("content-type")!.toLowerCase(), "text/plain;charset=utf-8");
  assertEquals(headers.get("content-length"), String(ROWS.length));
  assertEquals((await ask(port, "GET /")).status, 404);
  assertEquals((await ask(port, "POST /db_query")).status, 405);
  await endsWith(script, NOTHING);
});

test(`${NAME} ends well when it gets SIGTERM, asked or not`, async () => {
  for (const isAsked of [false, true]) {
    await using script = new Script(NAME, [...LOCAL, "--embedded"]);
    const port = await script.port();
    if (isAsked) assertEquals((await query(port))[0], 200);
    script.signal("SIGTERM");
    const { code, err } = await script.end();
    assertEquals([code, err], [0, ""]);
  }
});

test(`${NAME} says so and fails when its port is in use`, async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const flags = ["--host", "127.0.0.1", "--port", String(listener.addr.port), "--embedded"];
  await using script = new Script(NAME, flags);
  const { code, lines, err } = await script.end();
  assertEquals([code, lines], [1, []]);
  assertStringIncludes(err, "AddrInUse: Address already in use");
});

test(`${NAME} answers with all digits when there is a large integer`, async () => {
  await using database = new Embedded();
  await database.start();
  await using connection = await connect(database);
  await connection.query("DROP TABLE users");
  await connection.query("CREATE TABLE users (id BIGINT, email TEXT)");
  await connection.query("INSERT INTO users VALUES (9007199254740993, NULL), (-7, 'é')");
  await using script = startExample(database);
  assertEquals(await query(await script.port()), [200, "('9007199254740993', None)\n(-7, 'é')"]);
  await endsWith(script, NOTHING);
});

for (const [title, make, ignore] of DATABASES) {
  const onlyIf = ignore ? " (ignored: mariadbd is not installed)" : "";

  test(`${NAME} answers 503 when ${title} is down, and recovers each time${onlyIf}`, async () => {
    await using database = await make();
    await using script = startExample(database);
    const port = await script.port();
    for (let time = 1; time <= 2; time++) {
      for (let i = 0; i < 3; i++) {
        const [status, body] = await query(port);
        assertEquals(status, 503);
        assertMatch(body, /^The database is not available: [A-Z_]+$/);
      }
      await database.start();
      // Several at once, so that the pool has several connections to lose.
      const all = await Promise.all(Array.from({ length: 5 }, () => query(port)));
      assertEquals(all, Array(5).fill([200, ROWS]));
      await database.stop();
    }
    assertEquals((await query(port))[0], 503);
    await endsWith(script, NOTHING);
  }, { ignore });

  test(
    `${NAME} makes no more than a pool's connections when ${title} is asked 50 times${onlyIf}`,
    async () => {
      await using database = await make();
      await database.start();
      const before = await nextConnectionId(database);
      await using script = startExample(database);
      const port = await script.port();
      const all = await Promise.all(Array.from({ length: 40 }, () => query(port)));
      for (let i = 0; i < 10; i++) all.push(await query(port));
      assertEquals(all, Array(50).fill([200, ROWS]));
      const made = await nextConnectionId(database) - before - 1;
      assert(0 < made && made <= POOL_SIZE, `${made} connections were made`);
      await endsWith(script, NOTHING);
      if (title === "MariaDB") await untilAllHaveGone(database);
    },
    { ignore },
  );

  test(
    `${NAME} answers 500 and says why when ${title} refuses a query or the password${onlyIf}`,
    async () => {
      await using database = await make();
      await database.start();
      await using script = startExample(database);
      const port = await script.port();
      await using connection = await connect(database);
      await connection.query("ALTER TABLE users RENAME TO others");
      assertEquals((await query(port))[0], 500);
      await connection.query("ALTER TABLE others RENAME TO users");
      assertEquals(await query(port), [200, ROWS]);
      await endsWith(script, /^Error handling request\n[^]*users/);

      await using stranger = startExample(database, ["--password", "guess"]);
      assertEquals((await query(await stranger.port()))[0], 500);
      await endsWith(stranger, /^Error handling request\n[^]*Access denied for user 'user'@/);
    },
    { ignore },
  );
}

const ignore = mariadbd === null;
const onlyIf = ignore ? " (ignored: mariadbd is not installed)" : "";

test(`${NAME} answers 503 when MariaDB takes no more connections${onlyIf}`, async () => {
  await using database = await MariaDb.install();
  await database.start();
  await using script = startExample(database);
  const port = await script.port();
  {
    await using others = new AsyncDisposableStack();
    await assertRejects(
      async () => {
        for (let i = 0; i < 1000; i++) others.use(await connect(database));
      },
      Error,
      "Too many connections",
    );
    const text = "The database is not available: ER_CON_COUNT_ERROR";
    assertEquals(await query(port), [503, text]);
  }
  await untilAllHaveGone(database);
  assertEquals(await query(port), [200, ROWS]);
  await endsWith(script, NOTHING);
}, { ignore });

test(`${NAME} answers with a row as JSON, or 404, whatever is in the path`, async () => {
  await using script = new Script(NAME, [...LOCAL, "--embedded"]);
  const port = await script.port();
  const { status, headers, body } = await ask(port, "GET /users/2");
  assertEquals([status, headers.get("content-type")], [200, "application/json"]);
  assertEquals(JSON.parse(body), { id: 2, name: "Bob", email: "bob@example.com" });
  assertEquals((await ask(port, "GET /users/4")).status, 404);
  assertEquals((await ask(port, "GET /users/2%20OR%201")).status, 404);
  await endsWith(script, NOTHING);
});

/** What stands before a database, and counts who connects. What would end a query, it keeps for itself. */
class Gate implements AsyncDisposable {
  readonly port: number;
  connections = 0;
  /** Done when a query was to be ended. */
  readonly kept = Promise.withResolvers<void>();
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.TcpConn>();
  readonly #work: Promise<unknown>[] = [];

  constructor(database: Database) {
    this.port = this.#listener.addr.port;
    this.#work.push(this.#accept(database.port));
  }

  async #accept(port: number): Promise<void> {
    for await (const client of this.#listener) {
      this.connections++;
      const server = await Deno.connect({ hostname: "127.0.0.1", port });
      this.#open.add(client).add(server);
      this.#work.push(this.#pass(client, server), this.#pass(server, client));
    }
  }

  async #pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
        const data = buffer.subarray(0, count);
        if (new TextDecoder().decode(data).includes("KILL")) this.kept.resolve();
        else for (let sent = 0; sent < count;) sent += await to.write(data.subarray(sent));
      }
      to.close();
    } catch {
      // One of them was closed, by the other direction or at the end: that is how it ends.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#open) {
      try {
        conn.close();
      } catch (error) {
        if (!(error instanceof Deno.errors.BadResource)) throw error; // closed already
      }
    }
    await Promise.all(this.#work);
  }
}

/** MariaDB with a table that takes its time: whoever asks for the users waits for 30 seconds. */
async function slowDatabase(): Promise<MariaDb> {
  const database = await MariaDb.install();
  await database.start();
  await using connection = await connect(database);
  await connection.query("ALTER TABLE users RENAME TO fast_users");
  await connection.query("CREATE VIEW users AS SELECT SLEEP(30)");
  return database;
}

/** Has the table answer at once again. */
async function makeFast(connection: mysql.Connection): Promise<void> {
  await connection.query("DROP VIEW users");
  await connection.query("ALTER TABLE fast_users RENAME TO users");
}

/** Waits until the server runs so many queries besides the one that asks for it. */
async function untilQueriesRun(connection: mysql.Connection, count: number): Promise<void> {
  for (let running = -1; running !== count;) {
    const [rows] = await connection.query<mysql.RowDataPacket[]>("SHOW PROCESSLIST");
    running = rows.filter((row) => row["Info"] === "SELECT * FROM users").length;
  }
}

/** How many connections the server has, besides the one that asks for it. */
async function otherConnections(connection: mysql.Connection): Promise<number> {
  const [rows] = await connection.query<mysql.RowDataPacket[]>("SHOW PROCESSLIST");
  return rows.filter((row) => row["User"] === "user").length - 1;
}

test(`${NAME} ends queries on MariaDB when their clients leave${onlyIf}`, async () => {
  await using database = await slowDatabase();
  await using connection = await connect(database);
  await using script = startExample(database);
  const port = await script.port();
  for (let time = 1; time <= 2; time++) {
    const clients = await Promise.all(Array.from({ length: POOL_SIZE }, async () => {
      const client = await Client.connect(port);
      await client.send("GET /db_query HTTP/1.1\r\nHost: a\r\n\r\n");
      return client;
    }));
    await untilQueriesRun(connection, POOL_SIZE);
    if (time === 1) {
      // One that has to wait for a connection of the pool, and leaves, takes none along.
      using waiting = await Client.connect(port);
      await waiting.send("GET /db_query HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for (const client of clients) client[Symbol.dispose]();
    await untilQueriesRun(connection, 0);
  }
  await makeFast(connection);
  const all = await Promise.all(Array.from({ length: 3 * POOL_SIZE }, () => query(port)));
  assertEquals(all, Array(3 * POOL_SIZE).fill([200, ROWS]));
  assert(await otherConnections(connection) <= POOL_SIZE + 1); // the one that ends queries
  await endsWith(script, NOTHING);
}, { ignore });

test(`${NAME} answers 504 and ends a query on MariaDB when its time is up${onlyIf}`, async () => {
  await using database = await slowDatabase();
  await using connection = await connect(database);
  await using script = startExample(database, ["--timeout", "0.1"]);
  const port = await script.port();
  for (let time = 0; time < 3; time++) {
    assertEquals((await query(port))[0], 504);
    await untilQueriesRun(connection, 0);
  }
  await makeFast(connection);
  assertEquals(await query(port), [200, ROWS]);
  await endsWith(script, NOTHING);
}, { ignore });

test(
  `${NAME} makes no connection in place of one whose query MariaDB was not told to end${onlyIf}`,
  async () => {
    await using database = await slowDatabase();
    await using connection = await connect(database);
    await using gate = new Gate(database);
    await using script = startExample(gate);
    const port = await script.port();
    const clients = await Promise.all(Array.from({ length: POOL_SIZE }, async () => {
      const client = await Client.connect(port);
      await client.send("GET /db_query HTTP/1.1\r\nHost: a\r\n\r\n");
      return client;
    }));
    await untilQueriesRun(connection, POOL_SIZE);
    for (const client of clients) client[Symbol.dispose]();
    await gate.kept.promise;
    using waiting = await Client.connect(port);
    await waiting.send("GET /db_query HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals((await ask(port, "GET /nothing")).status, 404); // so that it has begun to wait
    assertEquals(gate.connections, POOL_SIZE + 1); // the one that ends queries
  },
  { ignore },
);
