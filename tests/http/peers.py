"""aiohttp's client against a server: at the URL that is given, or else against aiohttp's own.

Prints what it saw, as JSON.
"""

import asyncio
import json
import sys

from aiohttp import ClientSession, CookieJar, FormData, web


async def see(found, name, request):
    async with request as response:
        body = await response.read()
        headers = {key: response.headers.get(key) for key in ("Location", "Allow", "Content-Encoding")}
        cookies = {key: [m.value, m["path"], bool(m["httponly"])] for key, m in response.cookies.items()}
        kind = (response.content_type, (response.charset or "").lower())
        history = [r.status for r in response.history]
        found[name] = [response.status, response.reason, kind, headers, cookies, history, body.decode()]


async def pieces(size=1000):
    for n in range(5):
        yield b"%d" % n * size


async def ask(base):
    found = {}
    async with ClientSession(base, cookie_jar=CookieJar(unsafe=True)) as session:
        await see(found, "text", session.get("/hello/J%C3%BCrgen", params={"a": "ü&"}))
        await see(found, "head", session.head("/hello/x"))
        await see(found, "json", session.post("/json", json={"a": [1, "é", None]}))
        await see(found, "bad json", session.post("/checked", data=b"{"))
        form = FormData()
        form.add_field("field", "ü")
        form.add_field("file", b"\r\n--x\r\n" * 9, filename="a ü.txt", content_type="text/plain")
        await see(found, "form", session.post("/form", data=form))
        await see(found, "urlencoded", session.post("/form", data={"a": "1 &", "b": "ü"}))
        await see(found, "chunked", session.post("/size", data=pieces()))
        await see(found, "too large", session.post("/size", data=b"x" * 20_000))
        await see(found, "too large in chunks", session.post("/size", data=pieces(5000)))
        await see(found, "redirect", session.get("/redirect"))
        await see(found, "no redirect", session.get("/redirect", allow_redirects=False))
        await see(found, "cookie", session.get("/cookie"))
        await see(found, "cookie back", session.get("/cookies"))
        await see(found, "stream", session.get("/stream"))
        await see(found, "compressed", session.get("/compressed"))
        await see(found, "nothing", session.delete("/nothing"))
        await see(found, "missing", session.get("/no"))
        await see(found, "not allowed", session.put("/json"))
        await see(found, "failure", session.get("/failure"))
        await see(found, "after all", session.get("/hello/end"))
    return found


async def hello(request):
    return web.Response(text=f"{request.match_info['name']} {request.query.get('a')}")


async def echo(request):
    return web.json_response(await request.json())


async def checked(request):
    try:
        return web.json_response(await request.json())
    except json.JSONDecodeError:
        raise web.HTTPBadRequest(text="400: Malformed JSON")


async def form(request):
    found = []
    for key, value in (await request.post()).items():
        is_text = isinstance(value, str)
        found.append([key, value] if is_text else [key, value.filename, value.file.read().decode()])
    return web.json_response(found)


async def size(request):
    return web.Response(text=str(len(await request.read())))


async def redirect(request):
    raise web.HTTPFound("/hello/there")


async def cookie(request):
    response = web.Response(text="set")
    response.set_cookie("a", "1", path="/cookies", httponly=True)
    return response


async def cookies(request):
    return web.json_response(dict(request.cookies))


async def stream(request):
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    for n in range(3):
        await response.write(b"%d\n" % n)
        await asyncio.sleep(0)
    return response


async def compressed(request):
    response = web.Response(text="hello " * 1000)
    response.enable_compression(web.ContentCoding.gzip)
    return response


async def nothing(request):
    raise web.HTTPNoContent()


async def failure(request):
    raise ValueError("secret")


async def main():
    if len(sys.argv) > 1:
        print(json.dumps(await ask(sys.argv[1])))
        return
    app = web.Application(client_max_size=10_000)
    app.router.add_get("/hello/{name}", hello)
    app.router.add_post("/json", echo)
    app.router.add_post("/checked", checked)
    app.router.add_post("/form", form)
    app.router.add_post("/size", size)
    app.router.add_delete("/nothing", nothing)
    for handler in (redirect, cookie, cookies, stream, compressed, failure):
        app.router.add_get(f"/{handler.__name__}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    print(json.dumps(await ask(f"http://127.0.0.1:{port}")))
    await runner.cleanup()


asyncio.run(main())
