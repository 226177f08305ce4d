/**
 * Several URLs at once: the first hundred characters of each page, in the order of the URLs.
 *
 * Chapter: demo 实践, `asyncio-url-fetch.py`. The chapter's script ends at the first URL that
 * can't be reached, and loses the other pages; here each failure gets its own line.
 * Run: deno task example asyncio_url_fetch [URL …]
 * Permissions: net
 */

import { gather, run } from "@aio/asyncio";
import { ClientSession } from "@aio/asyncio/http";

const CHAPTER_URLS = [
  "https://www.baidu.com/",
  "https://www.qq.com/",
  "https://www.sina.com.cn/",
  "https://www.163.com/",
];

async function fetchPage(session: ClientSession, url: string): Promise<string> {
  await using response = await session.get(url);
  return await response.text();
}

async function main(urls: string[]): Promise<void> {
  await using session = new ClientSession();
  const pages = urls.map((url) => () => fetchPage(session, url));
  for (const page of await gather(pages, { returnExceptions: true })) {
    // With returnExceptions, a failed fetch is an error among the results.
    if (page instanceof Error) console.log(page.message);
    else console.log([...page].slice(0, 100).join(""));
  }
}

await run(() => main(Deno.args.length > 0 ? Deno.args : CHAPTER_URLS));
