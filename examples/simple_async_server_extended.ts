/**
 * The command server with more commands: `add <number>`, `multiply <number>`, `reset`, `shutdown`.
 *
 * Chapter: 实现的一个简单服务器, its extension. It builds on
 * `simple_async_server.ts`, which says what differs from the chapter's script.
 * Run: deno task example simple_async_server_extended [--host HOST] [--port PORT]
 * Permissions: net
 */

import { parseInteger } from "./_python_text.ts";
import { CommandServerProtocol, runServer } from "./simple_async_server.ts";

/** The longest product. Ever longer numbers would keep the server from serving other clients. */
const MAX_DIGITS = 64 * 1024;

class ExtendedProtocol extends CommandServerProtocol {
  protected override execute(command: string, words: string[]): string {
    switch (command) {
      case "add":
        return super.execute(command, words);
      case "multiply": {
        const number = parseInteger(words[0] ?? "");
        if (number === null) return "Invalid multiply command. Usage: multiply <number>\n";
        const product = this.total * number;
        const text = String(product);
        if (text.length > MAX_DIGITS) return `Number too large. It may have ${MAX_DIGITS} digits\n`;
        this.total = product;
        return `Current total after multiplication: ${text}\n`;
      }
      case "reset":
        this.total = 0n;
        return "Total has been reset to 0.\n";
      default:
        return "Unknown command. Available commands: add <number>, multiply <number>, reset, " +
          "shutdown\n";
    }
  }
}

await runServer(ExtendedProtocol);
