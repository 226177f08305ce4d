/**
 * Foreign peers: Python's asyncio, `openssl`, `nc`, `curl`.
 *
 * @module
 */

import { IncompleteReadError, openConnection, startServer } from "@aio/asyncio";
import type { StartServerOptions, StreamReader, StreamWriter } from "@aio/asyncio";
import { assert, assertEquals, assertStringIncludes } from "../_support/assert.ts";
import { addressOf, bytes, certificates, netTest, output, python, text } from "./_helpers.ts";

const { ca, folder } = await certificates();
const ssl = {
  cert: await Deno.readTextFile(`${folder}/cert.pem`),
  key: await Deno.readTextFile(`${folder}/key.pem`),
};

const TRANSCRIPT = ["HELLO", "42", "unknown command nonsense", "300000 bytes", "'bye\\r\\n'"];

function answer(line: string): string {
  const [command, ...args] = line.split(" ");
  if (command === "upper") return args.join(" ").toUpperCase();
  if (command === "add") return String(args.reduce((sum, arg) => sum + Number(arg), 0));
  if (command === "big") return "x".repeat(Number(args[0]));
  return `unknown command ${command}`;
}

const CRLF = bytes("\r\n");

/** The twin of peers/server.py. */
async function serveCommands(reader: StreamReader, writer: StreamWriter): Promise<void> {
  await using _ = writer;
  try {
    for (;;) {
      const line = text(await reader.readuntil(CRLF)).trim();
      if (line === "quit") break;
      writer.write(bytes(`${answer(line)}\r\n`));
      await writer.drain();
    }
    writer.write(bytes("bye\r\n"));
  } catch (error) {
    if (!(error instanceof IncompleteReadError)) throw error;
  }
}

/** The twin of peers/client.py. */
async function talk(reader: StreamReader, writer: StreamWriter): Promise<string[]> {
  await using _ = writer;
  const lines: string[] = [];
  for (const command of ["upper hello", "add 2 40", "nonsense", "big 300000"]) {
    writer.write(bytes(`${command}\r\n`));
    await writer.drain();
    const line = text(await reader.readuntil(CRLF)).trim();
    lines.push(line.length < 100 ? line : `${line.length} bytes`);
  }
  writer.write(bytes("quit\r\n"));
  lines.push(`'${text(await reader.read()).replace("\r\n", "\\r\\n")}'`);
  return lines;
}

for (
  const [kind, options, args] of [
    ["", {}, []],
    [" by TLS", { ssl }, [`${folder}/ca.pem`]],
  ] as const
) {
  netTest(`Python's asyncio talks to our server${kind}`, async () => {
    // Python's client may receive a longer line: the limit is the reader's.
    const settings: StartServerOptions = options;
    await using server = await startServer(serveCommands, "127.0.0.1", 0, settings);
    const client = new URL("peers/client.py", import.meta.url).pathname;
    const [, port] = addressOf(server);
    // Its default limit is 64 KiB: the long line needs a larger one.
    const program = (await Deno.readTextFile(client)).replace(
      "ssl=context",
      "ssl=context, limit=2**20",
    );
    const printed = await output("python3", ["-c", program, String(port), ...args]);
    assertEquals(printed.trim().split("\n"), TRANSCRIPT);
  });
}

for (
  const [kind, options, args] of [
    ["", {}, []],
    [" by TLS", { ssl: { caCerts: [ca] } }, [`${folder}/cert.pem`, `${folder}/key.pem`]],
  ] as const
) {
  netTest(`our client talks to Python's asyncio${kind}`, async () => {
    const path = new URL("peers/server.py", import.meta.url).pathname;
    const command = new Deno.Command("python3", { args: [path, ...args], stdout: "piped" });
    await using child = command.spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const port = Number((await lines.read()).value);
    const connection = { ...options, limit: 2 ** 20 };
    assertEquals(await talk(...await openConnection("localhost", port, connection)), TRANSCRIPT);
    while (!(await lines.read()).done);
    assertEquals((await child.status).code, 0);
  });
}

netTest("our client and our server have the same transcript", async () => {
  await using server = await startServer(serveCommands, "127.0.0.1", 0);
  const streams = await openConnection(...addressOf(server), { limit: 2 ** 20 });
  assertEquals(await talk(...streams), TRANSCRIPT);
});

netTest("nc talks to our server, and sees its end", async () => {
  await using server = await startServer(serveCommands, "127.0.0.1", 0);
  const [host, port] = addressOf(server);
  const printed = await output("nc", ["-N", host, String(port)], bytes("upper nc\r\nquit\r\n"));
  assertEquals(printed, "NC\r\nbye\r\n");
});

netTest("openssl s_client talks to our server", async () => {
  await using server = await startServer(serveCommands, "127.0.0.1", 0, {
    ssl: { ...ssl, alpnProtocols: ["command"] },
  });
  const [host, port] = addressOf(server);
  const options = `-connect ${host}:${port} -servername localhost -CAfile ${folder}/ca.pem ` +
    "-verify_return_error -verify_hostname localhost -alpn command -ign_eof";
  const input = bytes("upper openssl\r\nquit\r\n");
  const printed = await output("openssl", ["s_client", ...options.split(" ")], input);
  assertStringIncludes(printed, "OPENSSL\r\nbye\r\n");
  assertStringIncludes(printed, "Verification: OK");
  assertStringIncludes(printed, "ALPN protocol: command");
});

netTest("our client talks to openssl s_server", async () => {
  const options =
    `-accept 127.0.0.1:0 -cert ${folder}/cert.pem -key ${folder}/key.pem -rev -naccept 1`;
  const command = new Deno.Command("openssl", {
    args: ["s_server", ...options.split(" ")],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  });
  await using child = command.spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let banner = "";
  while (!/ACCEPT \S+:\d+\n/.test(banner)) banner += (await lines.read()).value;
  const port = Number(/ACCEPT \S+:(\d+)\n/.exec(banner)![1]);
  const [reader, writer] = await openConnection("localhost", port, { ssl: { caCerts: [ca] } });
  writer.write(bytes("reversed\n"));
  assertEquals(text(await reader.readline()), "desrever\n");
  writer.close();
  await writer.waitClosed();
  while (!(await lines.read()).done);
  await child.status;
});

netTest("curl talks to a server of the web that is written by hand", async () => {
  const requests: string[] = [];
  await using server = await startServer(
    async (reader, writer) => {
      await using _ = writer;
      const head = text(await reader.readuntil(bytes("\r\n\r\n")));
      const length = Number(/content-length: (\d+)/i.exec(head)![1]);
      requests.push(head.slice(0, head.indexOf("\r\n")));
      const body = await reader.readexactly(length);
      writer.writelines([bytes(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`), body]);
      await writer.drain();
    },
    "127.0.0.1",
    0,
    { ssl },
  );
  const url = `https://localhost:${addressOf(server)[1]}/path`;
  const body = "x".repeat(500_000);
  const options = ["-s", "--cacert", `${folder}/ca.pem`, "--noproxy", "*", "--data-binary", "@-"];
  const printed = await output("curl", [...options, "-H", "Expect:", url], bytes(body));
  assert(printed === body);
  assertEquals(requests, ["POST /path HTTP/1.1"]);
});

netTest("Python's asyncio talks to our server byte by byte", async () => {
  await using server = await startServer(
    async (reader, writer) => {
      await using _ = writer;
      writer.write(await reader.readline());
    },
    "127.0.0.1",
    0,
  );
  assertEquals(await python("rude", String(addressOf(server)[1]), "byte by byte", "3"), "done\n");
});
