"""Record what the chapter's scripts print and answer on CPython, for the example tests to compare.

    python3 tests/examples/transcripts.py CHAPTER.md

reads the chapter's Python blocks, runs each as a process of its own, and writes transcripts.json
beside this file. A copy of a script may differ from the chapter in its delays, its ports and its
URLs; the "normalised" key of the output says what else is made equal. Needs aiohttp (web scripts).
Not recorded: async_database_query, which needs a MySQL server.
"""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp

OUTPUT = pathlib.Path(__file__).with_name("transcripts.json")
PATIENCE = 20  # seconds: the longest wait for any one child or reply

# The chapter's blocks, in their order.
NAMES = [
    "call_soon",
    "call_later",
    "partial",
    "coroutine",
    "run_until_complete",
    "create_task",
    "asyncio_url_fetch",
    "simple_async_web_app",
    "static_page_server",
    "multiple_routes",
    "async_database_query",
    "simple_async_server",
    "simple_async_server_extended",
]

NORMALISED = {
    "when=<number>": "when=\u2026",
    " at <file>:<line>": "dropped (kept as ' at <file>:<line>' under call_later_print)",
    "0x<address>": "0x\u2026",
    "the client's port in a peer name": "<port>",
    "the port a command server listens on": "8888, the chapter's",
    "the port a web application listens on": "8080, aiohttp's default",
}

REPAIRED = [
    'a case with "repaired": true: the chapter\'s server dies, loses or cuts a command there',
    "exit_code and last_line_of_stderr after a shutdown: the chapter's server ends in a traceback",
    "after a shutdown another connection is cut off, and its connection_lost is never called",
]


def normalise(text):
    text = re.sub(r"\bwhen=[\d.]+", "when=\u2026", text)
    text = re.sub(r" at \S+:\d+", "", text)
    return re.sub(r"\b0x[0-9a-f]+", "0x\u2026", text)


# ---- The chapter and its scripts


def read_scripts(chapter):
    blocks = re.findall(r"^```python\n(.*?)^```", chapter.read_text("utf-8"), re.M | re.S)
    if len(blocks) != len(NAMES):
        raise SystemExit(f"expected {len(NAMES)} python blocks in the chapter, found {len(blocks)}")
    scripts = dict(zip(NAMES, blocks))
    # Two blocks are fragments: they need pieces of their neighbours.
    definition = scripts["coroutine"]
    scripts["coroutine"] = f"import asyncio\n{definition}\nasyncio.run(my_coroutine())\n"
    scripts["run_until_complete"] = definition + scripts["run_until_complete"]
    return scripts


def replaced(source, *pairs):
    for old, new in pairs:
        if old not in source:
            raise SystemExit(f"the chapter no longer says {old!r}")
        source = source.replace(old, new)
    return source


@contextlib.contextmanager
def running(source, files=None):
    """A script as a child process in an empty directory of its own; killed at the end."""
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        for name, text in (files or {}).items():
            (directory / name).write_text(text, "utf-8")
        (directory / "script.py").write_text(source, "utf-8")
        child = subprocess.Popen(
            [sys.executable, "-u", "-X", "utf8", "-W", "ignore", "script.py"],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="backslashreplace",
        )
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()
                child.communicate()


def run_to_end(source):
    with running(source) as child:
        out, err = child.communicate(timeout=PATIENCE)
    if child.returncode != 0:
        raise SystemExit(f"a script failed:\n{err}")
    return out


def record_script(source):
    return {"stdout": normalise(run_to_end(source)).splitlines()}


def call_later_print(source):
    """The two lines that `print(loop.call_later(...))` writes, with their places in the chapter."""
    lines = run_to_end(source).splitlines()[:2]
    lines = [re.sub(r"\bwhen=[\d.]+", "when=\u2026", line) for line in lines]
    return [re.sub(r" at \S+:(\d+)", r" at <file>:\1", line) for line in lines]


# ---- asyncio_url_fetch

# 100 characters are code points in Python: the first body has some beyond U+FFFF within its
# first 100. The last is not UTF-8: the client must obey the charset that the site declares.
SITES = [
    ("/one", "utf-8", "<!DOCTYPE html><title>\U0001f40d\U0001f995</title>" + "0123456789" * 12),
    ("/two", "utf-8", "<html>\n  <p>line by line</p>\n" + "abcdefghij\n" * 12),
    ("/three", "utf-8", "<p>" + "\u5f02\u6b65\u4e8b\u4ef6\u5faa\u73af" * 30 + "</p>"),
    ("/four", "gbk", "<p>" + "\u7f51\u6613\u9996\u9875" * 40 + "</p>"),
]
CHAPTER_URLS = [
    "https://www.baidu.com/",
    "https://www.qq.com/",
    "https://www.sina.com.cn/",
    "https://www.163.com/",
]


def record_url_fetch(source):
    """The sites answer last one first, which needs all four requests at once."""
    answered = {path: threading.Event() for path, _, _ in SITES}
    paths = list(answered)

    class Site(BaseHTTPRequestHandler):
        def do_GET(self):
            path, charset, body = next(site for site in SITES if site[0] == self.path)
            if path != paths[-1]:
                answered[paths[paths.index(path) + 1]].wait(PATIENCE)
            self.send_response(200)
            self.send_header("Content-Type", f"text/html; charset={charset}")
            self.send_header("Content-Length", str(len(body.encode(charset))))
            self.end_headers()
            self.wfile.write(body.encode(charset))
            answered[path].set()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    try:
        out = run_to_end(replaced(source, *zip(CHAPTER_URLS, (base + path for path in paths))))
    finally:
        server.shutdown()
        server.server_close()
    return {
        "answer_order": paths[::-1],
        "sites": [
            {
                "path": path,
                "content_type": f"text/html; charset={charset}",
                "body": body,
                "body_base64": base64.b64encode(body.encode(charset)).decode("ascii"),
            }
            for path, charset, body in SITES
        ],
        "stdout": out.removesuffix("\n").split("\n"),
    }


# ---- The web applications

REQUESTS = [
    ("GET", "/"),
    ("GET", "/about"),
    ("GET", "/nope"),
    ("HEAD", "/"),
    ("POST", "/"),
    ("GET", "/?query=1"),
    ("GET", "/about/"),
    ("HEAD", "/nope"),
    ("OPTIONS", "/"),
]
INDEX_HTML = "<!DOCTYPE html>\n<title>\u9996\u9875</title>\n<p>Hello from index.html</p>\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_listening(port, child):
    deadline = time.monotonic() + PATIENCE
    while child.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            return socket.create_connection(("127.0.0.1", port), PATIENCE).close()
        time.sleep(0.02)
    raise SystemExit("no web application came up")


def ask(port, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, path)
        response = connection.getresponse()
        body = response.read()
    return {
        "request": f"{method} {path}",
        "status": response.status,
        "reason": response.reason,
        "content_type": response.getheader("Content-Type"),
        "content_length": response.getheader("Content-Length"),
        "allow": response.getheader("Allow"),
        "body": body.decode("utf-8"),
    }


def record_web(source, files=None):
    port = free_port()
    source = replaced(source, ("web.run_app(app)", f"web.run_app(app, port={port})"))
    with running(source, files) as child:
        wait_until_listening(port, child)
        responses = [ask(port, method, path) for method, path in REQUESTS]
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=PATIENCE)
    return {
        "files": files or {},
        "stdout": normalise(out).replace(str(port), "8080").splitlines(),
        "exit_code_after_sigint": child.returncode,
        "responses": responses,
    }


# ---- The command servers


def case(name, *segments, repaired=False):
    return name, segments, repaired


def lines(*commands):
    """A case of whole lines, one a segment."""
    return case(" | ".join(commands), *(f"{command}\n" for command in commands))


def repaired(name, *segments):
    """A case where the chapter's server misbehaves and ours, on purpose, differs."""
    return case(name, *segments, repaired=True)


NINES = "9" * 4300  # as many digits as int() and str() of CPython convert

CASES = [
    lines("add 5"),
    lines("add 5", "add -3"),
    lines("add 5", "add -3", "add 0", "add -10"),
    lines("add 99999999999999999999"),
    lines("add 9007199254740993", "add -99999999999999999999"),
    lines("add +7"),
    lines("add 007"),
    lines("add -0"),
    lines("add 1_000"),
    lines("add 1__000"),
    lines("add  12  "),
    lines("  add 5"),
    case("add\\t5", "add\t5\n"),
    case("add 5\\r\\n", "add 5\r\n"),
    case("add\\x1c5 (a separator is white space)", "add\x1c5\n"),
    case("add\\xa05 (a no-break space is white space)", "add\u00a05\n"),
    case("add\\u200b5 (a zero-width space is not)", "add\u200b5\n"),
    case("add 5\\0", "add 5\0\n"),
    lines("add 5 6"),
    lines("add"),
    lines("add x"),
    lines("add 5abc"),
    lines("add 1.5"),
    lines("add 1e3"),
    lines("add 0x10"),
    lines("add - 5"),
    lines("add --5"),
    lines("add \u0663"),  # an Arabic-Indic three
    lines("add \uff11\uff12"),  # full-width one two
    lines("add \u00b2"),  # superscript two: a digit, but not a decimal one
    lines("add \u22125"),  # a minus sign that is not "-"
    case("add <4301 digits>", f"add {NINES}9\n"),
    lines("foo"),
    lines("foo bar"),
    lines("ADD 5"),
    lines("Shutdown"),
    lines("multiply"),
    lines("multiply x"),
    lines("multiply 3"),
    lines("reset"),
    lines("reset 5"),
    lines("add 5", "foo", "add", "add x", "add 2"),
    lines("add 4", "multiply 3", "multiply -2", "add 1"),
    lines("add 4", "multiply x", "multiply", "multiply 0", "add 1"),
    lines("add 4", "reset", "add 1", "reset", "multiply 9"),
    lines("shutdown"),
    lines("shutdown now"),
    lines("add 5", "shutdown"),
    case("the client leaves at once"),
    repaired("a blank line", "\n"),
    repaired("a line of spaces", "   \n"),
    repaired("a blank line between commands", "add 5\n", "\n", "add 3\n"),
    repaired("two commands in one segment", "add 5\nadd 3\n"),
    repaired("three commands in one segment, the last one shutdown", "add 5\nfoo\nshutdown\n"),
    repaired("a command over two segments", "ad", "d 5\n"),
    repaired("a number over two segments", "add 1", "2\n"),
    repaired("a command without its newline", "add 5"),
    repaired("bad UTF-8", b"add \xff\n"),
    repaired("bad UTF-8 after a good command", "add 5\n", b"\xc3\x28\n", "add 3\n"),
    repaired("a total too long to print", f"add {NINES}\n", "add 1\n", "add -1\n"),
]

# Steps on connections a and b; WAIT: it sends nothing and waits for a line or the end.
LEAVE = None
WAIT = ""
TWO_CONNECTIONS = {
    "separate totals": [
        ("a", "add 5\n"),
        ("b", "add 100\n"),
        ("a", "add 1\n"),
        ("b", "add -1\n"),
        ("a", LEAVE),
        ("b", "add 1\n"),
    ],
    "one's bad line leaves the other alone": [
        ("a", "add 5\n"),
        ("b", "\n"),
        ("a", "add 1\n"),
    ],
    "shutdown by one closes the other": [
        ("a", "add 5\n"),
        ("b", "shutdown\n"),
        ("a", WAIT),
    ],
}


class Client:
    """A connection that knows whether the server has closed it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.closed = False

    def exchange(self, segment):
        """Sends a segment and returns the one line, or the nothing, that it is answered with."""
        received = b""
        try:
            if not self.closed:
                self.socket.sendall(segment)
            while not (self.closed or received.endswith(b"\n")):
                chunk = self.socket.recv(1 << 16)
                self.closed = not chunk
                received += chunk
        except ConnectionError:
            self.closed = True
        return received.decode("latin-1")

    def leave(self):
        """Says that it sends no more, and returns what still comes until the server closes."""
        received = b""
        with self.socket, contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
            while chunk := self.socket.recv(1 << 16):
                received += chunk
        return received.decode("latin-1")


@contextlib.contextmanager
def command_server(source):
    """Yields its port and what it printed and ended with, filled in once the block is over."""
    ending = {}
    with running(replaced(source, ("8888", "0"))) as child:
        first = child.stdout.readline()
        port = int(re.search(r"\d+(?=\)$)", first.strip())[0])
        yield port, ending
        stopped = ending.pop("shutdown")
        if stopped:
            child.wait(PATIENCE)
        else:
            child.kill()  # it has nothing left to say: every client saw its connection closed
        out, err = child.communicate(timeout=PATIENCE)
    out = first.replace(str(port), "8888") + out
    ending["stdout"] = re.sub(r"(Connection from .*, )\d+\)", r"\1<port>)", out).splitlines()
    ending["ended_by_itself"] = stopped
    if stopped:
        ending["exit_code"] = child.returncode
        ending["last_line_of_stderr"] = err.strip().split("\n")[-1]
    else:
        # The last line of each traceback begins with the exception's name.
        ending["protocol_errors"] = [
            traceback.strip().split("\n")[-1].split(":")[0]
            for traceback in err.split("Traceback")[1:]
        ]


def as_bytes(segment):
    return segment if isinstance(segment, bytes) else segment.encode("utf-8")


def record_case(source, name, segments, is_repaired):
    segments = [as_bytes(segment) for segment in segments]
    with command_server(source) as (port, ending):
        client = Client(port)
        replies = [client.exchange(segment) for segment in segments]
        closed = client.closed
        rest = client.leave()
        ending["shutdown"] = any(s.startswith(b"shutdown") for s in segments)
    return {
        "name": name,
        **({"repaired": True} if is_repaired else {}),
        "send": [segment.decode("latin-1") for segment in segments],
        "replies": replies,
        "received": "".join(replies) + rest,
        "closed": closed,
        **ending,
    }


def record_two_connections(source, name, steps):
    with command_server(source) as (port, ending):
        clients = {}
        taken = []
        for who, segment in steps:
            client = clients.get(who) or clients.setdefault(who, Client(port))
            if segment is LEAVE:
                taken.append({"on": who, "leave": True, "received": client.leave(), "closed": True})
            else:
                step = {"on": who, "send": segment, "received": client.exchange(segment.encode())}
                taken.append({**step, "closed": client.closed})
        for who in sorted(clients):
            clients[who].leave()
        ending["shutdown"] = any(segment == "shutdown\n" for _, segment in steps)
    differs = ending["ended_by_itself"] or ending["protocol_errors"]
    is_repaired = {"repaired": True} if differs else {}
    return {"name": name, **is_repaired, "steps": taken, **ending}


def record_command_server(source):
    # Each case has a server of its own, so that they may run side by side.
    with ThreadPoolExecutor(8) as pool:
        cases = pool.map(lambda c: record_case(source, *c), CASES)
        pairs = pool.map(lambda c: record_two_connections(source, *c), TWO_CONNECTIONS.items())
        return {"cases": list(cases), "two_connections": list(pairs)}


# ---- What the command servers' arguments mean: int() and str.split()

INTEGERS = [
    *("5", "+5", "-5", "0", "-0", "+0", "--5", "++5", "+-5", "-+5", "- 5", "-", "+", "", " ", "_"),
    *(" 5", "5 ", "  5  ", "\t5\n", "\r\n5\r\n", "\v5\f", "\x1c5\x1f", "\x1c\u0663\x1f", "\x855"),
    *("\u00a05", "\u20035\u3000", "\u200b5", "\ufeff5", "5\0", "\x005", "5 5", "5,000"),
    *("1_000", "1_2_3", "_1", "1_", "1__0", "-_1", "-1_0", "+1_0", "00", "007", "-007", "0_7"),
    *("0x10", "0X10", "0b1", "0o7", "x10", "10n", "5L", "5abc", "abc", "5.", ".5", "1.5", "1e3"),
    *("Infinity", "inf", "NaN", "None", "True"),
    # Decimal digits of other scripts; then what only looks like a number.
    *("\u0663", "-\u0663", "\uff11\uff12", "1\u0663", "\u0967\u0968", "\U0001d7d7", "\u0661_\u0662"),
    *("\u00b2", "\u00bd", "\u2167", "\u4e00", "\u22125"),
    *("9007199254740993", "-99999999999999999999", "1" + "0" * 40),
]
LONG_INTEGERS = {
    "4300 digits": "9" * 4300,
    "4301 digits": "9" * 4301,
    "5000 digits": "9" * 5000,
    "- and 4300 digits": "-" + "9" * 4300,
    "4300 digits and an underscore": "9_" + "9" * 4299,
    "5000 zeros": "0" * 5000,
    "5000 zeros and a one": "0" * 5000 + "1",
}

# "a", one of these, "b"; then whole strings.
BETWEEN = "\t\n\v\f\r\x1b\x1c\x1d\x1e\x1f\0\x7f\x85\u00a0\u00ad\u1680\u180e\u2000\u2003\u200a\u200b\u200d"
BETWEEN += "\u2028\u2029\u202f\u205f\u2060\u3000"
WHITE_SPACE = [f"a{c}b" for c in BETWEEN] + [
    *("", " ", "   ", "a", " a ", "a b", "a  b", "  a  b  ", "a\r\nb", "\x1c\x1d\x1e\x1f"),
    *("\ufeffa b", "\t \n\u3000a\u2003\x85 b\x1f"),
]


def as_int(text):
    try:
        return str(int(text))
    except ValueError:
        return None


def record_int():
    long = {}
    for name, text in LONG_INTEGERS.items():
        value = as_int(text)
        long[name] = "refused" if value is None else f"accepted, {len(value.lstrip('-'))} digits"
    return {
        "cases": {text: as_int(text) for text in INTEGERS},
        "digits_limit": sys.get_int_max_str_digits(),
        "long": long,
    }


def record_split():
    return {
        "cases": {text: text.split() for text in WHITE_SPACE},
        "white_space": [f"U+{c:04X}" for c in range(sys.maxunicode + 1) if chr(c).isspace()],
    }


# ---- All of it


def record(scripts):
    shortened = replaced(
        scripts["call_later"],
        ("call_later(10,", "call_later(0.05,"),
        ("call_later(20,", "call_later(0.2,"),
    )
    web = {
        "simple_async_web_app": record_web(scripts["simple_async_web_app"]),
        "static_page_server": {
            "with_index_html": record_web(
                scripts["static_page_server"], {"index.html": INDEX_HTML}
            ),
            "without_index_html": record_web(scripts["static_page_server"]),
        },
        "multiple_routes": record_web(scripts["multiple_routes"]),
    }
    return {
        "python": "%d.%d" % sys.version_info[:2],
        "aiohttp": aiohttp.__version__,
        "normalised": NORMALISED,
        "repaired": REPAIRED,
        "encoding": "send, replies, received of the command servers: latin-1, one character a byte",
        "scripts": {
            "call_soon": record_script(scripts["call_soon"]),
            "call_later": record_script(shortened),
            "partial": record_script(scripts["partial"]),
            "coroutine": record_script(scripts["coroutine"]),
            "run_until_complete": record_script(scripts["run_until_complete"]),
            "create_task": record_script(scripts["create_task"]),
            "asyncio_url_fetch": record_url_fetch(scripts["asyncio_url_fetch"]),
            **web,
            "simple_async_server": record_command_server(scripts["simple_async_server"]),
            "simple_async_server_extended": record_command_server(
                scripts["simple_async_server_extended"]
            ),
        },
        "call_later_print": call_later_print(shortened),
        "python_int": record_int(),
        "python_split": record_split(),
    }


def main():
    if len(sys.argv) != 2:
        raise SystemExit("usage: transcripts.py CHAPTER.md")
    chapter = pathlib.Path(sys.argv[1])
    text = json.dumps(record(read_scripts(chapter)), indent=2)
    partial = OUTPUT.with_suffix(f".{os.getpid()}")
    partial.write_text(text + "\n", "ascii")
    partial.replace(OUTPUT)


if __name__ == "__main__":
    main()
