/**
 * A MariaDB server of the test's own: its data in a temporary folder, on loopback, on a port that
 * was free. It can be stopped and started again; at the end of its block nothing is left of it.
 *
 * @module
 */

import { freePort, temporaryFolder } from "./_support.ts";

/** What it is given when it starts for the first time: the chapter's database, and three users. */
const SETUP = [
  "CREATE DATABASE testdb CHARACTER SET utf8mb4;",
  "CREATE USER 'user'@'%' IDENTIFIED BY 'password';",
  "GRANT ALL ON testdb.* TO 'user'@'%';",
  "CREATE TABLE testdb.users (id INT PRIMARY KEY AUTO_INCREMENT, name TEXT NOT NULL, email TEXT);",
  "INSERT INTO testdb.users (name, email) VALUES ('Alice', 'alice@example.com'), " +
  "('Bob', 'bob@example.com'), ('Carol', 'carol@example.com');",
];

/** Where the server may be: Debian has it where only root looks. */
const PROGRAMS = ["mariadbd", "/usr/sbin/mariadbd"];

/** The server that is installed here, or null. */
export const mariadbd: string | null = PROGRAMS.find(isInstalled) ?? null;

function isInstalled(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"] }).outputSync().success;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

/** See the module's description. */
export class MariaDb implements AsyncDisposable {
  readonly port: number = freePort();
  readonly #folder: string;
  readonly #cleanUp: AsyncDisposableStack;
  #child: Deno.ChildProcess | null = null;
  /** Done when it has said all that it says. */
  #log: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, cleanUp: AsyncDisposableStack) {
    this.#folder = folder;
    this.#cleanUp = cleanUp;
  }

  /** Makes the data folder, with nothing but the tables of the system; starts nothing. */
  static async install(): Promise<MariaDb> {
    await using cleanUp = new AsyncDisposableStack();
    const { path } = cleanUp.use(await temporaryFolder());
    await Deno.writeTextFile(`${path}/setup.sql`, SETUP.join("\n"));
    const mariadb = new MariaDb(path, cleanUp.move());
    const flags = ["--no-defaults", ...mariadb.#commonFlags(), "--skip-test-db"];
    const { success, stderr } = await new Deno.Command("mariadb-install-db", { args: flags })
      .output();
    if (success) return mariadb;
    await mariadb[Symbol.asyncDispose]();
    throw new Error(`Cannot install MariaDB's tables: ${new TextDecoder().decode(stderr)}`);
  }

  #commonFlags(): string[] {
    // It refuses to be root's unless told to be.
    const isRoot = Deno.statSync(this.#folder).uid === 0;
    // Small files: there is little to keep, and nothing to keep it safe from.
    const small = ["--innodb-log-file-size=4M", "--innodb-flush-log-at-trx-commit=0"];
    const places = [`--datadir=${this.#folder}/data`, `--tmpdir=${this.#folder}`];
    return [...places, ...small, ...isRoot ? ["--user=root"] : []];
  }

  /** Starts the server, and waits until it takes connections. */
  async start(): Promise<void> {
    const hasRun = await Deno.stat(`${this.#folder}/data/testdb`).then(() => true, () => false);
    const args = [
      "--no-defaults",
      ...this.#commonFlags(),
      "--skip-networking=0",
      "--bind-address=127.0.0.1",
      `--port=${this.port}`,
      `--socket=${this.#folder}/socket`,
      `--pid-file=${this.#folder}/pid`,
      "--skip-name-resolve",
      ...hasRun ? [] : [`--init-file=${this.#folder}/setup.sql`],
    ];
    this.#child = new Deno.Command(mariadbd!, { args, stdout: "null", stderr: "piped" }).spawn();
    const ready = Promise.withResolvers<void>();
    this.#log = this.#readLog(this.#child, ready);
    await ready.promise;
  }

  async #readLog(child: Deno.ChildProcess, ready: PromiseWithResolvers<void>): Promise<void> {
    let log = "";
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      log += text;
      if (log.includes("ready for connections")) ready.resolve();
    }
    ready.reject(new Error(`MariaDB has ended:\n${log}`));
  }

  /** Stops the server, and waits for its end. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    child.kill("SIGTERM");
    await child.status;
    await this.#log;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#cleanUp.disposeAsync();
  }
}
