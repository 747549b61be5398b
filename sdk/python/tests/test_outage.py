"""The server dies in mid-stream and comes back: each event stands in the database exactly once."""

import signal
from collections import Counter
from pathlib import Path

import devpulse
from pipeline import Pipeline, wait_for

ROUNDS = 6
BEFORE, UNDER_WAY, WHILE_AWAY = 1000, 500, 300  # events of a round


def test_killed_in_mid_stream_nothing_is_missing_or_doubled(tmp_path: Path) -> None:
    with Pipeline(tmp_path) as pipeline:
        devpulse.init(pipeline.ws_url, system="tests", install_hooks=False)
        dropped = devpulse.stats()["dropped"]
        trace_id = devpulse.generate_trace_id()
        sent = 0

        def send(count: int) -> None:
            nonlocal sent
            for _ in range(count):
                devpulse.event("step", trace_id=trace_id, n=sent)
                sent += 1

        send(1)
        assert devpulse.flush(20), devpulse.stats()  # it is connected
        for round_ in range(ROUNDS):
            send(BEFORE)
            if round_ % 2:  # some are stored already when it dies
                assert devpulse.flush(20), devpulse.stats()
            pipeline.pause(signal.SIGSTOP)
            send(UNDER_WAY)
            wait_for(lambda: devpulse.stats()["unacked"] >= UNDER_WAY)
            pipeline.kill()
            send(WHILE_AWAY)
            pipeline.start()
            assert devpulse.flush(20), devpulse.stats()
        found = Counter(e["data"]["n"] for e in pipeline.trace(trace_id, sent)["events"])
        stats = devpulse.stats()
    assert set(found) == set(range(sent))
    assert max(found.values()) == 1
    assert (stats["dropped"], stats["refused"], stats["acked"]) == (dropped, 0, sent)
    assert stats["reconnects"] >= ROUNDS - 1
