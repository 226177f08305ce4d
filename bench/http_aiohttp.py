"""The HTTP benchmark's other side: the same answers from aiohttp on uvloop.

    python3 bench/http_aiohttp.py FOLDER

Prints the port it serves on, on 127.0.0.1, until it is killed.
"""

import asyncio
import logging
import sys

import uvloop
from aiohttp import web

TEXT = "Hello, World!"


async def text(_request):
    return web.Response(text=TEXT)


async def message(_request):
    return web.json_response({"message": TEXT})


async def user(request):
    return web.Response(text=request.match_info["id"] + request.query.get("q", ""))


async def echo(request):
    return web.json_response(await request.json())


async def websocket(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for received in ws:
        await ws.send_str(received.data)
    return ws


async def main(folder):
    # It reports each client that hangs up within a request, as wrk does at its end.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    app = web.Application()
    app.router.add_get("/text", text)
    app.router.add_get("/json", message)
    app.router.add_get("/user/{id}", user)
    app.router.add_post("/echo", echo)
    app.router.add_static("/static", folder)
    app.router.add_get("/ws", websocket)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
asyncio.run(main(sys.argv[1]))
