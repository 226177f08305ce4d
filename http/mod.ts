/**
 * The web layer: applications that answer requests, and sessions that make them, with the web
 * platform's own `Request` and `Response`. What aiohttp is to asyncio.
 *
 * @example
 * ```ts
 * import { Application, runApp } from "@aio/asyncio/http";
 *
 * const app = new Application();
 * app.router.addGet("/", () => new Response("Hello, World!"));
 *
 * if (Deno.args.includes("--serve")) await runApp(app);
 * ```
 *
 * @module
 */

export * from "./access_log.ts";
export * from "./application.ts";
export type { FormValue, RequestData } from "./_client_body.ts";
export type { ClientLink, ContentDisposition } from "./_client_headers.ts";
export type { Chunks } from "./_client_streams.ts";
export type { ParamValue, QueryParams } from "./_client_url.ts";
export * from "./client.ts";
export * from "./client_auth.ts";
export * from "./client_connector.ts";
export * from "./client_cookies.ts";
export * from "./client_exceptions.ts";
export * from "./client_middlewares.ts";
export * from "./client_multipart.ts";
export * from "./client_once.ts";
export * from "./client_options.ts";
export { ClientRequest } from "./client_request.ts";
export type { ClientHandler, ClientMiddleware } from "./client_request.ts";
export * from "./client_response.ts";
export { ServerTimeoutError } from "./client_timeout.ts";
export type { ClientTimeout, TimeoutPhase } from "./client_timeout.ts";
export type {
  TraceChunkEvent,
  TraceConfig,
  TraceEvent,
  TraceExceptionEvent,
  TraceHeadersEvent,
  TraceRedirectEvent,
} from "./client_tracing.ts";
export { ClientWebSocketResponse } from "./client_websocket.ts";
export type {
  ClientWebSocketMessage,
  ReceiveOptions,
  WebSocketCloseOptions,
  WebSocketData,
} from "./client_websocket.ts";
export * from "./compression.ts";
export * from "./conditional.ts";
export * from "./cookies.ts";
export * from "./cors.ts";
export * from "./decompression.ts";
export * from "./event_source.ts";
export * from "./exceptions.ts";
export * from "./file_response.ts";
export * from "./multipart.ts";
export * from "./normalize_path.ts";
export * from "./request.ts";
export * from "./route.ts";
export * from "./route_table.ts";
export * from "./router.ts";
export * from "./run_app.ts";
export * from "./runner.ts";
export * from "./sessions.ts";
export * from "./stream_response.ts";
export * from "./test_utils.ts";
export * from "./validation.ts";
export { View } from "./view.ts";
export type { ViewClass, ViewMethods } from "./view.ts";
export * from "./websocket.ts";
