"""crowd.py: many clients at once, on connections that they keep, with asyncio."""

import asyncio


async def connect(port, count):
    """So many clients."""
    return [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]


async def ask(client, target, method="GET"):
    """The status and the body of one request."""
    reader, writer = client
    writer.write(f"{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    size = int(head.lower().partition("content-length:")[2].split()[0])
    return int(head.split()[1]), await reader.readexactly(size)
