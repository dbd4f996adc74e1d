#!/usr/bin/env python3
"""many.py PORT COUNT: so many random waits at once; none may be early."""

import asyncio
import json
import sys
import time


async def wait(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = time.monotonic()
    writer.write(b"GET /wait?max_delay=0.3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    took = time.monotonic() - sent
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), answer
    result = json.loads(body)
    assert result["elapsed"] >= result["delay"], result
    assert took >= result["delay"], (took, result)
    return result["delay"]


async def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    delays = await asyncio.gather(*(wait(port) for _ in range(count)))
    assert len(set(delays)) > count // 2, "not drawn"


asyncio.run(main())
