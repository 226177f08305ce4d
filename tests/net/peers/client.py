"""Talks to the command server on the port that is given, and prints what it answers.

With a certificate of an authority as the second argument it talks by TLS.
"""

import asyncio
import ssl
import sys


async def main():
    context = ssl.create_default_context(cafile=sys.argv[2]) if len(sys.argv) > 2 else None
    reader, writer = await asyncio.open_connection("localhost", int(sys.argv[1]), ssl=context)
    for command in ("upper hello", "add 2 40", "nonsense", "big 300000"):
        writer.write(f"{command}\r\n".encode())
        await writer.drain()
        line = (await reader.readuntil(b"\r\n")).decode().strip()
        print(line if len(line) < 100 else f"{len(line)} bytes")
    writer.write(b"quit\r\n")
    print(repr((await reader.read()).decode()))
    writer.close()
    await writer.wait_closed()


asyncio.run(asyncio.wait_for(main(), 20))
