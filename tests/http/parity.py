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


async def ask(port, request, headers="", body=b"", host="a"):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    connection = "" if "Connection:" in headers else "Connection: close\r\n"
    head = f"{request} HTTP/1.1\r\nHost: {host}\r\n{connection}{headers}\r\n"
    writer.write(head.encode("latin-1") + body)
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split(" ")[1]), fields, body.decode(errors="replace")


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


BODIES = [
    ("POST /", "", ""), ("POST /", "Content-Length: 0\r\n", ""),
    ("POST /", "Content-Length: 3\r\n", "abc"),
    ("POST /", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"),
    ("POST /", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    ("DELETE /", "", ""), ("DELETE /", "Content-Length: 3\r\n", "abc"), ("OPTIONS /", "", ""),
    ("GET /", "", ""),
]


async def bodies():
    """Which requests have a body."""
    async def handler(request):
        return web.json_response(request.body_exists)

    app = web.Application()
    app.router.add_route("*", "/", handler)
    runner, port = await serve(app)
    found = []
    for request, headers, body in BODIES:
        _, _, answer = await ask(port, request, headers, body.encode())
        found.append([request, headers, body, json.loads(answer)])
    await runner.cleanup()
    return found


UPGRADE = ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")


async def signals():
    """Which applications see a response before it is given, in which order, and of which kinds."""
    def mark(name):
        async def see(request, response):
            seen = response.headers.get("log", "")
            response.headers["log"] = f"{seen}{name}{response.status} "
        return see

    async def handler(request):
        return web.Response(text="ok")

    async def failure(request):
        raise ValueError("secret")

    async def gone(request):
        raise web.HTTPGone()

    async def stream(request):
        response = web.StreamResponse()
        await response.prepare(request)
        return response

    async def file(request):
        return web.FileResponse(__file__)

    async def ws(request):
        response = web.WebSocketResponse(timeout=0.1)
        await response.prepare(request)
        return response

    app = web.Application()
    sub = web.Application()
    app.on_response_prepare.extend([mark("a"), mark("b")])
    sub.on_response_prepare.append(mark("c"))
    for one in (handler, failure, gone, stream, file, ws):
        app.router.add_get(f"/{one.__name__}", one)
    sub.router.add_get("/x", handler)
    app.add_subapp("/sub", sub)
    runner, port = await serve(app)
    found = []
    for request in ["GET /handler", "HEAD /handler", "GET /failure", "GET /gone", "GET /stream",
                    "GET /file", "GET /ws", "GET /no", "POST /handler", "GET /sub/x", "GET /sub/no"]:
        status, headers, _ = await ask(port, request)
        found.append({"request": request, "status": status, "log": headers["log"].split()})
    status, headers, _ = await ask(port, "GET /ws", UPGRADE)
    found.append({"request": "a WebSocket", "status": status, "log": headers["log"].split()})
    await runner.cleanup()
    return found


async def views():
    """What a class answers; it has `get()` and `post()`."""
    class View(web.View):
        async def get(self):
            return web.Response(text=f"get {self.request.match_info['id']}")

        async def post(self):
            return web.Response(text="post")

    app = web.Application()
    app.router.add_view("/{id}", View)
    runner, port = await serve(app)
    found = []
    for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"]:
        status, headers, body = await ask(port, f"{method} /7")
        found.append({"method": method, "status": status, "allow": headers.get("allow"), "body": body})
    await runner.cleanup()
    return found


NORMALIZED_ROUTES = ["/plain", "/slash/", "/a/b", "/a/c/", "/{n}/end/", "/{tail}/", "/sub", "/sub/in"]
NORMALIZED = [
    "GET /plain", "GET /plain/", "GET /slash", "GET /slash?a=1&b=%20", "GET /slash?u=//x//y",
    "GET //a//b", "GET /a//b", "GET /a//b/", "GET /a/b//", "GET /a//c", "GET /a//c//?x",
    "GET //evil.com", "GET //evil.com/", "GET ///evil.com/", "GET //evil.com/%2e%2e", "GET /sub/in/",
    "GET /sub//in", "GET /sub", "POST /slash", "POST /post", "POST /plain/", "GET /x%2Fy/end",
    "GET /%2F/end", "GET /slash%2F", "GET /no/no/no", "GET /", "GET //", "GET /in", "GET /end",
]
NORMALIZERS = [
    {}, {"append_slash": False}, {"append_slash": False, "remove_slash": True},
    {"merge_slashes": False}, {"append_slash": False, "remove_slash": True, "merge_slashes": False},
    {"append_slash": False, "merge_slashes": False}, {"redirect_class": web.HTTPFound},
]


async def normalized():
    """Where requests are sent whose paths have too many slashes, or too few."""
    async def handler(request):
        return web.Response(text="ok")

    found = []
    for options in NORMALIZERS:
        app = web.Application(middlewares=[web.normalize_path_middleware(**options)])
        for path in NORMALIZED_ROUTES:
            app.router.add_get(path, handler)
        app.router.add_post("/post/", handler)
        runner, port = await serve(app)
        responses = []
        for request in NORMALIZED:
            status, headers, _ = await ask(port, request)
            responses.append([request, status, headers.get("location")])
        names = {key: value if isinstance(value, bool) else value.__name__
                 for key, value in options.items()}
        found.append({"options": names, "responses": responses})
        await runner.cleanup()
    return {"routes": NORMALIZED_ROUTES, "found": found}


DOMAINS = ["a.example", "*.b.example", "c.example:8080", "*.d.example:81", "x.e.example",
           "*.e.example", "f*.example", "G.Example", "h.example:80", "münchen.example"]
HOSTS = ["a.example", "A.Example", "a.example:8080", "x.a.example", "aXexample", "b.example",
         "x.b.example", "y.x.b.example", "x.b.example:8080", "c.example", "c.example:8080",
         "z.d.example:81", "z.d.example", "x.e.example", "y.e.example", "fa.example", "f.example",
         "g.example", "h.example", "xn--mnchen-3ya.example", "nobody.example"]


async def domains():
    """Which application answers for which host: the routes around them come first."""
    app = web.Application()

    async def handler(request):
        return web.Response(text="own")

    def add(domain):
        async def tell(request):
            return web.Response(text=domain)

        sub = web.Application()
        for path in ("/x", "/own", "/post"):
            sub.router.add_get(path, tell)
        app.add_domain(domain, sub)

    app.router.add_get("/own", handler)
    app.router.add_post("/post", handler)
    for domain in DOMAINS:
        add(domain)
    runner, port = await serve(app)
    found = []
    for host in HOSTS:
        for request in ["GET /x", "GET /own", "GET /post", "GET /no", "POST /x"]:
            status, headers, body = await ask(port, request, host=host)
            found.append([host, request, status, headers.get("allow"), body])
    await runner.cleanup()
    return {"domains": DOMAINS, "responses": found}


def listing():
    """Which routes an application has: its own and those of its parts; and which names."""
    async def handler(request):
        return web.Response()

    def fill(app, name):
        app.router.add_get("/", handler, name=name)
        app.router.add_post("/", handler, name=name)
        app.router.add_delete("/caf\u00e9/{id:\\d+}", handler)
        return app

    app, sub, inner, host = web.Application(), web.Application(), web.Application(), web.Application()
    sub.add_subapp("/inner", fill(inner, "inner"))
    fill(app, "root")
    app.add_subapp("/sub", fill(sub, "sub"))
    app.add_domain("a.example", fill(host, "host"))
    app.router.add_route("*", "/last", handler)
    return {
        "routes": [[route.method, route.resource.canonical] for route in app.router.routes()],
        "names": list(app.router.named_resources()),
    }


LINKS = [
    '<https://a.example/x?page=2>; rel="next", <https://a.example/x?page=50>; rel=last',
    "</a/b>; rel=next; key=other", '<b>;rel="next";title="a b"', "<b,c>; rel=x", "<b;c>; rel=x",
    "<>; rel=self", '<b>; anchor="#foo"; rel=next', "<b>; rel=next; rel=prev", "<?q>; rel=next",
    "<//b.example/c>; rel=next", "junk", "rel=next", "",
]
DISPOSITIONS = [
    "attachment", 'attachment; filename="a.txt"', "attachment; filename=a.txt; x=1",
    "attachment; filename*=UTF-8''%e2%82%ac%20rates", "attachment; filename*=utf-8'en'a.txt",
    "attachment; filename=\"x\"; filename*=UTF-8''%e2%82%ac",
    "attachment; filename*=UTF-8''%e2%82%ac; filename=x", 'INLINE; FileName="B"',
    'attachment; filename="a\\"b;c.txt"', "attachment; filename*=iso-8859-1''%A3",
    "attachment; filename*=bad", "attachment; filename*=UTF-8''%ff",
    'form-data; name="x"; filename="C:\\\\dir\\\\f.txt"', 'attachment; filename="\u20ac \u00e9.txt"',
    'attachment; filename="%e2%82%ac.txt"', 'attachment; filename=""', '"attachment"; filename=a',
    "filename=a", "attachment; filename=a,b.txt", 'attachment; filename="a"b', "",
]


async def response_headers():
    """What the client reads out of headers of responses; dispositions as filename and parameters."""
    async def tell(request):
        return web.Response(headers={request.query["name"]: request.query["value"]})

    app = web.Application()
    app.router.add_get("/p/q", tell)
    runner, port = await serve(app)
    links, dispositions = [], []
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        for value in LINKS:
            async with session.get("/p/q", params={"name": "Link", "value": value}) as response:
                found = {
                    name: {key: str(link[key]) for key in link}
                    for name, link in response.links.items()
                }
                for link in found.values():
                    # Relative to the URL of the response, whatever port that had.
                    link["url"] = link["url"].replace(f"http://127.0.0.1:{port}", "").split("?name=")[0]
                links.append([value, found])
        for value in DISPOSITIONS:
            params = {"name": "Content-Disposition", "value": value}
            async with session.get("/p/q", params=params) as response:
                found = response.content_disposition
                dispositions.append([value, found.type, found.filename, dict(found.parameters)])
    await runner.cleanup()
    return {"links": links, "dispositions": dispositions}


async def main():
    record = {
        "aiohttp": aiohttp.__version__,
        "routing": await routing(),
        "middlewares": await middlewares(),
        "cookies": await cookies(),
        "bodies": await bodies(),
        "signals": await signals(),
        "views": await views(),
        "normalized": await normalized(),
        "domains": await domains(),
        "listing": listing(),
        "headers": await response_headers(),
    }
    print(json.dumps(record, indent=1, sort_keys=True))


asyncio.run(main())
