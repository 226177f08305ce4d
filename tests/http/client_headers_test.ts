/**
 * Headers of responses that ClientResponse parses: `Link`, `Content-Disposition`.
 *
 * @module
 */

import type { ClientLink, ClientResponse } from "@aio/asyncio/http";
import { assertEquals } from "../_support/assert.ts";
import { answer, RawSite, withSession } from "./_client_servers.ts";
import record from "./parity.json" with { type: "json" };

/** Runs `body` with responses that have these lines in their heads, sent in UTF-8. */
async function withHeads(
  heads: string[],
  body: (response: ClientResponse, index: number) => void,
): Promise<void> {
  await using site = new RawSite(async (conn, number) => {
    await conn.head();
    await conn.write(answer(`200 OK\r\n${heads[number - 1]}`));
  });
  await withSession({}, async (session) => {
    for (let i = 0; i < heads.length; i++) {
      await using response = await session.get(`${site.url}p/q`);
      body(response, i);
    }
  });
}

/** Returns the links of a response, without its own origin. */
function linksOf(response: ClientResponse): Record<string, Record<string, string>> {
  const { origin } = new URL(response.url);
  const plain = ({ url, parameters }: ClientLink): Record<string, string> => {
    return { ...Object.fromEntries(parameters), url: url.replace(origin, "") };
  };
  return Object.fromEntries(Array.from(response.links, ([rel, link]) => [rel, plain(link)]));
}

Deno.test("parity: ClientResponse.links are those that aiohttp finds", async () => {
  const { links } = record.headers;
  await withHeads(links.map(([header]) => `Link: ${header}`), (response, i) => {
    assertEquals([links[i]![0], linksOf(response)], links[i]);
  });
});

Deno.test("ClientResponse.links has what aiohttp does not understand", async () => {
  const next = (url: string): Record<string, Record<string, string>> => {
    return { next: { rel: "next", url } };
  };
  const cases: [lines: string, links: unknown][] = [
    ['Link: </a>; rel="next prev"', {
      next: { rel: "next prev", url: "/a" },
      prev: { rel: "next prev", url: "/a" },
    }],
    ["Link: <a> ; REL = NEXT", { next: { rel: "NEXT", url: "/p/a" } }],
    ["Link: <a>; rel=next\r\nLink: <b>; rel=last", {
      ...next("/p/a"),
      last: { rel: "last", url: "/p/b" },
    }],
    ["Link: <a>; rel=next, <b>; rel=next", next("/p/a")],
    ['Link: <a>; title="x, <c>; rel=y"; rel=next', {
      next: { title: "x, <c>; rel=y", rel: "next", url: "/p/a" },
    }],
    ["Link: <a>; title*=UTF-8''%e2%82%ac; rel=next", {
      next: { "title*": "€", rel: "next", url: "/p/a" },
    }],
    ["Link: <http://[>; rel=bad, <a>; rel=next", next("/p/a")],
    ["Link: <a; rel=bad, x, ,<b> junk; rel=bad,<a>; rel=next", next("/p/a")],
    ["Link: <a>, <b>; title=x, <c>; rel=", {}],
    ["X: y", {}],
  ];
  await withHeads(cases.map(([lines]) => lines), (response, i) => {
    assertEquals([cases[i]![0], linksOf(response)], cases[i]);
  });
});

Deno.test("parity: ClientResponse.contentDisposition is as aiohttp's", async () => {
  const { dispositions } = record.headers;
  const heads = dispositions.map(([header]) => `Content-Disposition: ${header}`);
  await withHeads(heads, ({ contentDisposition }, i) => {
    const { type, filename, parameters } = contentDisposition ??
      { type: null, filename: null, parameters: new Map<string, string>() };
    const found = [dispositions[i]![0], type, filename, Object.fromEntries(parameters)];
    assertEquals(found, dispositions[i]);
  });
});

Deno.test("ClientResponse.contentDisposition has what others write loosely", async () => {
  const cases: [line: string, filename: string | null | undefined][] = [
    ["X: y", undefined],
    ["Content-Disposition: attachment; filename=a b.txt ;", "a b.txt"],
    ['Content-Disposition: attachment; filename="a"; filename="b"', "a"],
    ["Content-Disposition: attachment; filename*=nothing''a; filename=b", "b"],
    ["Content-Disposition: attachment; filename*=utf-8''%e; filename=b", "b"],
    ["Content-Disposition: attachment; filename", ""],
    ['Content-Disposition: attachment; filename="a', undefined],
  ];
  await withHeads(cases.map(([line]) => line), ({ contentDisposition }, i) => {
    assertEquals([cases[i]![0], contentDisposition?.filename], cases[i]);
  });
});

Deno.test("ClientResponse.contentDisposition keeps letters of Latin-1", async () => {
  const head = answer('200 OK\r\nContent-Disposition: inline; filename="\xe9"');
  await using site = RawSite.saying(Uint8Array.from(head, (letter) => letter.charCodeAt(0)));
  await withSession({}, async (session) => {
    await using response = await session.get(site.url);
    assertEquals(response.contentDisposition?.filename, "é");
  });
});
