/**
 * A database behind a web application: `/db_query` answers with the rows of a table.
 *
 * Chapter: 异步数据库查询, `async_database_query.py`. The chapter's handler makes a new pool of connections
 * for each request and never closes it; here there is one, made at start-up and closed at clean-up.
 * While the database is down, the answer is 503; once it is back, so are the rows.
 * Run: deno task example async_database_query [--embedded] [--db-host HOST] [--db-port PORT]
 *   [--user USER] [--password PASSWORD] [--database NAME] [--host HOST] [--port PORT]
 *   With --embedded it brings a small database server of its own.
 * Permissions: net
 */

import { parseArgs } from "node:util";
import { createPool, type Pool, type RowDataPacket } from "mysql2/promise";
import { AppKey, Application, HTTPServiceUnavailable, runApp } from "@aio/asyncio/http";
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
  },
});

const POOL = new AppKey<Pool>("pool");

/** Before the `yield` at start-up, after it at clean-up. MySQL commits each statement by itself. */
async function* databasePool(app: Application): AsyncGenerator<void, void, void> {
  const { user, password, database } = flags;
  await using server = flags.embedded
    ? await startEmbeddedMysql({ user, password, database })
    : null;
  await using pool = createPool({
    host: server?.hostname ?? flags["db-host"],
    port: server?.port ?? Number(flags["db-port"]),
    user,
    password,
    database,
    // Else an integer beyond 2 ** 53 comes rounded; with it, as a text.
    supportBigNumbers: true,
  });
  app.set(POOL, pool);
  yield;
}

async function handleDbQuery(): Promise<Response> {
  const rows = await queryDatabase("SELECT * FROM users");
  return new Response(rows.map(tuple).join("\n"));
}

async function queryDatabase(sql: string): Promise<unknown[][]> {
  try {
    const [rows] = await app.get(POOL).query<RowDataPacket[][]>({ sql, rowsAsArray: true });
    return rows;
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    throw new HTTPServiceUnavailable({ text: `The database is not available: ${error.code}` });
  }
}

/** Whether the connection is lost or was never there, rather than a query refused. */
function isConnectionError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && (error as { fatal?: boolean }).fatal === true;
}

const app = new Application();
app.cleanupCtx.push(databasePool);
app.router.addGet("/db_query", handleDbQuery);

await runApp(app, { host: flags.host, port: Number(flags.port) });
