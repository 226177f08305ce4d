// deno-lint-ignore-file camelcase -- the names are those of the recording
/**
 * What CPython and aiohttp print and answer for the chapter's scripts: transcripts.json, as
 * transcripts.py records it, with types.
 *
 * @module
 */

import record from "./transcripts.json" with { type: "json" };

/** A script without a server. */
interface ScriptTranscript {
  stdout: string[];
}

/** The script that fetches URLs, and the sites that it fetched. */
interface FetchTranscript extends ScriptTranscript {
  /** The paths of the sites, the one that answers first in front. */
  answer_order: string[];
  sites: { path: string; content_type: string; body_base64: string }[];
}

/** An answer of a web application. */
export interface WebResponse {
  request: string;
  status: number;
  reason: string;
  content_type: string;
  content_length: string;
  allow: string | null;
  body: string;
}

/** A web application. */
export interface WebTranscript extends ScriptTranscript {
  files: Record<string, string>;
  exit_code_after_sigint: number;
  responses: WebResponse[];
}

/** What a client of a command server did, and how that ended. One character of a text is a byte. */
interface Ending {
  name: string;
  /** Whether the chapter's server misbehaves here, and ours differs on purpose. */
  repaired?: boolean;
  stdout: string[];
  ended_by_itself: boolean;
}

/** A client of a command server. */
export interface CommandCase extends Ending {
  send: string[];
  replies: string[];
  received: string;
  closed: boolean;
}

/** Two clients, a and b, in turns. */
export interface TwoConnections extends Ending {
  steps: { on: "a" | "b"; send?: string; leave?: boolean; received: string; closed: boolean }[];
}

/** A command server. */
interface CommandTranscript {
  cases: CommandCase[];
  two_connections: TwoConnections[];
}

interface Transcripts {
  scripts: {
    call_soon: ScriptTranscript;
    call_later: ScriptTranscript;
    partial: ScriptTranscript;
    coroutine: ScriptTranscript;
    run_until_complete: ScriptTranscript;
    create_task: ScriptTranscript;
    asyncio_url_fetch: FetchTranscript;
    simple_async_web_app: WebTranscript;
    static_page_server: { with_index_html: WebTranscript; without_index_html: WebTranscript };
    multiple_routes: WebTranscript;
    simple_async_server: CommandTranscript;
    simple_async_server_extended: CommandTranscript;
  };
  python_int: { cases: Record<string, string | null>; long: Record<string, string> };
  python_split: { cases: Record<string, string[]>; white_space: string[] };
}

export const transcripts: Transcripts = record as unknown as Transcripts;
