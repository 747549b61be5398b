"""A crowd of clients, as slow as clients can be, until it is ended: crowd.py KIND COUNT. The port
is in $PORT.

idle      connects, and says nothing
headers   sends a byte of a header now and then
body      announces a body and sends a byte of it now and then
read      asks for much and reads none of it
requests  asks for little, time and again, and reads it slowly
follow    follows, and reads all of it

Whoever is sent away comes again. Says "N are there" once each of them has been."""

import os
import selectors
import socket
import sys
import time

PORT = int(os.environ["PORT"])
KIND, COUNT = sys.argv[1], int(sys.argv[2])
GET = "GET %s HTTP/1.1\r\nHost: localhost\r\n"
OPENING = {
    "idle": "",
    "headers": GET % "/livez" + "X: ",
    "body": "POST /api/traces HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n",
    "read": GET % "/api/events?n=all" + "\r\n",
    "requests": GET % "/api/traces" + "\r\n",
    "follow": GET % "/api/events?follow" + "Accept: text/event-stream\r\n\r\n",
}[KIND].encode()


def dial(selector):
    s = socket.socket()
    if KIND == "read":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(20)
    s.connect(("127.0.0.1", PORT))
    s.sendall(OPENING)
    s.setblocking(False)
    selector.register(s, selectors.EVENT_READ)


def is_gone(s):
    """Whether the server has ended it. Who reads nothing asks only that."""
    try:
        if KIND == "read":
            return s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
        return s.recv(64 if KIND == "requests" else 65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def drip(s):
    try:
        if KIND in ("headers", "body"):
            s.send(b"x")
        elif KIND == "requests":
            s.send(OPENING)
    except OSError:
        pass


def main():
    selector = selectors.DefaultSelector()
    for _ in range(COUNT):
        dial(selector)
    print(f"{COUNT} are there", flush=True)
    dripped = time.monotonic()
    while True:
        gone = 0
        for key, _ in selector.select(0.1):
            if is_gone(key.fileobj):
                selector.unregister(key.fileobj)
                key.fileobj.close()
                gone += 1
        for _ in range(gone):
            dial(selector)
        if KIND != "follow" and time.monotonic() - dripped > 0.5:
            dripped = time.monotonic()
            for key in list(selector.get_map().values()):
                drip(key.fileobj)
        time.sleep(0.05)


main()
