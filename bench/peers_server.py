"""What one would write in an afternoon: takes events over WebSockets, puts them into PostgreSQL,
commits, acknowledges. A peer for bench/peers, as far as that goes in devpulse.v1.

    peers_server.py URL [BATCH]      events that a transaction has at most; 1: each its own
"""

import asyncio
import json
import sys

import psycopg
from websockets.asyncio.server import ServerConnection, serve

INSERT = (
    "INSERT INTO events (trace_id, event_id, ts, severity, system, type, body)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
)
FIELDS = ("traceId", "eventId", "timestamp", "severity", "system", "type")
Row = tuple[str, ...]


async def read(socket: ServerConnection, queue: "asyncio.Queue[Row | None]") -> None:
    async for text in socket:
        event = json.loads(text)
        await queue.put((*(event[name] for name in FIELDS), str(text)))
    await queue.put(None)


async def main(url: str, batch: int) -> None:
    async def session(socket: ServerConnection) -> None:
        queue: asyncio.Queue[Row | None] = asyncio.Queue(batch)
        reading = asyncio.create_task(read(socket, queue))
        done = 0
        async with await psycopg.AsyncConnection.connect(url) as db, db.cursor() as cursor:
            while row := await queue.get():
                rows = [row]
                while not queue.empty() and len(rows) < batch and (row := queue.get_nowait()):
                    rows.append(row)
                await cursor.executemany(INSERT, rows)
                await db.commit()
                done += len(rows)
                await socket.send(f'{{"t":"ack","n":{done}}}')
        await reading

    async with serve(session, "127.0.0.1", 0, subprotocols=["devpulse.v1"]) as server:
        sys.stdout.write(f"{next(iter(server.sockets)).getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()


asyncio.run(main(sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else 1))
