"""asking.py: how the scripts of these tests ask the server whose URL is their first
argument. No proxy of the environment stands between."""

import json
import sys
import urllib.request

URL = sys.argv[1]
OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def ask(path, body=None):
    """The text of the answer; with a body (JSON) it is a POST. HTTPError: no success."""
    request = urllib.request.Request(URL + path)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with OPEN(request, timeout=60) as answer:
        return answer.read().decode()
