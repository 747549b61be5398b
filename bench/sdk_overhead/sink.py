"""What the peers send to, in a process of its own: takes everything, counts it when asked.

Writes its port to standard output. `GET /counts` tells how many of each kind came: Sentry's items
(https://develop.sentry.dev/sdk/data-model/envelopes/), and what OTLP carries. Bodies are decoded
only then, as decoding would take the measured processes' time.
"""

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_bodies: list[tuple[str, str, bytes]] = []  # path, content encoding, body; not yet counted
_counts: Counter[str] = Counter()


class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        _bodies.append((self.path, self.headers.get("Content-Encoding", ""), body))
        self._answer(b"{}" if "/v1/" not in self.path else b"")

    def do_GET(self) -> None:
        while _bodies:
            path, encoding, body = _bodies.pop()
            plain = gzip.decompress(body) if encoding == "gzip" else body
            for kind, number in (_otlp if "/v1/" in path else _envelope)(path, plain):
                _counts[kind] += number
        self._answer(json.dumps(_counts).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _envelope(_: str, body: bytes) -> Iterator[tuple[str, int]]:
    rest = body.partition(b"\n")[2]
    while rest.strip():
        head, _, rest = rest.partition(b"\n")
        item = json.loads(head)
        length = item.get("length")
        payload = rest[:length] if length is not None else rest.partition(b"\n")[0]
        yield f"sentry {item['type']}", item.get("item_count", 1)
        rest = rest[len(payload) :].removeprefix(b"\n")


def _otlp(path: str, body: bytes) -> Iterator[tuple[str, int]]:
    if path.endswith("/logs"):
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

        for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
            for scope in resource.scope_logs:
                yield "otlp log", len(scope.log_records)
        return
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield "otlp span", 1
                yield "otlp request", int(span.kind == Span.SPAN_KIND_SERVER)
                yield "otlp span event", len(span.events)


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    server.daemon_threads = True
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
