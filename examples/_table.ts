/**
 * The examples, in the order of the chapter: their names there, their permissions, and what a
 * client sends to those that are servers.
 *
 * @module
 */

/** A request, and what the answer must be. */
export interface Exchange {
  /** The path of a GET request, or a line for a command server. */
  send: string;
  /** The status, for a web server. */
  status?: number;
  /** A text that the answer must contain. */
  expect: string;
}

/** An example. */
export interface Example {
  /** The name of its file. */
  name: string;
  /** What the chapter calls it. */
  title: string;
  /** The permissions it needs when it is run with its own defaults. */
  permissions: string[];
  /** Its flags when all examples are run: on loopback, and without waiting twenty seconds. */
  flags?: string[];
  /** For a server: what is sent to it, as requests or as commands. */
  web?: Exchange[];
  commands?: Exchange[];
}

const LOCAL = ["--host", "127.0.0.1", "--port", "0"];

/** All examples. */
export const examples: Example[] = [
  { name: "call_soon", title: "1. 注册任务并执行循环", permissions: [] },
  {
    name: "call_later",
    title: "2. 延迟调用",
    permissions: [],
    flags: ["--virtual-clock"],
  },
  { name: "partial", title: "3. 偏函数 (Partial)", permissions: [], flags: ["--inspect"] },
  { name: "coroutine", title: "协程", permissions: [] },
  { name: "run_until_complete", title: "事件循环 (Event Loop)", permissions: [] },
  { name: "create_task", title: "任务 (Task)", permissions: [] },
  { name: "asyncio_url_fetch", title: "asyncio-url-fetch.py", permissions: ["net"] },
  {
    name: "simple_async_web_app",
    title: "simple-async-web-app",
    permissions: ["net"],
    flags: LOCAL,
    web: [
      { send: "/", status: 200, expect: "Hello, World!" },
      { send: "/nowhere", status: 404, expect: "404: Not Found" },
    ],
  },
  {
    name: "static_page_server",
    title: "static_page_server.py",
    permissions: ["net", "read"],
    flags: LOCAL,
    web: [{ send: "/", status: 200, expect: "你好，世界" }],
  },
  {
    name: "multiple_routes",
    title: "multiple_routes.py",
    permissions: ["net"],
    flags: LOCAL,
    web: [
      { send: "/", status: 200, expect: "This is the home page" },
      { send: "/about", status: 200, expect: "This is the about page" },
    ],
  },
  {
    name: "async_database_query",
    title: "async_database_query.py",
    permissions: ["net"],
    flags: [...LOCAL, "--embedded"],
    web: [{ send: "/db_query", status: 200, expect: "(1, 'Alice', 'alice@example.com')" }],
  },
  {
    name: "simple_async_server",
    title: "simple-async-server",
    permissions: ["net"],
    flags: LOCAL,
    commands: [
      { send: "add 5", expect: "Current total: 5" },
      {
        send: "add 99999999999999999999",
        expect: "Current total: 100000000000000000004",
      },
      { send: "add 1.5", expect: "Invalid add command. Usage: add <number>" },
      { send: "hello", expect: "Unknown command. Available commands: add <number>, shutdown" },
    ],
  },
  {
    name: "simple_async_server_extended",
    title: "simple-async-server, 拓展",
    permissions: ["net"],
    flags: LOCAL,
    commands: [
      { send: "add 6", expect: "Current total: 6" },
      { send: "multiply 7", expect: "Current total after multiplication: 42" },
      { send: "reset", expect: "Total has been reset to 0." },
    ],
  },
];

/** The file of an example. */
export function fileOf(example: Example): string {
  return decodeURIComponent(new URL(`${example.name}.ts`, import.meta.url).pathname);
}
