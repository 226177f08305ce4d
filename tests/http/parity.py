"""Records what aiohttp answers, for the tests that begin with `parity:`.

    /usr/bin/python3 tests/http/parity.py > tests/http/parity.json
"""

import asyncio
import json

import aiohttp
from aiohttp import web

ROUTES = [
    ("GET", "/about"), ("GET", "/café"), ("GET", "/n/{name}"), ("GET", "/d/{n:\\d+}"),
    ("GET", "/a b"), ("GET", "/p/{tail:.*}"), ("GET", "/{x}/end"), ("GET", "/f-{a}-{b}.txt"),
    ("GET", "/w/{a}{b:\\d}"), ("GET", "/pct/%41"), ("GET", "/plus+x"), ("GET", "/semi;x"),
    ("GET", "/three/{y:\\d{3}}"), ("POST", "/m/{x}"), ("PUT", "/m/{y}"), ("POST", "/only"),
    ("*", "/any"),
]
PATHS = [
    "/about", "/%61bout", "/caf%C3%A9", "/caf%c3%a9", "/n/x", "/n/a%2Fb", "/n/a%2fb", "/n/%zz",
    "/n/a+b", "/n/%25", "/n/%FF", "/n/%E4%BD%A0", "/n/%E4%BD", "/n/", "/n/a/b", "/n/{a}",
    "/n/%7Ba%7D", "/d/12", "/d/1x", "/a%20b", "/a+b", "/p/", "/p/a/b", "/p", "/q/end", "/about/",
    "//about", "/./about", "/n/..", "/n/%2e%2e", "/f-1-2.txt", "/f-1-2-3.txt", "/w/ab1",
    "/pct/%41", "/pct/A", "/plus+x", "/plus%2Bx", "/semi;x", "/semi%3Bx", "/n/a;b", "/n/a%00b",
    "/n/a?b", "/about?x=/n/y", "http://other/about", "/three/123", "/three/12", "/any", "/",
]
REQUESTS = [f"GET {path}" for path in PATHS] + [
    "GET /m/1", "HEAD /about", "POST /about", "OPTIONS /m/1", "GET /only", "PUT /m/1", "PATCH /any",
    "DELETE /nothing",
]


async def ask(port, request, headers="", body=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n"
    writer.write(head.encode("latin-1") + body)
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split(" ")[1]), fields, body.decode()


async def serve(app):
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, site._server.sockets[0].getsockname()[1]


async def routing():
    async def handler(request):
        path = request.match_info.route.resource.canonical
        return web.json_response([path, dict(request.match_info)])

    app = web.Application()
    for method, path in ROUTES:
        add = app.router.add_get if method == "GET" else None
        add(path, handler) if add else app.router.add_route(method, path, handler)
    runner, port = await serve(app)
    found = []
    for request in REQUESTS:
        status, headers, body = await ask(port, request)
        answer = json.loads(body) if status == 200 and body else body
        found.append({"request": request, "status": status, "allow": headers.get("allow"),
                      "answer": answer})
    await runner.cleanup()
    return {"routes": ROUTES, "responses": found}


async def middlewares():
    """In which order middlewares are called, in applications and those within them."""
    def mark(name):
        @web.middleware
        async def middleware(request, handler):
            request["log"] = request.get("log", []) + [f"+{name}"]
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = web.Response(text=f"{error.status}", status=error.status)
            response.headers.add("log", f"-{name}")
            return response
        return middleware

    async def handler(request):
        return web.Response(text=",".join(request["log"]))

    app = web.Application(middlewares=[mark("a"), mark("b")])
    sub = web.Application(middlewares=[mark("c"), mark("d")])
    sub.router.add_get("/x", handler)
    sub.router.add_get("", handler)
    app.router.add_get("/x", handler)
    app.add_subapp("/sub", sub)
    runner, port = await serve(app)
    found = []
    for request in ["GET /x", "GET /sub/x", "GET /sub", "GET /sub/", "GET /sub/no", "GET /no",
                    "POST /sub/x", "POST /x", "GET /subx"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
        writer.close()
        lines = head.split("\r\n")
        log = [line[5:] for line in lines if line.startswith("log: ")]
        found.append({"request": request, "status": int(lines[0][9:12]), "log": log, "body": body})
    await runner.cleanup()
    return found


async def cookies():
    async def handler(request):
        return web.json_response(dict(request.cookies))

    app = web.Application()
    app.router.add_get("/", handler)
    runner, port = await serve(app)
    found = []
    for cookie in ["a=1", "a=1; b=2", "a=1;b=2", " a = 1 ", "a=1; a=2", "a=", "a=b=c", 'a="x y"',
                   'a="x\\"y"', 'a="\\054"', "a=%20", "$Version=1; a=1", ""]:
        status, _, body = await ask(port, "GET /", f"Cookie: {cookie}\r\n")
        found.append({"cookie": cookie, "status": status, "cookies": json.loads(body)})
    await runner.cleanup()
    return found


async def main():
    record = {
        "aiohttp": aiohttp.__version__,
        "routing": await routing(),
        "middlewares": await middlewares(),
        "cookies": await cookies(),
    }
    print(json.dumps(record, indent=1, sort_keys=True))


asyncio.run(main())
