"""aiohttp's WebSocket client, against the server at the URL that is given, or against aiohttp's own.

Prints as JSON what it has seen.
"""

import asyncio
import json
import sys

from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError, web

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": KEY,
           "Sec-WebSocket-Version": "13"}


async def see(ws):
    """What comes until the end."""
    found = []
    async for message in ws:
        data = message.data
        found.append([message.type.name, data if isinstance(data, str) else data.hex()])
    return [found, ws.close_code]


async def handshakes(session, base):
    """The statuses of requests that ask for a WebSocket in a wrong way."""
    changes = [
        {"Upgrade": None}, {"Upgrade": "h2c"}, {"Connection": "close"},
        {"Sec-WebSocket-Version": None}, {"Sec-WebSocket-Version": "12"},
        {"Sec-WebSocket-Key": None}, {"Sec-WebSocket-Key": "short"},
        {"Sec-WebSocket-Key": "!" * 22 + "=="},
    ]
    found = []
    for change in changes:
        headers = {key: value for key, value in {**UPGRADE, **change}.items() if value is not None}
        async with session.get(f"{base}/echo", headers=headers) as response:
            found.append([change, response.status])
    return found


async def ask(base):
    found = {}
    async with ClientSession() as session:
        async with session.ws_connect(f"{base}/echo") as ws:
            await ws.send_str("héllo")
            await ws.send_bytes(b"\0\xff")
            await ws.send_str("")
            await ws.send_json({"a": [1, None]})
            await ws.send_str("x" * 100_000)
            echoes = [await ws.receive() for _ in range(5)]
            found["echo"] = [[m.type.name, len(m.data), str(m.data)[:30]] for m in echoes]
            await ws.ping()
            await ws.send_str("after a ping")
            found["after a ping"] = await ws.receive_str()
            await ws.close(code=3001, message=b"bye")
            found["client closes"] = ws.close_code
        for path in ("return", "close", "close/4000", "fail", "refuse", "count"):
            async with session.ws_connect(f"{base}/{path}") as ws:
                await ws.send_str("go")
                found[path] = await see(ws)
        async with session.ws_connect(f"{base}/large") as ws:
            await ws.send_str("x" * 1001)
            found["too large"] = await see(ws)
        for protocols in ([], ["b", "a"], ["c"]):
            async with session.ws_connect(f"{base}/protocol", protocols=protocols) as ws:
                found[f"protocols {protocols}"] = [ws.protocol, await see(ws)]
        try:
            await session.ws_connect(f"{base}/plain")
        except WSServerHandshakeError as error:
            found["no WebSocket"] = error.status
        found["handshakes"] = await handshakes(session, base)
        # What a handler saw of a client that closed.
        async with session.get(f"{base}/log") as response:
            found["log"] = sorted(await response.json())
    return found


LOG = []


async def echo(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for message in ws:
        if message.type == WSMsgType.TEXT:
            await ws.send_str(message.data)
        else:
            await ws.send_bytes(message.data)
    LOG.append(f"echo {ws.close_code} {ws.closed}")
    return ws


async def returns(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    await ws.send_str(await ws.receive_str())
    return ws


async def closes(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    await ws.receive()
    code = int(request.match_info.get("code", 1000))
    first = await ws.close(code=code, message=b"why")
    again = await ws.close()
    LOG.append(f"close {first} {again} {ws.closed} {ws.close_code}")
    try:
        await ws.send_str("too late")
    except ConnectionResetError:
        LOG.append("close: can't send")
    return ws


async def fails(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    await ws.receive()
    # aiohttp breaks the connection off; the code for it is 1011.
    await ws.close(code=1011)
    return ws


async def refuses(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    await ws.receive()
    await ws.close(code=1008)
    return ws


async def count(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    for n in range(100):
        await ws.send_json({"n": n})
    return ws


async def large(request):
    ws = web.WebSocketResponse(max_msg_size=1000)
    await ws.prepare(request)
    async for message in ws:
        pass
    return ws


async def protocol(request):
    ws = web.WebSocketResponse(protocols=["a", "b"])
    await ws.prepare(request)
    await ws.send_str(str(ws.ws_protocol))
    return ws


async def plain(request):
    return web.Response(text="no WebSocket")


async def log(request):
    return web.json_response(LOG)


async def main():
    if len(sys.argv) > 1:
        print(json.dumps(await ask(sys.argv[1])))
        return
    app = web.Application()
    routes = {"echo": echo, "return": returns, "close": closes, "close/{code}": closes,
              "fail": fails, "refuse": refuses, "count": count, "large": large,
              "protocol": protocol, "plain": plain, "log": log}
    for path, handler in routes.items():
        app.router.add_get(f"/{path}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    print(json.dumps(await ask(f"http://127.0.0.1:{port}")))
    await runner.cleanup()


asyncio.run(main())
