/**
 * Programs that tests run as child processes, to see what they print and how they end.
 *
 * @module
 */

/** How a program ended. */
export interface End {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  /** What it wrote to standard output after the lines that were read. */
  readonly out: string;
  readonly err: string;
}

/** A running program. */
export class Program {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #err: Promise<string>;
  #rest = "";

  /** Starts the TypeScript file at `url`, with options of `deno run`, and its own arguments. */
  constructor(url: URL, options: readonly string[] = [], ownArgs: readonly string[] = []) {
    const args = ["run", "--quiet", "--no-prompt", ...options, url.href, ...ownArgs];
    const env = { NO_COLOR: "1" };
    const command = new Deno.Command("deno", { args, env, stdout: "piped", stderr: "piped" });
    this.#child = command.spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#err = new Response(this.#child.stderr).text();
  }

  /** Waits for the next line of standard output. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#lines.read();
      if (done) throw new Error(`the program ended after "${this.#rest}": ${await this.#err}`);
      this.#rest += value;
    }
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for the end of the program. */
  async end(): Promise<End> {
    for (;;) {
      const { value, done } = await this.#lines.read();
      if (done) break;
      this.#rest += value;
    }
    const err = await this.#err;
    const { code, signal } = await this.#child.status;
    return { code, signal, out: this.#rest, err };
  }
}

/** Runs a program to its end. */
export function runProgram(url: URL, options: readonly string[] = []): Promise<End> {
  return new Program(url, options).end();
}
