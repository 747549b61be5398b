"""Starts DevPulse: events on ws://localhost:8008, the page on http://localhost:8088.

python examples/websocket_server.py
"""

from pathlib import Path

from devpulse import websocket_server

if __name__ == "__main__":
    websocket_server.run(places=[Path(__file__).resolve()])
