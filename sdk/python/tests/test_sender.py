"""Delivery to the real dp-ingest, through all that may befall it, and to servers that misbehave."""

import json
import logging
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

from devpulse._internal import forget_warnings
from devpulse._record import Common, Record
from devpulse._sender import Sender
from peers import HELLO, RawServer, frame
from pipeline import Ingest, Pipeline, wait_for
from test_buffer import run_python

TRACE = "5e4d" * 8


def record(n=0, severity="info", trace=TRACE, **fields):
    return Record(
        trace, severity, "tests", "log", {"name": "test", "n": n, **fields}, Common({}), 250
    )


def notice(text):
    return Record(
        TRACE, "warning", "tests", "log", {"name": "notice", "details": text}, Common({}), 250
    )


@pytest.fixture(autouse=True)
def told(caplog):
    """What the SDK says of itself, from INFO on, as (level, text)."""
    forget_warnings()
    caplog.set_level(logging.INFO, "devpulse.internal")

    def told():
        entries = [entry for entry in caplog.records if entry.name == "devpulse.internal"]
        return [(entry.levelname, entry.getMessage()) for entry in entries]

    return told


@pytest.fixture
def ingest(tmp_path):
    with Ingest(tmp_path) as program:
        yield program


@pytest.fixture
def make_sender():
    """Sender(), closed at the end."""
    senders = []

    def make(*args, **options):
        senders.append(Sender(*args, **options))
        return senders[-1]

    yield make
    for sender in senders:
        sender.close(0)


def put_all(sender, count, **fields):
    for n in range(count):
        sender.put(record(n, **fields))


def numbers(events):
    return [event["n"] for event in events if "n" in event]


def stats_of(sender, *names):
    stats = sender.stats()
    return tuple(stats[name] for name in names)


def test_events_arrive_in_order_and_are_acknowledged(ingest, make_sender, told):
    sender = make_sender(ingest.ws_url)
    put_all(sender, 3000)
    assert sender.flush(10)
    assert numbers(ingest.events()) == list(range(3000))
    assert stats_of(sender, "sent", "acked", "refused", "dropped", "reconnects") == (
        (3000, 3000, 0, 0, 0)
    )
    assert stats_of(sender, "queued", "unacked", "connected") == (0, 0, 1)
    assert told() == []


def test_the_event_is_stored_as_it_was_made(tmp_path, make_sender):
    with Pipeline(tmp_path) as pipeline:
        sender = make_sender(pipeline.ws_url)
        sender.put(record(7, details="café"))
        (event,) = pipeline.trace(TRACE)["events"]
        assert event["data"]["details"] == "café"
        assert sender.close(5)
        assert pipeline.get("/api/traces/none") is None


def test_ids_and_times_are_those_of_the_record(ingest, make_sender):
    sender = make_sender(ingest.ws_url)
    each = record()
    sender.put(each)
    assert sender.flush(10)
    (event,) = ingest.events()
    del event["receivedAt"]
    assert event == json.loads(each.encode())


def test_nothing_is_lost_when_the_server_is_killed(ingest, make_sender):
    """Three times in mid-stream. A repeat on the pipe has the id that the store knows."""
    sender = make_sender(ingest.ws_url)
    for part in range(4):
        for n in range(1500):
            sender.put(record(1500 * part + n))
        if part < 3:
            wait_for(lambda part=part: sender.stats()["acked"] > 1600 * part)
            ingest.kill()
            put_all(sender, 100, away=True)
            ingest.start()
    assert sender.flush(20)
    events = ingest.events()
    sequence = [event["n"] for event in events if "away" not in event]
    assert set(sequence) == set(range(6000))
    assert len({event["eventId"] for event in events}) == 6300
    firsts = list(dict.fromkeys(sequence))
    assert firsts == sorted(firsts)
    assert sender.stats()["acked"] == 6300
    assert sender.stats()["reconnects"] == 3
    assert sender.stats()["dropped"] == 0


def test_what_a_killed_server_had_not_acknowledged_is_stored_once(tmp_path, make_sender):
    with Pipeline(tmp_path) as pipeline:
        sender = make_sender(pipeline.ws_url)
        put_all(sender, 2000)
        pipeline.kill()
        pipeline.start()
        put_all(sender, 50, late=True)
        assert sender.flush(20)
        events = pipeline.trace(TRACE, 2050)["events"]
        assert len(events) == 2050
        assert pipeline.trace(TRACE, 2050)["events"] == events


def test_a_server_that_starts_later(ingest, make_sender, told):
    ingest.stop()
    sender = make_sender(ingest.ws_url, max_events=200, notice=notice)
    put_all(sender, 100, severity="error")
    put_all(sender, 400)
    wait_for(told)
    assert not sender.flush(0.5)
    ingest.start()
    assert sender.flush(20)
    assert numbers(ingest.wait_for_events(201))[:100] == list(range(100))
    (warning, back) = told()
    assert warning[0] == "WARNING"
    assert ingest.ws_url in warning[1]
    assert "connection refused" in warning[1]
    assert back == ("INFO", f"{ingest.ws_url} is there again; events dropped meanwhile: 300")
    assert sender.flush(10)
    (text,) = [event["details"] for event in ingest.events() if event["name"] == "notice"]
    assert text == "300 events were dropped before they could be sent (300 info)"
    assert stats_of(sender, "dropped_info", "dropped_error", "acked") == (300, 0, 201)


@pytest.fixture
def refusing_port():
    """One that nobody else can listen on meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_a_server_away_costs_the_application_nothing(make_sender, told, refusing_port):
    sender = make_sender(f"ws://localhost:{refusing_port}")
    started = time.perf_counter()
    put_all(sender, 30_000)
    assert time.perf_counter() - started < 5
    assert not sender.flush(0.3)
    assert stats_of(sender, "acked", "connected") == (0, 0)
    assert sender.stats()["queued"] <= 10_064
    assert len(told()) == 1
    started = time.monotonic()
    assert not sender.close(10)
    assert time.monotonic() - started < 3, "nobody was ever there: no reason to wait"
    assert sender.stats()["dropped"] == 30_000


def test_close_waits_for_a_server_that_was_there(ingest, make_sender):
    sender = make_sender(ingest.ws_url)
    put_all(sender, 1)
    assert sender.flush(10)
    ingest.kill()
    put_all(sender, 10)
    result = []
    closing = threading.Thread(target=lambda: result.append(sender.close(20)))
    closing.start()
    ingest.start()
    closing.join(20)
    assert result == [True]
    assert len(ingest.events()) == 11


def test_a_server_that_reads_nothing(make_sender):
    def stall(peer):
        peer.accept()
        stop.wait(60)

    stop = threading.Event()
    with RawServer(stall) as server:
        sender = make_sender(server.ws_url, max_events=2000, max_bytes=1 << 20)
        started = time.perf_counter()
        for n in range(5000):
            sender.put(record(n, "error" if n % 100 == 0 else "info", details="x" * 3000))
        assert time.perf_counter() - started < 5
        assert not sender.flush(0.3)
        stats = sender.stats()
        assert stats["queued"] + stats["unacked"] <= 2064
        assert sender._buffer.bytes <= 1 << 20
        assert stats["dropped"] == 5000 - stats["queued"] - stats["unacked"]
        assert stats["acked"] == 0
        started = time.monotonic()
        assert not sender.close(0.3)
        assert time.monotonic() - started < 3
        stop.set()


def test_a_server_that_is_paused(ingest, make_sender):
    sender = make_sender(ingest.ws_url)
    put_all(sender, 10)
    assert sender.flush(10)
    ingest.pause(signal.SIGSTOP)
    put_all(sender, 9000)
    assert not sender.flush(0.3)
    ingest.pause(signal.SIGCONT)
    assert sender.flush(20)
    assert len(ingest.events()) == 9010
    assert stats_of(sender, "acked", "sent", "reconnects") == (9010, 9010, 0)


@pytest.mark.parametrize("token", ["the-right-token-0001", "a-wrong-token-000001", None])
def test_a_token(tmp_path, make_sender, told, token):
    file = tmp_path / "token"
    file.write_text("the-right-token-0001\n")
    file.chmod(0o600)
    with Ingest(tmp_path, f"--token-file={file}") as ingest:
        sender = make_sender(ingest.ws_url, token)
        put_all(sender, 5)
        if token == "the-right-token-0001":
            assert sender.flush(10)
            assert len(ingest.events()) == 5
            assert told() == []
        else:
            wait_for(told)
            assert not sender.flush(0.1)
            ((level, text),) = told()
            assert level == "WARNING"
            assert "the right one: init(token=…) or DEVPULSE_TOKEN (401)" in text
            assert sender.stats()["queued"] == 5
            assert "a-wrong-token" not in text


def test_the_port_of_the_page_is_none_for_events(make_sender, told):
    def page(peer):  # as dp-http answers
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n<!DOCTYPE html>\n")

    with RawServer(page) as server:
        put_all(make_sender(server.ws_url), 1)
        wait_for(told)
        assert "what is there takes no events (200 OK)" in told()[0][1]


def test_refused_events_are_counted_told_once_and_not_sent_again(ingest, make_sender, told):
    sender = make_sender(ingest.ws_url)
    for n in range(9):
        sender.put(record(n, trace=TRACE if n % 3 else "bad\nid"))
    assert sender.flush(10)
    assert stats_of(sender, "refused", "acked", "sent", "queued") == (3, 6, 9, 0)
    ((level, text),) = told()
    assert level == "WARNING"
    assert "bad-trace-id" in text
    ingest.kill()
    ingest.start()
    put_all(sender, 1)
    assert sender.flush(10)
    assert stats_of(sender, "refused", "acked", "sent") == (3, 7, 10)


def test_more_refusals_than_the_server_names(ingest, make_sender):
    sender = make_sender(ingest.ws_url)
    for n in range(250):
        sender.put(record(n, trace=TRACE if n % 5 == 0 else ""))
    assert sender.flush(10)
    assert stats_of(sender, "refused", "acked", "unacked") == (200, 50, 0)
    assert numbers(ingest.events()) == list(range(0, 250, 5))


def test_events_that_cannot_be_sent_do_not_hold_up_the_others(ingest, make_sender, told):
    class Unwritable(Record):
        def encode(self):
            raise ValueError("no text")

    sender = make_sender(ingest.ws_url)
    sender.put(record(0))
    sender.put(record(1, "error", details="x" * 1_100_000))
    sender.put(Unwritable(TRACE, "warning", "tests", "log", {}, Common({}), 250))
    sender.put(record(2))
    assert sender.flush(10)
    assert numbers(ingest.events()) == [0, 2]
    assert stats_of(sender, "dropped_error", "dropped_warning", "acked") == (1, 1, 2)
    assert len(told()) == 2
    sender.put(record(3, "error", details="x" * 1_100_000))
    wait_for(lambda: sender.stats()["dropped_error"] == 2)
    sender.put(record(4))  # goes by itself, without a flush that wakes the thread
    wait_for(lambda: sender.stats()["acked"] == 3)


def test_many_events_through_small_bounds(ingest, make_sender):
    sender = make_sender(ingest.ws_url, max_events=500, notice=notice)
    started = time.monotonic()
    put_all(sender, 100_000)
    assert sender.flush(20)
    seconds = time.monotonic() - started
    stats = sender.stats()
    events = ingest.wait_for_events(stats["acked"])
    notices = sum(event["name"] == "notice" for event in events)
    assert stats["acked"] + stats["dropped"] == 100_000 + notices
    assert len(events) == stats["acked"] > notices
    assert 1 <= notices <= 2 + seconds / 10


def test_threads_put_at_the_same_time(ingest, make_sender):
    sender = make_sender(ingest.ws_url)
    threads = [threading.Thread(target=put_all, args=(sender, 1000)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sender.flush(20)
    events = ingest.events()
    assert len(events) == len({event["eventId"] for event in events}) == 8000


def test_the_limits_of_hello_are_kept(make_sender):
    """Two messages at most are unacknowledged, none has more than 1000 bytes."""
    received, sizes, too_early = [], [], []

    def strict(peer):
        peer.accept(greeting='{"t":"hello","v":1,"max":1000,"win":2}')
        for n in range(1, 1000):
            opcode, payload = peer.read_frame()
            if opcode != 1:
                return
            sizes.append(len(payload))
            received.extend(json.loads(line)["n"] for line in payload.split(b"\n"))
            if n == 2:
                peer.socket.settimeout(0.3)
                try:
                    too_early.append(peer.socket.recv(1, socket.MSG_PEEK))
                except TimeoutError:
                    pass
                peer.socket.settimeout(20)
            if n >= 2:
                peer.say(f'{{"t":"ack","n":{n - 1}}}')
                if len(received) == 60:
                    peer.say(f'{{"t":"ack","n":{n}}}')

    with RawServer(strict) as server:
        sender = make_sender(server.ws_url)
        put_all(sender, 60, details="x" * 200)  # more than their estimate
        assert sender.flush(10)
        assert received == list(range(60))
        assert len(sizes) > 10
        assert max(sizes) <= 1000
        assert too_early == []


def ill(*says, hello=True):
    """A server that says this after hello, and reads."""

    def behave(peer):
        peer.accept(greeting=HELLO if hello else "")
        peer.read_frame()
        for text in says:
            peer.send(text if isinstance(text, bytes) else frame(text.encode()))
        peer.read_to_end()

    return behave


ILL = {
    "acknowledges what was not sent": ill('{"t":"ack","n":77}'),
    "acknowledges a half": ill('{"t":"ack","n":0.5}'),
    "acknowledges true": ill('{"t":"ack","n":true}'),
    "refuses what was not sent": ill('{"t":"nack","n":9,"code":"x"}'),
    "refuses an event that is not there": ill('{"t":"nack","n":1,"i":99,"code":"x"}'),
    "refuses by a word": ill('{"t":"nack","n":1,"i":"0","code":"x"}'),
    "speaks no JSON": ill("hello?"),
    "speaks deep JSON": ill("[" * 60_000),
    "speaks an array": ill("[]"),
    "greets with rubbish": lambda peer: (peer.accept(greeting="{}"), peer.read_to_end()),
    "greets with a limit of nothing": lambda peer: (
        peer.accept(greeting='{"t":"hello","v":1,"max":0,"win":1}'),
        peer.read_to_end(),
    ),
    "hangs up after the greeting": lambda peer: peer.accept(),
    "closes politely": ill(frame(b"\x03\xe9", 8)),
    "masks": ill(b"\x81\x81\0\0\0\0x"),
    "sends too much": ill(b"\x81\x7f\0\0\0\x01\0\0\0\0"),
}


@pytest.mark.parametrize("name", ILL)
def test_an_ill_server_loses_no_event(make_sender, name, told):
    received = []

    def behave(peer):
        if server.connections == 1:
            ILL[name](peer)
            return
        peer.accept()
        for n in range(1, 100):
            received.extend(event["n"] for event in peer.read_events())
            peer.say(f'{{"t":"ack","n":{n},"future":[]}}')
            peer.say('{"t":"news of a later version"}')

    with RawServer(behave) as server:
        sender = make_sender(server.ws_url)
        put_all(sender, 20)
        assert sender.flush(15)
        assert received == list(range(20))
        assert stats_of(sender, "acked", "dropped", "refused") == (20, 0, 0)
        assert [level for level, _ in told()] == ["WARNING", "INFO"]


def test_a_server_that_acknowledges_nothing(make_sender, told):
    received = []

    def plain(peer):
        peer.accept("")
        peer.say("whatever")
        while True:
            received.extend(event["n"] for event in peer.read_events())

    with RawServer(plain) as server:
        sender = make_sender(server.ws_url)
        put_all(sender, 3000)
        assert sender.flush(10)
        wait_for(lambda: received == list(range(3000)))
        assert stats_of(sender, "sent", "acked", "unacked") == (3000, 0, 0)
        ((level, text),) = told()
        assert (level, "acknowledges nothing" in text) == ("WARNING", True)


def test_once_a_flush_is_over_events_wait_for_company_again(ingest, make_sender):
    sender = make_sender(ingest.ws_url)
    sender.put(record())
    assert sender.flush(60)
    assert not sender._is_hurried()
    ingest.pause(signal.SIGSTOP)
    sender.put(record(1))
    waiting = threading.Thread(target=sender.flush, args=(60,))
    waiting.start()
    wait_for(sender._is_hurried)
    assert not sender.flush(0.1)
    assert sender._is_hurried()  # by the other
    ingest.pause(signal.SIGCONT)
    waiting.join(60)
    assert not sender._is_hurried()


def test_what_a_slow_server_leaves_in_the_connection_goes_when_it_reads(make_sender):
    """No answer of the server wakes the thread, only the room that it makes."""
    read, go = [], threading.Event()

    def slow(peer):
        peer.accept("")
        go.wait(20)
        peer.read_to_end()
        read.append(True)

    with RawServer(slow) as server:
        sender = make_sender(server.ws_url, max_bytes=64 << 20)
        put_all(sender, 5000, details="x" * 3000)
        assert not sender.flush(0.5)
        go.set()
        wait_for(lambda: sender.stats()["sent"] == 5000)
        wait_for(lambda: sender.stats()["unacked"] == 0)
        assert sender.close(10)
        wait_for(lambda: read)


def test_a_server_that_says_nothing_until_the_end_is_told(make_sender, told):
    go = threading.Event()
    with RawServer(lambda _: go.wait(20)) as server:
        sender = make_sender(server.ws_url)
        put_all(sender, 3)
        assert not sender.close(0.5)
        go.set()
        assert told() == [
            ("WARNING", f"{server.ws_url}: no answer in time; events lost at the end: 3")
        ]


def test_an_idle_connection_answers_pings_and_notices_its_end(make_sender):
    pongs, received = [], []

    def behave(peer):
        peer.accept()
        received.extend(event["n"] for event in peer.read_events())
        peer.say('{"t":"ack","n":1}')
        peer.send(frame(b"alive?", 9))
        pongs.append(peer.read_frame())

    with RawServer(behave) as server:
        sender = make_sender(server.ws_url)
        sender.put(record(1))
        wait_for(lambda: pongs == [(10, b"alive?")])
        wait_for(lambda: sender.stats()["connected"] == 0)
        assert server.connections == 1, "there is nothing to connect for"
        sender.put(record(2))
        assert sender.flush(10)
        assert received == [1, 2]
        assert sender.stats()["reconnects"] == 1


def test_close_says_good_bye(make_sender):
    frames = []

    def behave(peer):
        peer.accept()
        peer.read_events()
        peer.say('{"t":"ack","n":1}')
        frames.append(peer.read_frame())
        peer.send(frame(b"\x03\xe8", 8))

    with RawServer(behave) as server:
        sender = make_sender(server.ws_url)
        sender.put(record())
        assert sender.close(10)
        assert frames == [(8, b"\x03\xe8")]
        assert sender.stats()["connected"] == 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(certificate, key) of localhost, made by openssl."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*new, *subject, *files], check=True, capture_output=True)
    return cert, key


def tunnel(port):
    """A server that passes everything on to a port of this machine."""

    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        finally:
            for sock in (source, target):
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def behave(peer):
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            back = threading.Thread(target=pump, args=(upstream, peer.socket), daemon=True)
            back.start()
            pump(peer.socket, upstream)
            back.join()

    return behave


@pytest.mark.parametrize("is_trusted", [True, False])
def test_wss(ingest, make_sender, certificate, monkeypatch, told, is_trusted):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with RawServer(tunnel(ingest.port), context=context) as server:
        sender = make_sender(server.ws_url)
        put_all(sender, 5000, details="x" * 200)
        if is_trusted:
            assert sender.flush(20)
            assert numbers(ingest.events()) == list(range(5000))
            assert sender.close(5)
        else:
            wait_for(told)
            assert not sender.flush(0.1)
            ((_, text),) = told()
            assert "the certificate is not trusted" in text


def test_a_fork(ingest):
    """The child's events arrive, the parent's are not doubled, its connection goes on."""
    run_python(
        f"""
import os
from test_sender import Sender, put_all
sender = Sender("{ingest.ws_url}")
put_all(sender, 100)
assert sender.flush(10)
put_all(sender, 100)
inherited = [sender._websocket.fileno(), sender._selector.fileno(), sender._waker.fileno()]
pid = os.fork()
if pid == 0:
    sender.after_fork_in_child()
    for descriptor in inherited:
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        raise AssertionError("a descriptor of the parent's is open")
    put_all(sender, 50, child=True)
    assert sender.flush(10)
    assert sender.stats()["acked"] == 50
    assert sender.close(10)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
put_all(sender, 100)
assert sender.flush(10)
assert sender.stats()["reconnects"] == 0
assert sender.stats()["acked"] == 300
assert sender.close(10)
"""
    )
    events = ingest.events()
    assert len(events) == len({event["eventId"] for event in events}) == 350
    assert sum("child" in event for event in events) == 50


def test_a_fork_while_the_server_is_away_and_without_hooks(ingest):
    """The parent's events wait in the parent only."""
    ingest.stop()
    start = threading.Timer(0.5, ingest.start)
    start.start()
    run_python(
        f"""
import os
from test_sender import Sender, put_all
sender = Sender("{ingest.ws_url}")
put_all(sender, 100)
pid = os.fork()
put_all(sender, 10, child=pid == 0)
assert sender.flush(20)
if pid == 0:
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""
    )
    start.join()
    events = ingest.events()
    assert len({event["eventId"] for event in events}) == 120
    assert sum(event.get("child", False) for event in events) == 10


def test_the_end_of_the_process_loses_nothing(ingest):
    """Events of the last moment, put when the interpreter ends already."""
    run_python(
        f"""
import atexit
from test_sender import Sender, put_all, record
sender = Sender("{ingest.ws_url}")
atexit.register(lambda: sender.close(10))
atexit.register(put_all, sender, 500)
"""
    )
    assert numbers(ingest.events()) == list(range(500))


def test_an_idle_connection_uses_no_processor(ingest):
    used = run_python(
        f"""
import time
from test_sender import Sender, record
sender = Sender("{ingest.ws_url}")
sender.put(record())
assert sender.flush(10)
while not sender._is_asleep:
    time.sleep(0.05)
before = time.process_time()
time.sleep(1)
print(time.process_time() - before)
"""
    )
    assert float(used) < 0.02


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
def test_green_threads(ingest, library):
    pytest.importorskip(library)
    patch = {
        "gevent": "from gevent import monkey; monkey.patch_all()",
        "eventlet": "import eventlet; eventlet.monkey_patch()",
    }[library]
    run_python(
        f"""
{patch}
from test_sender import Sender, put_all
sender = Sender("{ingest.ws_url}")
put_all(sender, 5000)
assert sender.flush(20)
put_all(sender, 1)
assert sender.close(20)
"""
    )
    assert numbers(ingest.events()) == [*range(5000), 0]


def test_what_connecting_needs_is_imported_before_any_fork() -> None:
    # A fork in the midst of a first import leaves the child without the module, for good.
    code = "import devpulse, devpulse._client, sys; print('encodings.idna' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout == "True\n"
