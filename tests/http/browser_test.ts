/**
 * A real browser: a page that fetches, posts forms, and talks server-sent events and WebSocket.
 *
 * It needs Chromium. The page reports what it has seen by a POST, so that nothing has to drive it.
 *
 * @module
 */

import {
  Application,
  cookies,
  EventSourceResponse,
  lastEventId,
  query,
  readJson,
  readPost,
  setCookie,
  StreamResponse,
  TestServer,
  WebSocketResponse,
} from "@aio/asyncio/http";
import { sleep } from "@aio/asyncio";
import { assertEquals } from "../_support/assert.ts";
import { captureReports, test } from "./_support.ts";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What the handlers record, besides answering. */
interface Notes {
  readonly report: PromiseWithResolvers<unknown>;
  readonly lastIds: (string | null)[];
  readonly closeCodes: (number | null)[];
  /** Resolved when the WebSocket that the page has left open is closed. */
  readonly left: PromiseWithResolvers<void>;
}

function application(notes: Notes): Application {
  const app = new Application();
  const { router } = app;
  router.addStatic("/page", new URL("browser/", import.meta.url));
  router.addGet("/json", (request) => Response.json({ name: query(request).get("name") }));
  router.addPost("/form", async (request) => {
    const found: unknown[] = [];
    for (const [key, value] of await readPost(request)) {
      found.push(typeof value === "string" ? [key, value] : [key, value.name, await value.text()]);
    }
    return Response.json(found);
  });
  router.addGet("/cookie", () => {
    const response = new Response("set");
    setCookie(response, "seen", "1");
    setCookie(response, "hidden", "2", { httpOnly: true });
    return response;
  });
  router.addGet("/cookies", (request) => Response.json([...cookies(request)]));
  router.addGet("/stream", async (request) => {
    const response = new StreamResponse({ headers: { "content-type": "text/plain" } });
    response.prepare(request);
    for (const piece of ["one ", "two ", "drei"]) {
      await response.write(piece);
      await sleep(0.001);
    }
    return response;
  });
  router.addGet("/events", async (request) => {
    const last = lastEventId(request);
    notes.lastIds.push(last);
    const events = new EventSourceResponse({ retry: 0.01 });
    events.prepare(request);
    for (let i = 1; i <= 3; i++) {
      const n = Number(last ?? 0) + i;
      await events.send(`event\n${n}`, { event: "count", id: `${n}` });
    }
    return events;
  });
  router.addGet("/ws", async (request) => await talk(request, notes));
  router.addPost("/report", async (request) => {
    notes.report.resolve(await readJson(request));
    return new Response(null, { status: 204 });
  });
  return app;
}

async function talk(request: Request, notes: Notes): Promise<Response> {
  const ws = new WebSocketResponse({ protocols: ["v1", "v2"] });
  await ws.prepare(request);
  for await (const message of ws) {
    if (message === "close") await ws.close({ code: 4001, reason: "tschüss" });
    else if (typeof message === "string") await ws.sendStr(message);
    else await ws.sendBytes(message);
  }
  notes.closeCodes.push(ws.closeCode);
  if (ws.protocol === null) notes.left.resolve();
  return ws;
}

/** Runs Chromium on a page until a promise is fulfilled, then ends it. */
async function browse<T>(url: string, waitedFor: Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "asyncio-chromium-" });
  const args = [...FLAGS, `--user-data-dir=${folder}`, url];
  try {
    const browser = new Deno.Command("chromium", {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const errors = new Response(browser.stderr).text();
    const gone = browser.status.then(async ({ code }): Promise<never> => {
      throw new Error(`Chromium ended with ${code}: ${await errors}`);
    });
    try {
      return await Promise.race([waitedFor, gone]);
    } finally {
      gone.catch(() => {}); // it was told to end
      browser.kill("SIGTERM");
      await Promise.all([browser.status, errors]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

test("A page in Chromium fetches, posts forms, and talks events and WebSocket", async () => {
  using reports = captureReports();
  const notes: Notes = {
    report: Promise.withResolvers(),
    lastIds: [],
    closeCodes: [],
    left: Promise.withResolvers(),
  };
  await using server = await TestServer.start(application(notes));
  const found = await browse(server.url("/page/"), notes.report.promise);
  assertEquals(found, {
    json: [200, { name: "Jürgen" }],
    missing: 404,
    form: [[["field", "ü & ü"], ["file", "ü.txt", "a\r\nb"]], [["a", "1 & 2"]]],
    cookies: ["seen=1", [["seen", "1"], ["hidden", "2"]]],
    cached: [200, true, 206, "Asks"],
    stream: "one two drei",
    events: [1, 2, 3, 4, 5, 6].map((n) => [`event\n${n}`, `${n}`]),
    webSocket: ["v2", "héllo", [0, 255], 4001, "tschüss", true],
    leftOpen: "open",
  });
  // Chromium has reconnected once, and named the last event it had.
  assertEquals(notes.lastIds, [null, "3"]);
  await notes.left.promise;
  assertEquals(notes.closeCodes[0], 4001);
  assertEquals(reports.messages, []);
});
