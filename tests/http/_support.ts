/**
 * Helpers for the tests of the server side of http/: strict tests, clients that send exactly the
 * bytes they are told to, and foreign peers.
 *
 * @module
 */

import { bytesOf, Client, test } from "../examples/_support.ts";

export { bytesOf, Client, test };

/** A server's answer, as it arrived. */
export interface RawResponse {
  readonly status: number;
  readonly headers: Headers;
  /** What followed the head, in UTF-8. */
  readonly body: string;
}

/** Sends some bytes; returns the server's answer, up to its end. One character is one byte. */
export async function exchange(port: number, text: string): Promise<RawResponse> {
  using client = await Client.connect(port);
  await client.send(text);
  return parseResponse(await client.rest());
}

/** Parses an answer. */
export function parseResponse(answer: string): RawResponse {
  const [, status, head, body] = /^HTTP\/1\.[01] (\d+)[^\r]*\r\n(.*?)\r\n\r\n(.*)$/s.exec(answer) ??
    [];
  if (body === undefined) throw new Error(`this is no answer: ${JSON.stringify(answer)}`);
  const fields = head!.split("\r\n").map((line) => line.split(/:\s*(.*)/s, 2) as [string, string]);
  const text = new TextDecoder().decode(bytesOf(body));
  return { status: Number(status), headers: new Headers(fields), body: text };
}

/** Returns what a program prints; it must succeed. */
export async function output(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`${command} failed: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** Returns what a Python script of this folder prints as JSON. */
export async function python(script: string, ...args: string[]): Promise<unknown> {
  const { pathname } = new URL(script, import.meta.url);
  return JSON.parse(await output("/usr/bin/python3", pathname, ...args));
}

/** Captures what loops report, which would go to standard error. */
export function captureReports(): { readonly messages: string[] } & Disposable {
  const original = console.error;
  const messages: string[] = [];
  console.error = (...words: unknown[]) => void messages.push(words.join(" "));
  return {
    messages,
    [Symbol.dispose](): void {
      console.error = original;
    },
  };
}

/** Waits until a count has stopped growing, above 0; returns it. */
export async function settled(count: () => number): Promise<number> {
  for (let before = -1; before !== count() || before === 0;) {
    before = count();
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve));
  }
  return count();
}
