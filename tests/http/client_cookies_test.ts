/**
 * CookieJar, following RFC 6265, and sessions that keep cookies.
 *
 * @module
 */

import { ClientSession, CookieJar } from "@aio/asyncio/http";
import { parseCookies } from "../../http/_cookie_header.ts";
import { headerText } from "../../http/_header_text.ts";
import { parseCookieDate, parseSetCookie } from "../../http/_client_set_cookie.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../_support/assert.ts";
import { serve, withSession } from "./_client_servers.ts";

/** Returns what a jar sends to `to` after `from` has set these cookies. */
function sent(headers: string[], from: string, to: string): string {
  const jar = new CookieJar();
  for (const header of headers) jar.setCookie(header, from);
  return jar.filterCookies(to);
}

const A = "http://a.example.org/dir/page";

const rules: [header: string, from: string, to: string, expected: string][] = [
  // hosts
  ["k=v", A, "http://a.example.org/dir/", "k=v"],
  ["k=v", A, "http://b.a.example.org/dir/", ""],
  ["k=v", A, "http://example.org/dir/", ""],
  ["k=v; Domain=a.example.org", A, "http://b.a.example.org/dir/", "k=v"],
  ["k=v; Domain=example.org", A, "http://b.example.org/dir/", "k=v"],
  ["k=v; Domain=.EXAMPLE.org", A, "http://example.org/dir/", "k=v"],
  ["k=v; Domain=example.org", A, "http://badexample.org/dir/", ""],
  ["k=v; Domain=b.example.org", A, "http://b.example.org/dir/", ""],
  ["k=v; Domain=b.a.example.org", A, "http://b.a.example.org/dir/", ""],
  ["k=v; Domain=org", A, "http://a.example.org/dir/", ""],
  ["k=v; Domain=", A, "http://a.example.org/dir/", "k=v"],
  ["k=v; Domain=x; Domain=example.org", A, "http://example.org/dir/", "k=v"],
  ["k=v; Domain=example.org/", A, "http://example.org/dir/", ""],
  ["k=v; Domain=localhost", "http://localhost/", "http://localhost/", "k=v"],
  ["k=v; Domain=localhost", "http://localhost/", "http://a.localhost/", ""],
  ["k=v", "http://127.0.0.1:1/", "http://127.0.0.1:2/", "k=v"],
  ["k=v; Domain=0.0.1", "http://127.0.0.1/", "http://127.0.0.1/", ""],
  ["k=v; Domain=127.0.0.1", "http://127.0.0.1/", "http://127.0.0.1/", "k=v"],
  ["k=v", "http://[::1]/", "http://[::1]/", "k=v"],
  ["k=v; Domain=bücher.de", "http://www.bücher.de/", "http://xn--bcher-kva.de/", "k=v"],
  // paths
  ["k=v", A, "http://a.example.org/", ""],
  ["k=v", A, "http://a.example.org/dir", "k=v"],
  ["k=v", A, "http://a.example.org/directory", ""],
  ["k=v", A, "http://a.example.org/dir/deep/er", "k=v"],
  ["k=v; Path=/", A, "http://a.example.org/", "k=v"],
  ["k=v; Path=relative", A, "http://a.example.org/dir/", "k=v"],
  ["k=v; Path=/other", A, "http://a.example.org/other/x", "k=v"],
  ["k=v; Path=/dir/", A, "http://a.example.org/dir", ""],
  ["k=v", "http://a.example.org", "http://a.example.org/x", "k=v"],
  // security
  ["k=v; Secure", A, "https://a.example.org/dir/", ""],
  ["k=v; Secure", "https://a.org/", "https://a.org/", "k=v"],
  ["k=v; Secure", "https://a.org/", "http://a.org/", ""],
  ["k=v; secure; HttpOnly", "https://a.org/", "wss://a.org/", "k=v"],
  ["__Secure-k=v", "https://a.org/", "https://a.org/", ""],
  ["__Secure-k=v; Secure", "https://a.org/", "https://a.org/", "__Secure-k=v"],
  ["__Host-k=v; Secure", "https://a.org/", "https://a.org/", ""],
  ["__Host-k=v; Secure; Path=/", "https://a.org/", "https://a.org/", "__Host-k=v"],
  ["__Host-k=v; Secure; Path=/; Domain=a.org", "https://a.org/", "https://a.org/", ""],
  ["__host-k=v; Secure; Path=/x", "https://a.org/", "https://a.org/x", ""],
  ["=__Secure-k=v; Secure", "https://a.org/", "https://a.org/", ""],
  // names and values
  ["k=v=w", A, A, "k=v=w"],
  [' k = "v w" ; x', A, A, 'k="v w"'],
  ["value", A, A, "value"],
  ["=value", A, A, "value"],
  ["k=", A, A, "k="],
  ["", A, A, ""],
  ["; Path=/", A, A, ""],
  ["k=a\tb", A, A, "k=a\tb"],
  ["k=a\x01b", A, A, ""],
  ["k=a\r\nX: y", A, A, ""],
  [`k=${"v".repeat(4095)}`, A, A, `k=${"v".repeat(4095)}`],
  [`k=${"v".repeat(4096)}`, A, A, ""],
  [`k=v; Path=/${"x".repeat(2000)}`, A, A, "k=v"],
  // expiry
  ["k=v; Max-Age=0", A, A, ""],
  ["k=v; Max-Age=-1", A, A, ""],
  ["k=v; Max-Age=10", A, A, "k=v"],
  ["k=v; Max-Age=x", A, A, "k=v"],
  ["k=v; Expires=Thu, 01 Jan 1970 00:00:00 GMT", A, A, ""],
  ["k=v; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=10", A, A, "k=v"],
  ["k=v; Max-Age=0; Expires=Fri, 31 Dec 9999 00:00:00 GMT", A, A, ""],
  ["k=v; Expires=nonsense", A, A, "k=v"],
];

for (const [header, from, to, expected] of rules) {
  const shown = header.length > 60 ? `${header.slice(0, 60)}…` : header;
  const what = expected === "" ? "nothing" : "it";
  Deno.test(`CookieJar sends ${what} to ${to} when ${from} says ${JSON.stringify(shown)}`, () => {
    assertEquals(sent([header], from, to), expected);
  });
}

Deno.test("CookieJar.filterCookies() gives longer paths first, then older cookies", () => {
  const headers = ["a=1; Path=/", "b=2; Path=/dir", "c=3; Path=/", "d=4; Path=/dir", "a=5; Path=/"];
  assertEquals(sent(headers, A, A), "b=2; d=4; a=5; c=3");
});

Deno.test("CookieJar.setCookie() replaces by name, domain and path, and removes", () => {
  const jar = new CookieJar();
  assertEquals(jar.setCookie("k=1", A), true);
  assertEquals(jar.setCookie("k=2", A), true);
  assertEquals(jar.setCookie("k=3; Domain=example.org", A), true);
  assertEquals([jar.size, jar.filterCookies(A)], [2, "k=2; k=3"]);
  assertEquals(jar.setCookie("k=; Max-Age=0", A), true);
  assertEquals(jar.setCookie("k=; Max-Age=0", A), false);
  assertEquals(jar.filterCookies(A), "k=3");
});

Deno.test("CookieJar forgets cookies when their time is over", () => {
  let now = 1000;
  const jar = new CookieJar({ now: () => now });
  jar.setCookie("short=1; Max-Age=5", A);
  jar.setCookie("long=1; Max-Age=50", A);
  jar.setCookie("session=1", A);
  now += 5000;
  assertEquals([...jar].map(({ name }) => name), ["long", "session"]);
  assertEquals(jar.filterCookies(A), "long=1; session=1");
  assertEquals(jar.size, 2);
});

Deno.test("CookieJar lets no insecure origin replace what a secure one has set", () => {
  const jar = new CookieJar();
  jar.setCookie("k=secure; Secure; Path=/x", "https://a.org/");
  assertEquals(jar.setCookie("k=evil; Path=/x/y", "http://a.org/"), false);
  assertEquals(jar.setCookie("k=fine; Path=/", "http://a.org/"), true);
  assertEquals(jar.filterCookies("https://a.org/x/y"), "k=secure; k=fine");
});

Deno.test("CookieJar asks what is public, and what counts as secure", () => {
  const isPublicSuffix = (domain: string): boolean => ["uk", "co.uk"].includes(domain);
  const jar = new CookieJar({ isPublicSuffix, treatAsSecureOrigin: ["http://127.0.0.1:81/x"] });
  assertEquals(jar.setCookie("k=v; Domain=co.uk", "http://a.co.uk/"), false);
  assertEquals(jar.setCookie("k=v; Domain=a.co.uk", "http://a.co.uk/"), true);
  assertEquals(jar.setCookie("k=v; Domain=co.uk", "http://co.uk/"), true);
  assertEquals(jar.filterCookies("http://b.co.uk/"), "");
  assertEquals(jar.setCookie("k=v; Secure", "http://127.0.0.1:81/"), true);
  assertEquals(jar.filterCookies("http://127.0.0.1:81/"), "k=v");
  assertEquals(jar.filterCookies("http://127.0.0.1:82/"), "");
});

Deno.test("CookieJar keeps no more than its limits, and drops what was used longest ago", () => {
  const jar = new CookieJar();
  for (let i = 0; i < 200; i++) jar.setCookie(`k${i}=v; Path=/`, A);
  assertEquals(jar.size, 180);
  assert(!jar.filterCookies(A).includes("k19=") && jar.filterCookies(A).includes("k20="));
  for (let i = 0; i < 3100; i++) jar.setCookie("k=v", `http://h${i}.example.com/`);
  assertEquals(jar.size, 3000);
});

Deno.test("CookieJar can be cleared, saved and loaded", () => {
  const jar = new CookieJar();
  jar.updateCookies({ a: "1", b: "2" }, "http://x.org/");
  jar.setCookie("c=3; Domain=x.org; HttpOnly; SameSite=lax", "http://www.x.org/");
  jar.updateCookies({ d: "4" }, "http://y.org/");
  const saved = JSON.stringify(jar);
  jar.clear(({ name }) => name === "a");
  assertEquals(jar.filterCookies("http://x.org/"), "b=2; c=3");
  jar.clearDomain("x.org");
  assertEquals([jar.size, jar.filterCookies("http://y.org/")], [1, "d=4"]);
  jar.clear();
  assertEquals(jar.size, 0);
  jar.load(JSON.parse(saved));
  assertEquals(jar.filterCookies("http://x.org/"), "a=1; b=2; c=3");
  assertEquals([...jar].find(({ name }) => name === "c")!.sameSite, "Lax");
  assertThrows(() => jar.updateCookies({ "a": "x\ny" }, "http://x.org/"), RangeError);
});

const dates: [text: string, iso: string | null][] = [
  ["Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37.000Z"],
  ["Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37.000Z"],
  ["Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37.000Z"],
  ["6 nov 21 8:49:7", "2021-11-06T08:49:07.000Z"],
  ["1 Jan 69 00:00:00", "2069-01-01T00:00:00.000Z"],
  ["1 Jan 70 00:00:00", "1970-01-01T00:00:00.000Z"],
  ["29 Feb 2024 23:59:59", "2024-02-29T23:59:59.000Z"],
  ["29 Feb 2023 23:59:59", null],
  ["0 Jan 2023 00:00:00", null],
  ["1 Jan 1600 00:00:00", null],
  ["1 Jan 2023 24:00:00", null],
  ["1 Jan 2023 00:60:00", null],
  ["1 Foo 2023 00:00:00", null],
  ["1 Jan 2023", null],
  ["", null],
];

for (const [text, iso] of dates) {
  Deno.test(`parseCookieDate() gives ${iso} for "${text}"`, () => {
    const time = parseCookieDate(text);
    assertEquals(time === null ? null : new Date(time).toISOString(), iso);
  });
}

Deno.test("parseSetCookie() never throws, whatever it is given", () => {
  const alphabet = 'ab=; ,\t"%\x00\u00e9Max-Age0Domain.Path/Expires:';
  let state = 1;
  for (let i = 0; i < 5000; i++) {
    let text = "";
    for (let j = 0; j < 20; j++) {
      state = (state * 48271) % 2147483647;
      text += alphabet[state % alphabet.length];
    }
    parseSetCookie(text, 0);
    new CookieJar().setCookie(text, A);
  }
});

Deno.test("parseSetCookie() reads a header with many blanks in it", () => {
  // If each blank were tried as the first of those at the end, this would take minutes.
  const header = `a=1; x${" ".repeat(2 ** 20)}y; Path=/p`;
  assertEquals(parseSetCookie(header, 0)?.path, "/p");
});

// -- Sessions --

Deno.test("ClientSession keeps cookies and sends them with those of its request", async () => {
  await using site = serve((request) => {
    const { pathname } = new URL(request.url);
    const headers = new Headers();
    if (pathname === "/set") {
      headers.append("set-cookie", "a=1; Path=/");
      headers.append("set-cookie", "b=2; Path=/");
    }
    return new Response(request.headers.get("cookie") ?? "none", { headers });
  });
  await withSession({ baseUrl: site.url, cookies: { start: "0" } }, async (session) => {
    const get = async (path: string, cookies = {}): Promise<string> => {
      await using response = await session.get(path, { cookies });
      return await response.text();
    };
    assertEquals(await get("set"), "start=0");
    assertEquals(await get("a"), "start=0; a=1; b=2");
    assertEquals(await get("a", { b: "own", c: "3" }), "start=0; a=1; b=own; c=3");
    assertEquals(await get("a"), "start=0; a=1; b=2");
    assertEquals(session.cookieJar!.size, 3);
    await assertRejects(() => get("a", { "b c": "" }), RangeError, 'Cannot send cookie "b c"');
    await assertRejects(() => get("a", { b: "1; c=2" }), RangeError, 'Cannot send cookie "b"');
  });
  const cookies = { constructor: "kept", name: "日本" };
  await withSession({ baseUrl: site.url, cookies }, async (session) => {
    await using response = await session.get("a", { cookies: { own: "ä" } });
    const seen = parseCookies(headerText(await response.text()));
    assertEquals([...seen], [["constructor", "kept"], ["name", "日本"], ["own", "ä"]]);
  });
  const injecting = { baseUrl: site.url, cookies: { a: "1; Domain=b" } };
  assertThrows(() => new ClientSession(injecting), RangeError, 'Cannot send cookie "a"');
  await withSession({ baseUrl: site.url, cookieJar: null }, async (session) => {
    await using set = await session.get("set");
    await set.read();
    await using response = await session.get("a");
    assertEquals([session.cookieJar, await response.text()], [null, "none"]);
  });
});

Deno.test("parity: ClientSession sends each cookie once: its header is behind the jar, that behind cookies", async () => {
  await using site = serve((request) => {
    const headers = new Headers({ "set-cookie": "a=jar; Path=/x" });
    headers.append("set-cookie", "a=deep; Path=/x/y");
    return new Response(request.headers.get("cookie"), { headers });
  });
  const headers = { cookie: "a=header; b=header;c=header" };
  await withSession({ baseUrl: site.url, headers }, async (session) => {
    const get = async (path: string, cookies = {}): Promise<string> => {
      await using response = await session.get(path, { cookies });
      return await response.text();
    };
    assertEquals(await get("x/y"), "a=header; b=header;c=header");
    assertEquals(await get("x", { b: "own" }), "c=header; a=jar; b=own");
    assertEquals(await get("x/y/z"), "b=header; c=header; a=deep; a=jar");
    assertEquals(await get("x/y/z", { a: "own" }), "b=header; c=header; a=own");
  });
});
