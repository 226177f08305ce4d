/**
 * The types of files, as their names tell them: against what Python's `mimetypes` and the registry of
 * media types say.
 */

import { mediaTypeOf } from "../../http/_media_types.ts";
import { assertEquals } from "../_support/assert.ts";

const TYPES: Record<string, string> = {
  "/srv/index.html": "text/html; charset=utf-8",
  "/srv/app.mjs": "text/javascript; charset=utf-8",
  "/srv/app.js.map": "application/json",
  "/srv/captions.vtt": "text/vtt; charset=utf-8",
  "/srv/live.m3u8": "application/vnd.apple.mpegurl",
  "/srv/scene.glb": "model/gltf-binary",
  "/srv/sum.wasm": "application/wasm",
  "/srv/PHOTO.JPG": "image/jpeg",
  "C:\\srv\\photo.heic": "image/heic",
  "/srv/archive.tar.gz": "application/gzip",
  "/srv/unknown.constructor": "application/octet-stream",
  "/srv/README": "application/octet-stream",
  "/srv/v1.css/README": "application/octet-stream",
};

for (const [path, type] of Object.entries(TYPES)) {
  Deno.test(`mediaTypeOf() gives ${type} for ${path}`, () => {
    assertEquals(mediaTypeOf(path), type);
  });
}
