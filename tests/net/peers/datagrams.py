"""Sends datagrams to the port that is given, one after another, and prints the answers."""

import asyncio
import sys


class Client(asyncio.DatagramProtocol):
    def __init__(self):
        self.answers = asyncio.Queue()

    def datagram_received(self, data, addr):
        self.answers.put_nowait(data)


async def main():
    remote = ("127.0.0.1", int(sys.argv[1]))
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(Client, remote_addr=remote)
    # An empty datagram can't be sent before Python 3.13: a blank takes its place.
    for word in (b"one", b"two", b" "):
        transport.sendto(word)
        print((await client.answers.get()).decode().strip())
    transport.close()


asyncio.run(asyncio.wait_for(main(), 20))
