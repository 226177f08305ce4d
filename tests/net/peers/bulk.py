"""Sends and receives much, both at once, on a connection to the port that is given.

    python3 tests/net/peers/bulk.py PORT BYTES protocol|streams

What is sent is BYTES random bytes, in chunks of random sizes, and their CRC-32 as four more bytes.
Prints "received" if what it receives is the like.
"""

import asyncio
import os
import random
import sys
import zlib

PORT, SIZE, KIND = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
BLOCK = os.urandom(1_000_003)
LARGEST = 200_000


def chunks():
    left, crc = SIZE, 0
    while left:
        start = random.randrange(len(BLOCK))
        chunk = BLOCK[start : start + min(left, random.randint(1, LARGEST))]
        left -= len(chunk)
        crc = zlib.crc32(chunk, crc)
        yield chunk
    yield crc.to_bytes(4, "big")


class Check:
    def __init__(self):
        self.left, self.crc, self.end = SIZE, 0, b""

    def take(self, data):
        body = data[: self.left]
        self.left -= len(body)
        self.crc = zlib.crc32(body, self.crc)
        self.end += data[len(body) :]

    def is_over(self):
        return len(self.end) >= 4

    def report(self):
        assert self.end == self.crc.to_bytes(4, "big"), "the data is not what was sent"
        print("received")


class Bulk(asyncio.Protocol):
    def __init__(self):
        self.check, self.lost = Check(), asyncio.get_running_loop().create_future()
        self.chunks, self.paused = chunks(), False

    def connection_made(self, transport):
        self.transport = transport
        self.resume_writing()

    def pause_writing(self):
        self.paused = True

    def resume_writing(self):
        self.paused = False
        while not self.paused and (chunk := next(self.chunks, None)):
            self.transport.write(chunk)

    def data_received(self, data):
        self.check.take(data)
        if self.check.is_over():
            self.check.report()
            self.transport.close()

    def connection_lost(self, error):
        self.lost.set_result(error)


async def send(writer):
    for chunk in chunks():
        writer.write(chunk)
        await writer.drain()


async def receive(reader):
    check = Check()
    while not check.is_over():
        check.take(await reader.read(random.randint(1, LARGEST)))
    check.report()


async def main():
    if KIND == "protocol":
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(Bulk, "127.0.0.1", PORT)
        await protocol.lost
    else:
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        await asyncio.gather(send(writer), receive(reader))
        writer.close()
        await writer.wait_closed()


asyncio.run(main())
