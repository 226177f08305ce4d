/**
 * Request bodies over HTTP/2 that break off.
 *
 * @module
 */

import http2 from "node:http2";
import {
  Application,
  readBytes,
  readChunks,
  readJson,
  readMultipart,
  readPost,
  readText,
  TestServer,
} from "@aio/asyncio/http";
import type { Handler } from "@aio/asyncio/http";
import { assertEquals } from "../_support/assert.ts";
import { makeCertificate } from "./_certificate.ts";
import { captureReports, test } from "./_support.ts";

const FORM = "application/x-www-form-urlencoded";
const PARTS = "multipart/form-data; boundary=b";

/** Functions that read a body, and what arrives before it breaks off, which looks complete. */
const READERS: Record<string, [read: (request: Request) => PromiseLike<unknown>, sent: string]> = {
  readBytes: [readBytes, "some"],
  readChunks: [(request) => Array.fromAsync(readChunks(request)), "some"],
  readText: [readText, "some"],
  readJson: [readJson, "12"],
  readPost: [readPost, "a=1"],
  readMultipart: [(request) => Array.fromAsync(readMultipart(request)), "--b\r\n"],
};

/** Begins an upload of 100 bytes, and sends some of them. */
async function upload(url: string, ca: string, path: string, sent: string) {
  const session = http2.connect(url, { ca });
  session.on("error", () => {}); // it is meant to break off
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-length": "100",
    "content-type": path.endsWith("Multipart") ? PARTS : FORM,
  });
  stream.on("error", () => {});
  await new Promise<void>((resolve) => stream.write(sent, () => resolve()));
  return { session, stream };
}

for (const how of ["its stream is reset", "its connection is closed"]) {
  test(`A body of HTTP/2 is not taken for a whole one when ${how}`, async () => {
    const { cert, key } = await makeCertificate();
    const app = new Application({ onDisconnect: "ignore" });
    let began = (): void => {};
    let ended = (_: string): void => {};
    for (const [name, [read]] of Object.entries(READERS)) {
      const handler: Handler = async (request) => {
        began();
        try {
          await read(request);
          ended("a whole body");
        } catch (error) {
          ended(String(error));
          throw error;
        }
        return new Response();
      };
      app.router.addPost(`/${name}`, handler);
    }
    using reports = captureReports();
    await using server = await TestServer.start(app, { cert, key, caCerts: [cert] });
    for (const [name, [, sent]] of Object.entries(READERS)) {
      const begin = Promise.withResolvers<void>();
      const end = Promise.withResolvers<string>();
      [began, ended] = [begin.resolve, end.resolve];
      const url = `https://127.0.0.1:${server.port}`;
      const { session, stream } = await upload(url, cert, `/${name}`, sent);
      await begin.promise;
      if (how === "its stream is reset") stream.close(http2.constants.NGHTTP2_CANCEL);
      const closed = new Promise((resolve) => session.once("close", resolve));
      if (how !== "its stream is reset") session.destroy();
      const message = (await end.promise).replace(/(Malformed).*/, "$1");
      assertEquals([name, message], [name, "HTTPBadRequest: 400: Malformed"]);
      session.destroy();
      await closed;
    }
    assertEquals(reports.messages, []);
  });
}

test("readText() takes the body that a middleware has put in place of another, of any size", async () => {
  await using app = new Application({
    middlewares: [(request, handler) => handler(new Request(request, { body: "short" }))],
  });
  app.router.addPost("/", async (request) => new Response(await readText(request)));
  const headers = { "content-length": "6" };
  const response = await app.request("/", { method: "POST", body: "longer", headers });
  assertEquals([response.status, await response.text()], [200, "short"]);
});
