"""A command server; prints its port. With a certificate and its key as arguments it speaks TLS."""

import asyncio
import ssl
import sys


def answer(line):
    command, *args = line.split()
    if command == "upper":
        return " ".join(args).upper()
    if command == "add":
        return str(sum(map(int, args)))
    if command == "big":
        return "x" * int(args[0])
    return f"unknown command {command}"


async def handle(reader, writer):
    while True:
        line = (await reader.readuntil(b"\r\n")).decode().strip()
        if line == "quit":
            break
        writer.write(f"{answer(line)}\r\n".encode())
        await writer.drain()
    writer.write(b"bye\r\n")
    writer.close()
    await writer.wait_closed()
    done.set()


async def main():
    global done
    done = asyncio.Event()
    context = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*sys.argv[1:])
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context, limit=2**20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await done.wait()
    server.close()


asyncio.run(asyncio.wait_for(main(), 20))
