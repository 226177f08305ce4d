/**
 * Bodies of responses and requests, as streams.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createTask, getRunningLoop, RuntimeError, sleep, wait } from "@aio/asyncio/loop";
import { ClientPayloadError, ServerTimeoutError } from "@aio/asyncio/http";
import type { Chunks, ClientResponse } from "@aio/asyncio/http";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { later, RawSite, serve, withSession } from "./_client_servers.ts";

/** Runs `body` with the response of a server that sends these chunks, one by one. */
async function reading(
  pieces: (string | Uint8Array)[],
  body: (response: ClientResponse) => Promise<void>,
  type = "text/plain",
): Promise<void> {
  const encoder = new TextEncoder();
  await using site = serve(() => {
    const stream = ReadableStream.from(async function* () {
      for (const piece of pieces) {
        yield typeof piece === "string" ? encoder.encode(piece) : piece;
        await Promise.resolve();
      }
    }());
    return new Response(stream, { headers: { "content-type": type } });
  });
  await withSession({}, async (session) => {
    await using response = await session.get(site.url);
    await body(response);
  });
}

const text = (parts: Uint8Array[]): string[] => parts.map((part) => new TextDecoder().decode(part));

Deno.test("ClientResponse.iterAny() gives all bytes, once, in order", async () => {
  const pieces = Array.from({ length: 300 }, (_, i) => `${i},`.repeat(100));
  await reading(pieces, async (response) => {
    assertEquals(text(await Array.fromAsync(response.iterAny())).join(""), pieces.join(""));
    assert(response.closed);
    assertEquals(await Array.fromAsync(response.iterAny()), []);
  });
});

Deno.test("ClientResponse.iterChunked() gives pieces of one size, and a rest", async () => {
  await reading(["abc", "d", "efghijk", "l"], async (response) => {
    assertEquals(text(await Array.fromAsync(response.iterChunked(5))), ["abcde", "fghij", "kl"]);
  });
  await reading(["ab", "cd"], async (response) => {
    assertEquals(text(await Array.fromAsync(response.iterChunked(2))), ["ab", "cd"]);
    await assertRejects(() => Array.fromAsync(response.iterChunked(0)), RangeError);
  });
});

Deno.test("ClientResponse.iterLines() gives lines, wherever the pieces are cut", async () => {
  const euro = new TextEncoder().encode("€");
  const pieces = ["a\r", "\nb\n", "\n", euro.subarray(0, 1), euro.subarray(1), "\nrest"];
  await reading(pieces, async (response) => {
    assertEquals(await Array.fromAsync(response.iterLines()), ["a", "b", "", "€", "rest"]);
  });
  await reading([Uint8Array.of(0xe9, 10)], async (response) => {
    assertEquals(await Array.fromAsync(response.iterLines()), ["é"]);
  }, "text/plain; charset=latin1");
  await reading(["a".repeat(100)], async (response) => {
    const read = (): Promise<unknown> => Array.fromAsync(response.iterLines({ maxLength: 50 }));
    await assertRejects(read, RangeError, "longer than 50");
    assert(response.closed);
  });
});

Deno.test("ClientResponse.content is a stream of the platform", async () => {
  await reading(["hel", "lo"], async (response) => {
    assertEquals(await new Response(response.content).text(), "hello");
    assert(response.closed && response.content.locked);
  });
  await reading(["hello"], async (response) => {
    const lines = response.content.pipeThrough(new TextDecoderStream());
    assertEquals((await Array.fromAsync(lines)).join(""), "hello");
  });
});

Deno.test("ClientResponse is read in one way only", async () => {
  await reading(["hel", "lo"], async (response) => {
    const { content } = response;
    await assertRejects(async () => await response.read(), RuntimeError, "as a stream already");
    await assertRejects(() => Array.fromAsync(response.iterAny()), RuntimeError, "through content");
    await content.cancel();
    await assertRejects(async () => await response.text(), RuntimeError);
  });
  await reading(["hel", "lo"], async (response) => {
    for await (const _ of response.iterAny()) break;
    await assertRejects(async () => await response.read(), RuntimeError);
    assertThrows(() => response.content, RuntimeError, "being read already");
  });
  await reading(["hello"], async (response) => {
    await response.release();
    await response.release();
    await assertRejects(async () => await response.read(), RuntimeError, "it was released");
  });
});

for (
  const [name, head, read] of [
    ["read()", "Content-Length: 9", (response) => Promise.resolve(response.read())],
    ["read() of no known length", "A: b", (response) => Promise.resolve(response.read())],
    ["iterAny()", "Content-Length: 9", (response) => Array.fromAsync(response.iterAny())],
    ["content", "Content-Length: 9", (response) => Array.fromAsync(response.content)],
  ] as [string, string, (response: ClientResponse) => Promise<unknown>][]
) {
  Deno.test(`ClientResponse.${name} takes no body for whole that is given up meanwhile`, async () => {
    await using site = RawSite.stuckAfter(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`);
    await withSession({}, async (session) => {
      for (const end of ["release", "close"] as const) {
        const response = await session.get(site.url);
        const reading = createTask(() => read(response));
        await sleep(0);
        await response[end]();
        await assertRejects(async () => await reading, RuntimeError, "it was released");
      }
    });
  });
}

Deno.test("ClientResponse.content after read() holds what was read", async () => {
  await reading(["hello"], async (response) => {
    await response.read();
    assertEquals(await new Response(response.content).text(), "hello");
  });
});

Deno.test("ClientResponse gives pieces while the rest is still to be made", async () => {
  const asked = later();
  await using site = new RawSite(async (conn) => {
    await conn.head();
    await conn.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na");
    await asked.promise;
    await conn.write("b");
    await conn.left();
  });
  await withSession({}, async (session) => {
    await using response = await session.get(site.url);
    const pieces = response.iterAny();
    assertEquals(text([(await pieces.next()).value!]), ["a"]);
    asked.resolve();
    assertEquals(text([(await pieces.next()).value!]), ["b"]);
    assertEquals((await pieces.next()).done, true);
  });
});

Deno.test("ClientResponse.iterAny() is cancelled, also in the turn in which its request fails", async () => {
  await using site = RawSite.stuckAfter("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  await withSession({}, async (session) => {
    const aborter = new AbortController();
    const { signal } = aborter;
    const hasBegun = later();
    const task = createTask(async () => {
      const response = await session.get(site.url, { signal });
      for await (const _ of response.iterAny()) hasBegun.resolve();
    });
    await hasBegun.promise;
    await sleep(0);
    aborter.abort();
    task.cancel();
    await wait([task]);
    assert(task.cancelled());
  });
});

Deno.test("ClientResponse decodes what is compressed", async () => {
  await using site = serve(() => {
    const stream = new Blob(["hello ".repeat(1000)]).stream();
    const body = stream.pipeThrough(new CompressionStream("gzip"));
    return new Response(body, { headers: { "content-encoding": "gzip" } });
  });
  await withSession({}, async (session) => {
    await using response = await session.get(site.url);
    assertEquals((await response.text()).length, 6000);
  });
});

Deno.test("ClientSession.post() sends pieces as the server takes them", async () => {
  await using site = serve((request) => new Response(request.body)); // echoes the body
  await withSession({}, async (session) => {
    const size = 64 * 1024;
    let made = 0;
    const data = async function* (): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 64; i++) {
        await sleep(0);
        made++;
        yield new Uint8Array(size).fill(i);
      }
    };
    await using response = await session.post(site.url, { data });
    const body = await response.read();
    assertEquals([made, body.length, body[0], body.at(-1)], [64, 64 * size, 0, 63]);
  });
});

Deno.test("ClientSession.post() stops the source of a body when the request ends", async () => {
  await using site = RawSite.saying("");
  const stopped = later();
  await withSession({}, async (session) => {
    const data = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(65536);
      } finally {
        stopped.resolve();
      }
    };
    await assertRejects(async () => await session.post(site.url, { data }));
    await stopped.promise;
  });
});

for (
  const [name, source] of [
    ["an async iterable", (stopped) =>
      (async function* () {
        try {
          yield await getRunningLoop().createFuture<string>();
        } finally {
          stopped();
        }
      })()],
    ["a stream", (stopped) => new ReadableStream({ cancel: stopped })],
  ] as [string, (stopped: () => void) => Chunks][]
) {
  Deno.test(`ClientSession.post() stops ${name} that waits for its next piece`, async () => {
    await using site = RawSite.stuckAfter("");
    await withSession({}, async (session) => {
      const stopped = later();
      const data = source(stopped.resolve);
      const post = async () => await session.post(site.url, { data, timeout: 0.01 });
      await assertRejects(post, ServerTimeoutError);
      await stopped.promise;
    });
  });
}

Deno.test("ClientSession.post() sends pieces as they were when they were given", async () => {
  await using site = serve(async (request) => new Response(await request.text()));
  await withSession({}, async (session) => {
    // The slices of a Buffer are not copies.
    for (const bytes of [new Uint8Array(2), Buffer.alloc(2)]) {
      const data = async function* (): AsyncGenerator<Uint8Array> {
        for (const letter of [97, 98, 99]) yield bytes.fill(letter);
      };
      await using response = await session.post(site.url, { data });
      assertEquals(await response.text(), "aabbcc");
    }
  });
});

Deno.test("ClientResponse.read() throws what the source of the request's body throws meanwhile", async () => {
  await using site = RawSite.stuckAfter("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  await withSession({}, async (session) => {
    const answered = later();
    const data = async function* (): AsyncGenerator<string> {
      yield "a";
      await answered.promise;
      throw new RangeError("no more");
    };
    const response = await session.post(site.url, { data });
    answered.resolve();
    const text = `Cannot send body to ${site.url}: no more`;
    await assertRejects(async () => await response.read(), ClientPayloadError, text);
  });
});
