"""A server of aiohttp, for client_aiohttp_test.ts: does a bit of everything, and prints its port."""

import asyncio
import sys

from aiohttp import BasicAuth, WSMsgType, web


async def echo(request):
    body = await request.read()
    return web.json_response({
        "method": request.method,
        "path": request.path_qs,
        "type": request.headers.get("Content-Type", ""),
        "auth": request.headers.get("Authorization", ""),
        "cookies": dict(request.cookies),
        "body": body.decode("utf-8", "replace"),
    })


async def form(request):
    fields = []
    if request.content_type == "multipart/form-data":
        async for part in await request.multipart():
            fields.append([part.name, part.filename, (await part.read()).decode()])
    else:
        fields = [[name, None, value] for name, value in (await request.post()).items()]
    return web.json_response(fields)


async def redirect(request):
    count = int(request.match_info["count"])
    response = web.Response(status=int(request.match_info["status"]))
    response.headers["Location"] = f"/redirect/{response.status}/{count - 1}" if count > 1 else "/echo"
    response.set_cookie("step%d" % count, "x", path="/")
    return response


async def stream(request):
    response = web.StreamResponse()
    if request.query.get("compress"):
        response.enable_compression()
    await response.prepare(request)
    for i in range(100):
        await response.write(b"line %d\n" % i)
    await response.write_eof()
    return response


async def broken(request):
    response = web.StreamResponse()
    response.content_length = 1000
    await response.prepare(request)
    await response.write(b"half")
    request.transport.abort()
    return response


async def silent(request):
    await asyncio.sleep(3600)


async def private(request):
    if request.headers.get("Authorization") == BasicAuth("me", "secret").encode():
        return web.Response(text="in")
    raise web.HTTPUnauthorized()


async def latin(request):
    return web.Response(body="é".encode("latin-1"), content_type="text/plain", charset="latin-1")


async def websocket(request):
    ws = web.WebSocketResponse(protocols=["chat"], heartbeat=0.05, autoping=True)
    await ws.prepare(request)
    async for message in ws:
        if message.type == WSMsgType.TEXT and message.data == "close":
            await ws.close(code=4001, message=b"bye")
        elif message.type == WSMsgType.TEXT:
            await ws.send_str(message.data + "!")
        elif message.type == WSMsgType.BINARY:
            await ws.send_bytes(message.data[::-1])
    return ws


async def main():
    app = web.Application(client_max_size=2 ** 30)
    app.router.add_route("*", "/echo", echo)
    app.router.add_post("/form", form)
    app.router.add_route("*", "/redirect/{status}/{count}", redirect)
    app.router.add_get("/stream", stream)
    app.router.add_get("/broken", broken)
    app.router.add_get("/silent", silent)
    app.router.add_get("/private", private)
    app.router.add_get("/latin", latin)
    app.router.add_get("/ws", websocket)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=0.1)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


asyncio.run(main())
