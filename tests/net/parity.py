"""Record what CPython's asyncio does with sockets and streams, for the parity tests of net/.

    python3.13 tests/net/parity.py > tests/net/parity.json

Each scenario logs strings; its log is the record. The numbers are those of
../shared/reference/cpython_behaviours.md. Everything happens on loopback, on free ports; nothing
here depends on how long anything takes.
"""

import asyncio
import json
import logging
import socket
import sys
from asyncio import StreamReader

SCENARIOS = {}
LIMIT = 16


def scenario(name):
    def register(body):
        SCENARIOS[name] = body
        return body

    return register


def described(error):
    if isinstance(error, asyncio.IncompleteReadError):
        return f"IncompleteReadError {error.partial.decode()!r} of {error.expected}"
    if isinstance(error, asyncio.LimitOverrunError):
        return f"LimitOverrunError at {error.consumed}: {error}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def log_reports(log):
    def handler(loop, context):
        log(context["message"], described(context["exception"]))

    asyncio.get_running_loop().set_exception_handler(handler)


async def outcome(log, label, awaitable):
    try:
        value = await awaitable
        log(label, repr(value.decode()) if isinstance(value, bytes) else repr(value))
    except (Exception, asyncio.CancelledError) as error:
        log(label, described(error))


def attempt(log, label, call):
    try:
        log(label, repr(call()))
    except Exception as error:
        log(label, described(error))


def fed(*chunks, limit=LIMIT, eof=True):
    reader = StreamReader(limit=limit)
    for chunk in chunks:
        reader.feed_data(chunk)
    if eof:
        reader.feed_eof()
    return reader


class Logging(asyncio.Protocol):
    def __init__(self, log, name):
        self.log, self.name = log, name
        self.lost = asyncio.get_running_loop().create_future()
        self.total = 0

    def connection_made(self, transport):
        self.transport = transport
        self.log(self.name, "made")

    def data_received(self, data):
        self.total += len(data)

    def eof_received(self):
        self.log(self.name, "eof")

    def connection_lost(self, exc):
        self.log(self.name, "lost", "None" if exc is None else type(exc).__name__)
        if not self.lost.done():
            self.lost.set_result(None)


class Silent(Logging):
    def __init__(self):
        super().__init__(lambda *words: None, "")


async def pair(server_protocol, client_protocol):
    """Connects two protocols; returns the server and the client's transport."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: server_protocol, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    transport, _ = await loop.create_connection(lambda: client_protocol, host, port)
    while not hasattr(server_protocol, "transport"):
        await asyncio.sleep(0)
    return server, transport


async def over(server, *protocols):
    for protocol in protocols:
        await protocol.lost
    server.close()
    await server.wait_closed()


@scenario("118 the protocol is told before create_connection returns")
async def order(log):
    class Greeting(Silent):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.write(b"hi")
            transport.close()

    class Client(Logging):
        def data_received(self, data):
            self.log("data", data.decode())

    server, client = Greeting(), Client(log, "client")
    listening, _ = await pair(server, client)
    log("returned")
    await over(listening, server, client)


@scenario("119 reading can be paused before any data, and twice")
async def paused(log):
    class Client(Logging):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.pause_reading()
            transport.pause_reading()

        def data_received(self, data):
            self.log("data", data.decode())

    server, client = Silent(), Client(log, "client")
    listening, transport = await pair(server, client)
    log("reading", transport.is_reading())
    server.transport.write(b"hi")
    server.transport.close()
    await server.lost
    for _ in range(5):
        await asyncio.sleep(0)
    log("resuming")
    transport.resume_reading()
    transport.resume_reading()
    log("reading", transport.is_reading())
    await over(listening, client)
    log("reading", transport.is_reading())


@scenario("120 close() sends what is buffered first")
async def close_flushes(log):
    server, client = Logging(log, "server"), Silent()
    listening, transport = await pair(server, client)
    transport.write(bytes(3_000_000))
    transport.close()
    transport.close()
    log("closing", transport.is_closing())
    await over(listening, client, server)
    log("got", server.total)


@scenario("121 abort() drops what is buffered")
async def abort_drops(log):
    server, client = Silent(), Logging(log, "client")
    listening, transport = await pair(server, client)
    server.transport.pause_reading()
    transport.write(bytes(30_000_000))
    transport.abort()
    transport.abort()
    log("buffered", transport.get_write_buffer_size(), "closing", transport.is_closing())
    await client.lost
    server.transport.resume_reading()
    await over(listening, server)
    log("complete", server.total == 30_000_000)


@scenario("122 writing after the end is warned of from the fifth time on")
async def write_lost(log):
    server, client = Silent(), Silent()
    listening, transport = await pair(server, client)
    transport.close()
    for i in range(8):
        transport.write(b"x")
    await over(listening, server, client)


@scenario("123 what can't be written")
async def write_wrong(log):
    server, client = Silent(), Silent()
    listening, transport = await pair(server, client)
    attempt(log, "empty", lambda: transport.write(b""))
    transport.write_eof()
    attempt(log, "after eof", lambda: transport.write(b"x"))
    transport.close()
    await over(listening, server, client)
    log("got", server.total)


@scenario("124 write_eof() comes after what is buffered")
async def write_eof(log):
    class Server(Logging):
        def eof_received(self):
            self.log("eof after", self.total)
            self.seen.set_result(None)
            return True

    server, client = Server(log, "server"), Silent()
    server.seen = asyncio.get_running_loop().create_future()
    listening, transport = await pair(server, client)
    log("can", transport.can_write_eof())
    transport.write(bytes(3_000_000))
    transport.write_eof()
    transport.write_eof()
    await server.seen
    transport.close()
    transport.write_eof()
    await client.lost
    server.transport.close()
    await over(listening, server)


@scenario("125 eof_received() decides whether the connection stays")
async def eof(log):
    for keeps in (False, True):

        class Server(Logging):
            def eof_received(self):
                self.log("eof")
                self.seen.set_result(None)
                return keeps

        server, client = Server(log, f"server that keeps: {keeps}"), Silent()
        server.seen = asyncio.get_running_loop().create_future()
        listening, transport = await pair(server, client)
        transport.write_eof()
        await server.seen
        log("closing", server.transport.is_closing())
        server.transport.close()
        await over(listening, server, client)


@scenario("126 an error in a protocol ends its connection")
async def failing(log):
    class DataFails(Logging):
        def data_received(self, data):
            raise ValueError("data")

    class EofFails(Logging):
        def eof_received(self):
            raise ValueError("eof")

    class BufferFails(asyncio.BufferedProtocol):
        def __init__(self, log, name):
            self.log = log
            self.lost = asyncio.get_running_loop().create_future()

        def connection_made(self, transport):
            self.transport = transport

        def get_buffer(self, sizehint):
            raise ValueError("buffer")

        def connection_lost(self, exc):
            self.log("lost", described(exc))
            self.lost.set_result(None)

    log_reports(log)
    for kind in (DataFails, EofFails, BufferFails):
        server, client = kind(log, "server"), Silent()
        listening, transport = await pair(server, client)
        transport.write(b"x")
        transport.write_eof()
        await server.lost
        transport.close()
        await over(listening, client)


@scenario("127 water marks")
async def marks(log):
    server, client = Silent(), Silent()
    listening, transport = await pair(server, client)
    log("default", *transport.get_write_buffer_limits())
    for high, low in ((100, None), (None, 100), (50, 20), (0, 0), (None, None)):
        transport.set_write_buffer_limits(high, low)
        log(f"{high} {low}", *transport.get_write_buffer_limits())
    attempt(log, "10 20", lambda: transport.set_write_buffer_limits(10, 20))
    attempt(log, "-1", lambda: transport.set_write_buffer_limits(-1))
    transport.close()
    await over(listening, server, client)


@scenario("128 an empty buffer is an error, and the kind of a protocol can change")
async def buffered(log):
    class Buffered(asyncio.BufferedProtocol):
        def __init__(self, size):
            self.buffer = bytearray(size)

        def get_buffer(self, sizehint):
            return self.buffer

        def buffer_updated(self, count):
            log("buffered", self.buffer[:count].decode())
            self.transport.set_protocol(self.next)
            self.transport.write(b"next")

        def connection_lost(self, exc):
            log("lost", described(exc))
            self.lost.set_result(None)

    class Plain(Logging):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.log("plain", data.decode())
            self.transport.set_protocol(self.next)
            self.transport.write(b"next")

    class Client(Silent):
        def data_received(self, data):
            self.words = self.words[1:]
            if self.words:
                self.transport.write(self.words[0])
            else:
                server.transport.set_protocol(empty)
                self.transport.write(b"nobody gets this")

    log_reports(log)
    server, client = Plain(log, "server"), Client()
    client.words = [b"one", b"two", b"three"]
    listening, transport = await pair(server, client)
    other, empty = Buffered(10), Buffered(0)
    other.transport = empty.transport = server.transport
    server.next, other.next = other, server
    empty.lost = server.lost
    transport.write(client.words[0])
    await over(listening, server, client)


@scenario("129 drain after the end")
async def drain(log):
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await outcome(log, "read", reader.read())
    writer.close()
    writer.write(b"x")
    await outcome(log, "drain", writer.drain())
    await outcome(log, "closed", writer.wait_closed())
    await outcome(log, "closed again", writer.wait_closed())
    server.close()


@scenario("130 readline over the limit")
async def readline(log):
    reader = fed(b"0123456789abcdefgh\nshort\n")
    await outcome(log, "long", reader.readline())
    await outcome(log, "next", reader.readline())
    reader = fed(b"0123456789abcdefgh", eof=False)
    await outcome(log, "endless", reader.readline())
    reader.feed_data(b"rest\nlast")
    reader.feed_eof()
    await outcome(log, "next", reader.readline())
    await outcome(log, "last", reader.readline())
    await outcome(log, "end", reader.readline())
    await outcome(log, "at the limit", fed(b"0123456789abcdef\n").readline())
    await outcome(log, "over it by one", fed(b"0123456789abcdefg\n").readline())


@scenario("131 readuntil")
async def readuntil(log):
    reader = fed(b"0123456789abcdefghAAAA")
    await outcome(log, "found, too long", reader.readuntil(b"AAA"))
    await outcome(log, "kept", reader.readexactly(19))
    reader = fed(b"0123456789abcdefghi")
    await outcome(log, "not found, too long", reader.readuntil(b"AAA"))
    await outcome(log, "kept", reader.read(100))
    reader = fed(b"one", b"A", b"A", b"Atwo", b"A", b"AB", b"AAA")
    await outcome(log, "across", reader.readuntil(b"AAA"))
    await outcome(log, "with a false start", reader.readuntil(b"AAA"))
    await outcome(log, "rest", reader.readuntil(b"AAA"))
    await outcome(log, "empty", fed(b"x").readuntil(b""))
    reader = fed(b"a\r\nb\nc\rd")
    for _ in range(4):
        await outcome(log, "several", reader.readuntil((b"\r\n", b"\n", b"\r")))
    await outcome(log, "shortest", fed(b"some dataEND").readuntil((b"END", b"ATAEND", b"D", b"aEND")))
    ending = fed(b"aaab", limit=1)
    await outcome(log, "ending together", ending.readuntil((b"aab", b"ab")))
    await outcome(log, "none", fed(b"x").readuntil(()))
    await outcome(log, "one of them empty", fed(b"x").readuntil((b"", b"x")))


@scenario("132 readexactly")
async def readexactly(log):
    await outcome(log, "over the limit", fed(b"0123456789abcdefghij").readexactly(20))
    await outcome(log, "zero", fed().readexactly(0))
    await outcome(log, "negative", fed(b"x").readexactly(-1))
    reader = fed(b"12345")
    await outcome(log, "too short", reader.readexactly(6))
    await outcome(log, "again", reader.readexactly(6))
    log("at eof", reader.at_eof())


@scenario("133 set_exception")
async def set_exception(log):
    reader = fed(b"data", eof=False)
    waiting = StreamReader()
    tasks = [asyncio.create_task(outcome(log, "waiting", waiting.read(10)))]
    await asyncio.sleep(0)
    for each in (reader, waiting):
        each.set_exception(ValueError("sticky"))
    await asyncio.gather(*tasks)
    for _ in range(2):
        await outcome(log, "read", reader.read(10))
    await outcome(log, "readline", reader.readline())
    await outcome(log, "readexactly", reader.readexactly(1))
    log("exception", described(reader.exception()))
    cancelled = StreamReader()
    task = asyncio.create_task(cancelled.read(1))
    await asyncio.sleep(0)
    task.cancel()
    await outcome(log, "cancelled", task)
    cancelled.set_exception(ValueError("later"))
    cancelled = fed(b"x")
    await outcome(log, "after that", cancelled.read(1))


@scenario("134 limits, and two who read")
async def limits(log):
    attempt(log, "zero", lambda: StreamReader(limit=0))
    attempt(log, "negative", lambda: StreamReader(limit=-1))
    reader = StreamReader()
    first = asyncio.create_task(outcome(log, "first", reader.read(10)))
    await asyncio.sleep(0)
    await outcome(log, "second", reader.read(10))
    await outcome(log, "second", reader.readline())
    await outcome(log, "second", reader.readexactly(3))
    reader.feed_data(b"data")
    await first
    await outcome(log, "zero bytes", fed(b"x").read(0))
    reader = fed(b"0123456789abcdefghijklmnopqrstuvwxyz")
    await outcome(log, "some", reader.read(5))
    await outcome(log, "all", reader.read())
    await outcome(log, "at the end", reader.read())


@scenario("129 a drain that is cancelled")
async def cancelled_drain(log):
    peer = Logging(lambda *_: None, "")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: peer, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    while not hasattr(peer, "transport"):
        await asyncio.sleep(0)
    peer.transport.pause_reading()
    writer.write(bytes(20_000_000))
    drains = [asyncio.create_task(writer.drain()) for _ in range(2)]
    await asyncio.sleep(0)
    drains[0].cancel()
    await outcome(log, "cancelled", drains[0])
    log("closing", writer.is_closing(), "other done", drains[1].done())
    peer.transport.resume_reading()
    await outcome(log, "other", drains[1])
    await outcome(log, "next", writer.drain())
    writer.close()
    await writer.wait_closed()
    await peer.lost
    log("received", peer.total)
    server.close()
    await server.wait_closed()


@scenario("135 wait_closed() with unread data")
async def unread(log):
    async def handle(reader, writer):
        writer.write(b"unread")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await outcome(log, "some", reader.readexactly(2))
    writer.close()
    await outcome(log, "closed", writer.wait_closed())
    await outcome(log, "rest", reader.read())
    log("at eof", reader.at_eof(), "closing", writer.is_closing())
    server.close()


@scenario("137 a client_connected_cb that fails, or is cancelled")
async def callback(log):
    async def handle(reader, writer):
        line = await reader.readline()
        if line == b"fail\n":
            raise ValueError("in the callback")
        asyncio.current_task().cancel()
        await asyncio.sleep(1)

    def handler(loop, context):
        log(context["message"], described(context["exception"]))
        log(*sorted(context))

    asyncio.get_running_loop().set_exception_handler(handler)
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    for line in (b"fail\n", b"cancel\n"):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(line)
        await outcome(log, line.decode().strip(), reader.read())
        writer.close()
        await writer.wait_closed()
    server.close()


@scenario("139 wait_closed() of a server waits for the last client")
async def wait_closed(log):
    server, client = Silent(), Silent()
    listening, transport = await pair(server, client)
    task = asyncio.create_task(listening.wait_closed())
    await asyncio.sleep(0)
    log("waits", not task.done())
    listening.close()
    log("sockets", len(listening.sockets), "serving", listening.is_serving())
    await asyncio.sleep(0)
    log("waits", not task.done())
    transport.close()
    await task
    log("closed", server.lost.done())
    await outcome(log, "again", listening.wait_closed())


@scenario("140 close_clients() and abort_clients()")
async def close_clients(log):
    for method in ("close_clients", "abort_clients"):
        server, client = Logging(log, "server"), Silent()
        listening, transport = await pair(server, client)
        listening.close()
        getattr(listening, method)()
        await listening.wait_closed()
        log("closing", server.transport.is_closing())
        await client.lost


@scenario("141 a closed server refuses")
async def refused(log):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    server.close()
    await server.wait_closed()
    try:
        await loop.create_connection(asyncio.Protocol, host, port)
    except ConnectionRefusedError:
        log("refused")
    log("closed twice", server.close())


class Collecting(Silent):
    def __init__(self):
        super().__init__()
        self.data = b""

    def data_received(self, data):
        self.data += data


@scenario("what was written before abort() is sent, if the system takes it")
async def written_and_aborted(log):
    server, client = Collecting(), Silent()
    listening, transport = await pair(server, client)
    transport.write(b"going ")
    transport.writelines([b"going ", b"gone"])
    transport.abort()
    await over(listening, client, server)
    log("got", server.data.decode())


@scenario("what a protocol writes before it fails is sent")
async def written_and_failed(log):
    class Server(Silent):
        def data_received(self, data):
            self.transport.write(b"can't do " + data)
            raise ValueError("it can't")

    log_reports(log)
    server, client = Server(), Collecting()
    listening, transport = await pair(server, client)
    transport.write(b"that")
    await over(listening, server, client)
    log("got", client.data.decode())


@scenario("what is written after close() is not sent")
async def written_after_close(log):
    server, client = Collecting(), Silent()
    listening, transport = await pair(server, client)
    transport.write(b"before")
    transport.close()
    transport.write(b" and after")
    await over(listening, client, server)
    log("got", server.data.decode())


@scenario("writelines() takes all or nothing")
async def all_or_nothing(log):
    server, client = Collecting(), Silent()
    listening, transport = await pair(server, client)
    try:
        transport.writelines([b"one", "two"])
    except TypeError:
        log("refused")
    transport.writelines(iter([b"three", b"", b"four"]))
    transport.write_eof()
    attempt(log, "after eof", lambda: transport.writelines([b"five"]))
    attempt(log, "nothing after eof", lambda: transport.writelines([]))
    transport.close()
    await over(listening, client, server)
    log("got", server.data.decode())


@scenario("a protocol that fails is named by the call, though it has set another")
async def fails_by_its_name(log):
    class Other(asyncio.BufferedProtocol):
        def connection_lost(self, exc):
            server.lost.set_result(None)

    class Server(Silent):
        def data_received(self, data):
            self.transport.set_protocol(Other())
            raise ValueError("data")

    log_reports(log)
    server, client = Server(), Silent()
    listening, transport = await pair(server, client)
    transport.write(b"x")
    await over(listening, server, client)


class Warnings(logging.Handler):
    def __init__(self, entries):
        super().__init__()
        self.entries = entries

    def emit(self, record):
        self.entries.append("warning: " + record.getMessage())


def observe(body):
    entries = []
    handler = Warnings(entries)
    logging.getLogger("asyncio").addHandler(handler)
    logging.getLogger("asyncio").propagate = False

    def log(*words):
        entries.append(" ".join(map(str, words)))

    asyncio.run(asyncio.wait_for(body(log), 20))
    logging.getLogger("asyncio").removeHandler(handler)
    return entries


if __name__ == "__main__":
    scenarios = {name: observe(body) for name, body in SCENARIOS.items()}
    version = ".".join(map(str, sys.version_info[:2]))
    json.dump({"python": version, "scenarios": scenarios}, sys.stdout, indent=2)
    sys.stdout.write("\n")
