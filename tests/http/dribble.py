"""dribble.py PORT headers|body TIMEOUT N: N connections at once that send a little of their request
now and then and never end it. Prints how they ended, as JSON: how many with a 408, and after how
many seconds from its connecting the first and the last was closed.
"""

import json
import selectors
import socket
import sys
import time

PORT, WHAT, TIMEOUT, N = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
BEGIN = {
    "headers": b"GET /wait?delay=0 HTTP/1.1\r\nHost: a\r\n",
    "body": b"POST /tasks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000\r\n\r\n{",
}[WHAT]
MORE = {"headers": b"X-More: 1\r\n", "body": b" "}[WHAT]
EVERY = min(1, TIMEOUT / 10)
PATIENCE = 30


class Client:
    def __init__(self):
        self.begin = time.monotonic()
        self.socket = socket.create_connection(("127.0.0.1", PORT))
        self.socket.sendall(BEGIN)
        self.read, self.took = b"", None

    def more(self):
        try:
            self.socket.sendall(MORE)
        except OSError:  # closed meanwhile: the next read tells
            pass

    def ready(self):
        """Reads; true when it was closed."""
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        self.read += data
        if not data:
            self.took = time.monotonic() - self.begin
            self.socket.close()
        return not data


def main():
    poll = selectors.DefaultSelector()
    clients = [Client() for _ in range(N)]
    for client in clients:
        poll.register(client.socket, selectors.EVENT_READ, client)
    due = end = time.monotonic()
    end += TIMEOUT + PATIENCE
    while poll.get_map() and time.monotonic() < end:
        for key, _ in poll.select(max(0, due - time.monotonic())):
            if key.data.socket.fileno() == key.fd:
                poll.unregister(key.fileobj)
                if not key.data.ready():
                    poll.register(key.fileobj, selectors.EVENT_READ, key.data)
        if time.monotonic() >= due:
            due += EVERY
            for client in clients:
                if client.took is None:
                    client.more()
    took = [client.took for client in clients if client.took is not None]
    told = [client for client in clients if client.read.startswith(b"HTTP/1.1 408 ")]
    print(json.dumps({"closed": len(took), "told": len(told),
                      "first": min(took, default=0), "last": max(took, default=0)}))


main()
