"""One contender in a process of its own: `contender.py NAME URL`.

Reads commands from standard input, one JSON array a line, and answers each with one JSON object:

["run", SCENARIO, LEAD, COUNT]
    Does it LEAD times, as the process has slept while others ran, then COUNT times, then flushes.
    Seconds of those COUNT: `cpu` of the thread that did it, `wall`, and `process`: CPU of all
    threads, the flush included.
["memory"]
    `rss` and `peak`, bytes.
["stats"]
    What the contender counts itself.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import shop

FLUSH_SECONDS = 60
ALONE = ("event", "message", "exception")  # scenarios that are not within a request


class Nothing:
    """What all others are compared with: the same calls, which do nothing."""

    def __init__(self, url: str, app: Any) -> None:
        pass

    def step(self) -> AbstractContextManager[Any]:
        """What events are part of, as nearly all are in an application."""
        return nullcontext()

    def event(self) -> None:
        pass

    def message(self) -> None:
        pass

    def exception(self, exc: BaseException) -> None:
        pass

    def flush(self) -> bool:
        return True

    def stats(self) -> dict[str, int]:
        return {}


class DevPulse(Nothing):
    def __init__(self, url: str, app: Any) -> None:
        import devpulse
        from devpulse.integrations import add_devpulse_middleware

        devpulse.init(websocket_url=url, environment="bench")
        add_devpulse_middleware(app)
        self._devpulse = devpulse

    def step(self) -> AbstractContextManager[Any]:
        return self._devpulse.span("step")

    def event(self) -> None:
        self._devpulse.event("order placed", order_id=17, amount=42.5, currency="EUR")

    message = event

    def exception(self, exc: BaseException) -> None:
        self._devpulse.capture_exception(exc)

    def flush(self) -> bool:
        return self._devpulse.flush(FLUSH_SECONDS)

    def stats(self) -> dict[str, int]:
        return self._devpulse.stats()


class Sentry(Nothing):
    """sentry-sdk; its FastAPI and Starlette integrations switch themselves on."""

    def __init__(self, url: str, app: Any) -> None:  # noqa: ARG002
        import sentry_sdk

        # By default 100 envelopes may wait, which at full speed drops most of them.
        sentry_sdk.init(
            dsn=url.replace("http://", "http://key@") + "/1",
            traces_sample_rate=1.0,
            enable_logs=True,
            environment="bench",
            transport_queue_size=10_000,
        )
        self._sentry = sentry_sdk

    def step(self) -> AbstractContextManager[Any]:
        return self._sentry.start_transaction(name="step", op="step")

    def event(self) -> None:
        self._sentry.logger.info("order placed", attributes=shop.ATTRIBUTES)

    def message(self) -> None:
        self._sentry.capture_message("order placed", extras=shop.ATTRIBUTES)

    def exception(self, exc: BaseException) -> None:
        self._sentry.capture_exception(exc)

    def flush(self) -> bool:
        client = self._sentry.get_client()
        client.flush(timeout=FLUSH_SECONDS)
        return client.transport._worker._queue.empty()


class OpenTelemetry(Nothing):
    """opentelemetry-sdk and its FastAPI instrumentation, all settings as they come."""

    def __init__(self, url: str, app: Any) -> None:
        from opentelemetry import _logs, trace
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource.create({"service.name": "shop", "deployment.environment": "bench"})
        self._spans = TracerProvider(resource=resource)
        self._spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
        trace.set_tracer_provider(self._spans)
        self._logs = LoggerProvider(resource=resource)
        self._logs.add_log_record_processor(
            BatchLogRecordProcessor(OTLPLogExporter(f"{url}/v1/logs"))
        )
        FastAPIInstrumentor.instrument_app(app)
        self._tracer = self._spans.get_tracer("bench")
        self._logger = self._logs.get_logger("bench")
        self._log_record = _logs.LogRecord
        self._info = _logs.SeverityNumber.INFO
        self._span: Any = None
        self._room = 0

    def step(self) -> AbstractContextManager[Any]:
        return self._tracer.start_as_current_span("step")

    def event(self) -> None:
        self._logger.emit(
            self._log_record(
                timestamp=time.time_ns(),
                severity_number=self._info,
                severity_text="INFO",
                body="order placed",
                attributes=shop.ATTRIBUTES,
            )
        )

    def message(self) -> None:
        self._roomy_span().add_event("order placed", shop.ATTRIBUTES)

    def exception(self, exc: BaseException) -> None:
        self._roomy_span().record_exception(exc)

    def _roomy_span(self) -> Any:
        """A span drops what it is given beyond 128 events, so there is a new one every 100."""
        if self._room == 0:
            self._end_span()
            self._span = self._tracer.start_span("orders")
            self._room = 100
        self._room -= 1
        return self._span

    def _end_span(self) -> None:
        if self._span is not None:
            self._span.end()
        self._span, self._room = None, 0

    def flush(self) -> bool:
        self._end_span()
        milliseconds = FLUSH_SECONDS * 1000
        done = [p.force_flush(milliseconds) for p in (self._spans, self._logs)]
        return all(done)


CONTENDERS = {
    "none": Nothing,
    "devpulse": DevPulse,
    "sentry": Sentry,
    "opentelemetry": OpenTelemetry,
}


class Server:
    """uvicorn in the loop that also runs its client."""

    def __init__(self, app: Any) -> None:
        import uvicorn

        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
        self._server = uvicorn.Server(config)

    async def start(self) -> int:
        """Returns its port."""
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.01)
        return int(self._server.servers[0].sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self._server.should_exit = True
        await self._task


class Process:
    """Runs the scenarios on one contender."""

    def __init__(self, name: str, url: str) -> None:
        self._app = shop.new_app()
        self._contender = CONTENDERS[name](url, self._app)
        self._loop = asyncio.new_event_loop()
        self._server: Server | None = None
        self._port = 0

    def run(self, scenario: str, lead: int, count: int) -> dict[str, float]:
        work = self._work(scenario)
        with self._contender.step() if scenario in ALONE else nullcontext():
            work(lead)
            return self._timed(work, count)

    def _work(self, scenario: str) -> Callable[[int], None]:
        loop, contender = self._loop, self._contender
        if scenario == "request":
            return lambda count: loop.run_until_complete(shop.call(self._app, count))
        if scenario == "uvicorn":
            if self._server is None:
                self._server = Server(self._app)
                self._port = loop.run_until_complete(self._server.start())
            return lambda count: loop.run_until_complete(shop.call_over(self._port, count))
        if scenario == "exception":
            return lambda count: shop.fail(count, contender.exception)
        return lambda count: _repeat(getattr(contender, scenario), count)

    def _timed(self, work: Callable[[int], None], count: int) -> dict[str, float]:
        process, cpu, wall = time.process_time(), time.thread_time(), time.perf_counter()
        work(count)
        wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
        if not self._contender.flush():
            raise RuntimeError(f"not everything was sent within {FLUSH_SECONDS} s")
        return {"cpu": cpu, "wall": wall, "process": time.process_time() - process}

    def memory(self) -> dict[str, float]:
        status = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
        )
        return {
            "rss": int(status["VmRSS"].split()[0]) * 1024,
            "peak": int(status["VmHWM"].split()[0]) * 1024,
        }

    def stats(self) -> dict[str, int]:
        return self._contender.stats()

    def stop(self) -> None:
        if self._server is not None:
            self._loop.run_until_complete(self._server.stop())


def _repeat(function: Callable[[], None], count: int) -> None:
    for _ in range(count):
        function()


def main() -> None:
    process = Process(*sys.argv[1:])
    commands = {"run": process.run, "memory": process.memory, "stats": process.stats}
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        sys.stdout.write(json.dumps(commands[name](*arguments)) + "\n")
        sys.stdout.flush()
    process.stop()


if __name__ == "__main__":
    main()
