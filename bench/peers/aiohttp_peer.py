"""A wait on aiohttp: asyncio.sleep."""

import asyncio
import sys
import time

from aiohttp import web


async def wait(request):
    start = time.monotonic()
    text = request.query["delay"]
    seconds = float(text)
    if seconds > 0:
        await asyncio.sleep(seconds)
    elapsed = time.monotonic() - start
    body = f'{{"delay":{text},"elapsed":{elapsed:.9f}}}\n'
    return web.Response(text=body, content_type="application/json")


app = web.Application()
app.router.add_get("/wait", wait)
web.run_app(
    app,
    host="127.0.0.1",
    port=int(sys.argv[1]),
    backlog=4096,
    access_log=None,
    keepalive_timeout=120,
    print=None,
)
