"""Follows the events that DevPulse takes, and prints them, one JSON object a line.

pip install websockets                                    # or Debian's python3-websockets
python examples/websocket_client.py                       # all of them
python examples/websocket_client.py 'severity=error&system=api,worker'
"""

import asyncio
import os
import sys

import websockets

URL = os.environ.get("DEVPULSE_WEBSOCKET_URL", "ws://localhost:8008").rstrip("/")


async def follow(query: str) -> None:
    async with websockets.connect(f"{URL}/?{query}", subprotocols=["devpulse.tail.v1"]) as events:
        print(f"following {URL}", file=sys.stderr)
        async for event in events:
            print(event, flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(follow("".join(sys.argv[1:])))
    except KeyboardInterrupt:
        pass
    except websockets.ConnectionClosed as closed:
        sys.exit(f"the server has closed the connection: {closed}")
    except websockets.InvalidHandshake as refusal:
        sys.exit(f"{URL} refuses: {refusal}")
    except OSError as error:
        sys.exit(f"no DevPulse at {URL}: {error}; `python examples/websocket_server.py` starts one")
