/**
 * A database behind a web application: `/db_query` answers with the rows of a table, and
 * `/users/2` with one of them, as JSON.
 *
 * Chapter: 异步数据库查询, `async_database_query.py`. The chapter's handler creates a new connection
 * pool for each request and never closes it; here there is one, created at start-up and closed at
 * clean-up. While the database is down, the answer is 503; once it is back, so are the rows. When a
 * client disconnects, or its time is up (504), its query is also stopped on the database server.
 * Run: deno task example async_database_query [--embedded] [--db-host HOST] [--db-port PORT]
 *   [--user USER] [--password PASSWORD] [--database NAME] [--host HOST] [--port PORT]
 *   [--timeout SECONDS]
 *   With --embedded it starts its own small database server.
 * Permissions: net
 */

import { parseArgs } from "node:util";
import { createPool, type Pool, type PoolConnection, type RowDataPacket } from "mysql2/promise";
import { CancelledError, getRunningLoop, wrapFuture } from "@aio/asyncio";
import {
  AppKey,
  Application,
  HTTPNotFound,
  HTTPServiceUnavailable,
  matchInfo,
  runApp,
} from "@aio/asyncio/http";
import { startEmbeddedMysql } from "./_embedded_mysql.ts";
import { tuple } from "./_python_text.ts";

const { values: flags } = parseArgs({
  options: {
    embedded: { type: "boolean", default: false },
    "db-host": { type: "string", default: "localhost" },
    "db-port": { type: "string", default: "3306" },
    user: { type: "string", default: "user" },
    password: { type: "string", default: "password" },
    database: { type: "string", default: "testdb" },
    host: { type: "string", default: "0.0.0.0" },
    port: { type: "string", default: "8080" },
    timeout: { type: "string", default: "60" },
  },
});

const POOL = new AppKey<Pool>("pool");
/** For ending queries: a separate connection, free however many queries are running. */
const KILLER = new AppKey<Pool>("killer");

/** Start-up before the `yield`, clean-up after it. MySQL commits each statement by itself. */
async function* databasePools(app: Application): AsyncGenerator<void, void, void> {
  const { user, password, database } = flags;
  await using server = flags.embedded
    ? await startEmbeddedMysql({ user, password, database })
    : null;
  const options = {
    host: server?.hostname ?? flags["db-host"],
    port: server?.port ?? Number(flags["db-port"]),
    user,
    password,
    database,
    // Without this, integers beyond 2 ** 53 are rounded; with it, they are strings.
    supportBigNumbers: true,
  };
  await using pool = createPool(options);
  await using killer = createPool({ ...options, connectionLimit: 1 });
  app.set(POOL, pool);
  app.set(KILLER, killer);
  yield;
}

async function handleDbQuery(): Promise<Response> {
  const rows = await queryDatabase<RowDataPacket[][]>({
    sql: "SELECT * FROM users",
    rowsAsArray: true,
  });
  return new Response(rows.map(tuple).join("\n"));
}

async function handleUser(request: Request): Promise<Response> {
  const { id } = matchInfo<"id">(request);
  const [user] = await queryDatabase<RowDataPacket[]>({
    sql: "SELECT * FROM users WHERE id = ?",
    values: [id],
  });
  if (user === undefined) throw new HTTPNotFound();
  return Response.json(user);
}

type Rows = RowDataPacket[] | RowDataPacket[][];

/** A query for mysql2: `values` replace the question marks, quoted. */
interface Query {
  sql: string;
  values?: unknown[];
  rowsAsArray?: boolean;
}

async function queryDatabase<T extends Rows>(query: Query): Promise<T> {
  try {
    const connection = await connect(app.get(POOL));
    return await queryOn<T>(connection, query);
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    throw new HTTPServiceUnavailable({ text: `The database is not available: ${error.code}` });
  }
}

/** Takes a connection from the pool; one that arrives after a cancellation goes back. */
async function connect(pool: Pool): Promise<PoolConnection> {
  const connecting = pool.getConnection();
  try {
    return await wrapFuture(connecting);
  } catch (error) {
    connecting.then((late) => late.release(), () => {}); // its error was thrown, or is moot
    throw error;
  }
}

/** Runs a query and gives the connection back, or ends it if the task was cancelled. */
async function queryOn<T extends Rows>(connection: PoolConnection, query: Query): Promise<T> {
  try {
    const [rows] = await wrapFuture(connection.query<T>(query));
    connection.release();
    return rows;
  } catch (error) {
    if (error instanceof CancelledError) await kill(connection);
    else connection.release();
    throw error;
  }
}

/**
 * Ends a connection and its query. The server would not notice that nobody waits for it any more;
 * until it has been told, the pool opens no other connection in its place.
 */
async function kill(connection: PoolConnection): Promise<void> {
  try {
    await app.get(KILLER).query("KILL ?", [connection.threadId]);
  } catch (error) {
    if ((error as { code?: string }).code === "ER_NO_SUCH_THREAD") return; // it has ended by itself
    getRunningLoop().callExceptionHandler({ message: "Cannot end query", exception: error });
  } finally {
    connection.destroy();
  }
}

/** Whether the connection is lost or was never made, rather than the query refused. */
function isConnectionError(error: unknown): error is Error & { code: string } {
  if (!(error instanceof Error)) return false;
  const { fatal, code } = error as { fatal?: boolean; code?: string };
  return fatal === true || code === "ER_CON_COUNT_ERROR";
}

const app = new Application({ timeout: Number(flags.timeout), timeoutStatus: 504 });
app.cleanupCtx.push(databasePools);
app.router.addGet("/db_query", handleDbQuery);
app.router.addGet("/users/{id:\\d+}", handleUser);

await runApp(app, { host: flags.host, port: Number(flags.port) });
