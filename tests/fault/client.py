"""Clients of dp-ingest that load it over devpulse.v1 and note in a ledger what they send and what
is answered. After a break they send again, with the same ids, what was not answered."""

import json
import random
import select
import threading
import time
import uuid

import ledger as ledgers
from peer import TEXT, WebSocket, frame

TEXTS = (
    "plain",
    'with "quotes", \\ and / and \t',
    "Grüße, 日本語, 😀, \u2028, \x7f",
    "<script>alert(1)</script>\n" * 20,
)
WINDOW = 50  # messages


class Message:
    def __init__(self, events):
        self.ids = [event["eventId"] for event in events]
        text = json.dumps(events if len(events) > 1 else events[0], ensure_ascii=len(events) > 2)
        self.frame = frame(TEXT, text)


class Client(threading.Thread):
    """Goes on until end() or for `total` events, and until all that it sent is answered. The rate
    is in events a second, None for as many as there is room for; `odd`: also sends what is refused,
    what a database rejects, and at times never asks again for what was not answered."""

    def __init__(self, name, port, ledger, rate=None, seed=0, odd=True, window=WINDOW, total=None):
        super().__init__(name=name, daemon=True)
        self.port, self.ledger, self.rate, self.odd = port, ledger, rate, odd
        self.random = random.Random(f"{seed}/{name}")
        self.window, self.total = window, total
        self.waiting = []  # messages
        self.numbers = 0
        self.began = time.monotonic()
        self.resting = threading.Event()
        self.is_ending = total == 0
        self.failure = None

    def end(self):
        self.is_ending = True

    def run(self):
        try:
            while not (self.is_ending and not self.waiting):
                try:
                    self.talk()
                except (OSError, EOFError):
                    time.sleep(0.02)
        except Exception as e:
            self.failure = f"{self.name}: {type(e).__name__}: {e}"

    def talk(self):
        """One connection."""
        try:
            ws = WebSocket(protocol="devpulse.v1", port=self.port)
        except AssertionError:  # it ended during the upgrade
            raise EOFError from None
        with ws:
            if not ws.read(5):
                return
            if self.odd and self.random.random() < 0.1:
                self.waiting.clear()
            self.refused = {}
            for message in self.waiting:
                ws.raw(message.frame)
            first = 0  # the number of the first in self.waiting, on this connection, less one
            while not (self.is_ending and not self.waiting):
                self.fill(ws)
                if not ws.data and not select.select([ws.socket], [], [], 0.02)[0]:
                    continue
                said = ws.read(10)
                if said is None:
                    return
                first = self.hear(said, first)

    def hear(self, said, first):
        if said["t"] == "nack":
            self.refused[said["n"], said.get("i", 0)] = said
        while said["t"] == "ack" and first < said["n"]:
            first += 1
            for i, event_id in enumerate(self.waiting.pop(0).ids):
                refused = self.refused.pop((first, i), None)
                fate = ledgers.REFUSED if refused else ledgers.ACKED
                self.ledger.is_answered(event_id, fate)
        return first

    def fill(self, ws):
        if self.is_ending or self.resting.is_set():
            return
        fresh = []
        while len(self.waiting) < self.window and self.is_due() and not self.is_ending:
            events = 1 if self.total else self.random.choice((1, 1, 1, 4))
            message = Message([self.event() for _ in range(events)])
            self.waiting.append(message)
            fresh.append(message.frame)
            self.is_ending = self.numbers == self.total
        if fresh:
            ws.raw(*fresh)

    def is_due(self):
        return self.rate is None or self.numbers < (time.monotonic() - self.began) * self.rate

    def event(self):
        self.numbers += 1
        event = {
            "traceId": f"{self.name}-{self.numbers // 10}",
            "eventId": str(uuid.UUID(int=self.random.getrandbits(128), version=4)),
            "timestamp": f"2026-01-02T03:04:05.{self.numbers % 1000000:06}Z",
            "severity": self.random.choice(("error", "info")),
            "system": self.name,
            "type": "fault",
            "details": self.random.choice(TEXTS),
            "n": self.numbers,
            "big": 9007199254740993 + self.numbers,
            "locals": {
                "a": [1, 2.5, None, True],
                "x": "x" * self.random.choice((0, 0, 0, 100, 100, 5000)),
            },
        }
        luck = self.random.random() if self.odd else 1
        if luck < 0.02:
            event["system"] = "bad"
        elif luck < 0.03:
            event["traceId"] = "x" * 200
        self.ledger.sends(self.name, self.numbers, event, is_poison=event["system"] == "bad")
        return event
