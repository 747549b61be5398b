"""Identifiers: their form, their order, and that a fork does not repeat them."""

import os
import re
import time
import uuid

import pytest

from devpulse import _ids


def test_trace_and_span_ids_have_the_form_of_w3c() -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", _ids.new_trace_id())
    assert re.fullmatch(r"[0-9a-f]{16}", _ids.new_span_id())
    assert len({_ids.new_trace_id() for _ in range(10_000)}) == 10_000
    assert len({_ids.new_span_id() for _ in range(10_000)}) == 10_000


def test_an_event_id_is_a_uuid_of_version_7() -> None:
    ns = time.time_ns()
    parsed = uuid.UUID(_ids.event_id(ns, _ids.random_bits()))
    assert parsed.version == 7
    assert parsed.variant == uuid.RFC_4122
    assert parsed.int >> 80 == ns // 1_000_000


def test_an_event_id_says_the_same_of_every_bit() -> None:
    # The example of RFC 9562, A.6, with a fraction of zero.
    assert _ids.event_id(0x017F22E279B0 * 1_000_000, 0x18C4DC0C0C07398F) == (
        "017f22e2-79b0-7000-98c4-dc0c0c07398f"
    )


def test_both_ids_of_a_request_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [_ids.new_ids() for _ in range(10_000)]
    assert all(re.fullmatch(r"[0-9a-f]{32} [0-9a-f]{16}", " ".join(pair)) for pair in pairs)
    assert len({trace_id for trace_id, _ in pairs}) == len({span_id for _, span_id in pairs})
    assert len(set(pairs)) == 10_000
    monkeypatch.setattr(_ids, "_bits", lambda _: 0)
    monkeypatch.setattr(_ids, "_pool", [])
    assert _ids.new_ids() == ("0" * 31 + "1", "0" * 15 + "1")


def test_an_event_of_before_1970_has_an_id_too() -> None:
    assert uuid.UUID(_ids.event_id(-1, _ids.random_bits())).version == 7


def test_event_ids_sort_by_time() -> None:
    ns = 1_700_000_000_000_000_000
    ids = [_ids.event_id(ns + step * 250, _ids.random_bits()) for step in range(0, 8000, 7)]
    assert ids == sorted(ids)


def test_a_fork_does_not_repeat_its_parents_ids() -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, _ids.new_trace_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    mine = _ids.new_trace_id()
    theirs = os.read(reader, 100).decode()
    os.close(reader)
    os.close(writer)
    assert len(theirs) == 32
    assert theirs != mine
