"""The server dies in mid-stream and comes back: each event stands in the database exactly once."""

from collections import Counter
from pathlib import Path

import devpulse
from pipeline import Pipeline

ROUNDS = 6
BEFORE, DURING = 1500, 300  # events of a round, around the moment at which the server is killed


def test_killed_in_mid_stream_nothing_is_missing_or_doubled(tmp_path: Path) -> None:
    with Pipeline(tmp_path) as pipeline:
        devpulse.init(pipeline.ws_url, system="tests", install_hooks=False)
        dropped = devpulse.stats()["dropped"]
        trace_id = devpulse.generate_trace_id()
        sent = 0
        for round_ in range(ROUNDS):
            for n in range(BEFORE + DURING):
                devpulse.event("step", trace_id=trace_id, n=sent)
                sent += 1
                if n == BEFORE - round_ * 200:  # at another moment of the stream each time
                    pipeline.kill()
            pipeline.start()
            assert devpulse.flush(20), devpulse.stats()
        found = Counter(e["data"]["n"] for e in pipeline.trace(trace_id, sent)["events"])
        stats = devpulse.stats()
    assert set(found) == set(range(sent))
    assert max(found.values()) == 1
    assert (stats["dropped"], stats["refused"], stats["acked"]) == (dropped, 0, sent)
    assert stats["reconnects"] >= ROUNDS - 1
