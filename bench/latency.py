"""The latency benchmark's other side: the network on asyncio or uvloop, which have no timers but theirs.

    python3 bench/latency.py asyncio|uvloop COUNT

A chain of callbacks keeps the loop busy. Prints one JSON object, name to milliseconds.
"""

import asyncio
import json
import os
import sys

LOOP, COUNT = sys.argv[1], sys.argv[2]
PING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "latency.ts")


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


def summary(name, values):
    values.sort()

    def at(part):
        return values[int((len(values) - 1) * part)]

    return {f"{name}_median": at(0.5), f"{name}_99_percent": at(0.99), f"{name}_maximum": at(1)}


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    port = str(server.sockets[0].getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        "deno", "run", "--allow-net=127.0.0.1", PING, "ping", port, COUNT, stdout=asyncio.subprocess.PIPE
    )
    pinging = asyncio.create_task(process.communicate())

    def step():
        if not pinging.done():
            loop.call_soon(step)

    step()
    output, _ = await pinging
    server.close()
    print(json.dumps(summary("socket", json.loads(output))))


if LOOP == "uvloop":
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
asyncio.run(main())
