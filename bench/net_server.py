"""The net benchmark's servers on asyncio and uvloop: they send back what they get.

    python3 bench/net_server.py asyncio|uvloop protocol|read|readexactly|readline SIZE

Prints the port.
"""

import asyncio
import sys

LOOP, KIND, SIZE = sys.argv[1], sys.argv[2], int(sys.argv[3])
LIMIT = 1024 * 1024


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


READS = {
    "read": lambda reader: reader.read(LIMIT),
    "readexactly": lambda reader: reader.readexactly(SIZE),
    "readline": lambda reader: reader.readline(),
}


async def echo(reader, writer):
    read = READS[KIND]
    try:
        while data := await read(reader):
            writer.write(data)
            await writer.drain()
    except asyncio.IncompleteReadError:
        pass  # the end, for readexactly()
    writer.close()


async def main():
    if KIND == "protocol":
        server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    else:
        server = await asyncio.start_server(echo, "127.0.0.1", 0, limit=LIMIT)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if LOOP == "uvloop":
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
asyncio.run(main())
