/**
 * Helpers for tests of net/: programs on a loop with a time limit, certificates, peers in Python,
 * and protocols that log their callbacks.
 *
 * @module
 */

import { getRunningLoop, Protocol, run, sleep, timeout } from "@aio/asyncio";
import type {
  Coroutine,
  ExceptionContext,
  Future,
  Server,
  StreamReader,
  StreamWriter,
  Transport,
} from "@aio/asyncio";
import { assertEquals } from "../_support/assert.ts";

/** How long a test may take before it fails, in seconds. */
const TIME_LIMIT = 30;

export const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
export const text = (data: Uint8Array): string => new TextDecoder().decode(data);

/** Registers a test that runs on a loop. It must leave nothing open, and report nothing. */
export function netTest(name: string, main: () => Promise<void> | Steps): void {
  Deno.test({
    name,
    sanitizeOps: true,
    sanitizeResources: true,
    fn: async () => {
      const reports: ExceptionContext[] = [];
      await run(async () => {
        getRunningLoop().setExceptionHandler((_, context) => void reports.push(context));
        await timeout(TIME_LIMIT).run(main as Coroutine<void> & (() => Promise<void>));
      });
      assertEquals(reports.map(({ message, exception }) => [message, String(exception)]), []);
    },
  });
}

type Steps = Generator<PromiseLike<unknown> | undefined | void, void, unknown>;

/** Collects what is reported from now on, instead of failing the test. */
export function captureReports(): ExceptionContext[] {
  const reports: ExceptionContext[] = [];
  getRunningLoop().setExceptionHandler((_, context) => void reports.push(context));
  return reports;
}

/** Silences `console.warn` until it is disposed of, and collects what was written. */
export function captureWarnings(): { readonly texts: string[] } & Disposable {
  const original = console.warn;
  const texts: string[] = [];
  console.warn = (...words: unknown[]) => void texts.push(words.map(String).join(" "));
  return {
    texts,
    [Symbol.dispose](): void {
      console.warn = original;
    },
  };
}

export function addressOf(server: Server): [host: string, port: number] {
  const [host, port] = server.sockets[0]!.getsockname();
  return [host, port];
}

/** Passes turns until something is true; the test's time limit bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(0);
}

/** A protocol that logs its callbacks. */
export class Recorder extends Protocol {
  readonly calls: string[] = [];
  readonly made: Future<Transport> = getRunningLoop().createFuture<Transport>();
  readonly lost: Future<unknown> = getRunningLoop().createFuture<unknown>();
  transport!: Transport;
  total = 0;

  override connectionMade(transport: Transport): void {
    this.transport = transport;
    this.calls.push("made");
    this.made.setResult(transport);
  }

  override dataReceived(data: Uint8Array): void {
    this.total += data.length;
    if (this.calls.at(-1) !== "data") this.calls.push("data");
  }

  override eofReceived(): boolean | void {
    this.calls.push("eof");
  }

  override connectionLost(exception: unknown): void {
    this.calls.push("lost");
    this.lost.setResult(exception);
  }

  override pauseWriting(): void {
    this.calls.push("pause");
  }

  override resumeWriting(): void {
    this.calls.push("resume");
  }
}

/** Sends back what it receives; for `startServer()`. */
export async function echo(reader: StreamReader, writer: StreamWriter): Promise<void> {
  await using _ = writer;
  for (;;) {
    const data = await reader.read(65_536);
    if (data.length === 0) return;
    writer.write(data);
    await writer.drain();
  }
}

/** Returns random bytes. */
export function randomBytes(size: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(size);
  for (let i = 0; i < size; i += 65536) crypto.getRandomValues(data.subarray(i, i + 65536));
  return data;
}

/** Runs a program to its end, and returns what it printed. */
export async function output(
  program: string,
  args: readonly string[],
  input: Uint8Array<ArrayBuffer> = new Uint8Array(0),
): Promise<string> {
  const command = new Deno.Command(program, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  const writing = writer.write(input).then(() => writer.close());
  const [{ stdout, stderr, code }] = await Promise.all([child.output(), writing]);
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${text(stderr)}`);
  return text(stdout);
}

/** Runs a Python program of tests/net/peers/, and returns what it printed. */
export function python(name: string, ...args: readonly string[]): Promise<string> {
  const path = new URL(`peers/${name}.py`, import.meta.url).pathname;
  return output("python3", [path, ...args]);
}

/** PEM texts of a certificate authority, and of two certificates that it has signed. */
export interface Certificates {
  readonly folder: string;
  readonly ca: string;
  /** For localhost and 127.0.0.1. */
  readonly cert: string;
  readonly key: string;
  /** For the same names, but no longer valid. */
  readonly expired: string;
}

let made: Promise<Certificates> | null = null;

/** Makes certificates with `openssl`, once per file of tests. */
export function certificates(): Promise<Certificates> {
  return made ??= makeCertificates();
}

async function makeCertificates(): Promise<Certificates> {
  const folder = await Deno.makeTempDir();
  const openssl = (command: string): Promise<string> => {
    const args = command.split(" ").map((word) => word.replace("@", `${folder}/`));
    return output("openssl", args);
  };
  const curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
  await openssl(`req -x509 ${curve} -keyout @ca.key -out @ca.pem -days 2 -subj /CN=Test-CA`);
  await openssl(`req ${curve} -keyout @key.pem -out @csr.pem -subj /CN=localhost`);
  const extensions = "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n";
  await Deno.writeTextFile(`${folder}/extensions`, extensions);
  const sign =
    "x509 -req -in @csr.pem -CA @ca.pem -CAkey @ca.key -CAcreateserial -extfile @extensions";
  await openssl(`${sign} -out @cert.pem -days 2`);
  await makeExpired(folder, openssl);
  const read = (name: string): string => Deno.readTextFileSync(`${folder}/${name}.pem`);
  const [ca, cert, key, expired] = [read("ca"), read("cert"), read("key"), read("expired")];
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return { folder, ca, cert, key, expired };
}

/** Makes an expired certificate: only `openssl ca` lets the caller choose its end. */
async function makeExpired(
  folder: string,
  openssl: (command: string) => Promise<string>,
): Promise<void> {
  await Deno.writeTextFile(`${folder}/index`, "");
  await Deno.writeTextFile(`${folder}/serial`, "1000\n");
  const config = `[ca]\ndefault_ca=d\n[d]\ndatabase=${folder}/index\nserial=${folder}/serial\n` +
    `new_certs_dir=${folder}\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n`;
  await Deno.writeTextFile(`${folder}/config`, config);
  const dates = "-startdate 20200101000000Z -enddate 20200102000000Z";
  await openssl(
    "ca -batch -config @config -in @csr.pem -cert @ca.pem -keyfile @ca.key " +
      `-extfile @extensions -out @expired.pem -notext ${dates}`,
  );
}
