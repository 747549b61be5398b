"""The numbers of /api/stats and /api/flow, worked out once more from the events as they were sent.

    numbers.py events SEED N         random events of two hours, a line each
    numbers.py check URL FILE        asks a dp-http that has them, and compares
"""

import json
import math
import random
import sys
import urllib.parse
import urllib.request
from datetime import datetime, timezone

BEGIN = 1767261600  # 2026-01-01T10:00:00Z
SPAN = 7200
LENGTHS = [1, 5, 15, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, 86400, 7 * 86400, 30 * 86400]
SEVERITIES = ["error", "warning", "info", "debug"]


def text_of(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def events(seed, count):
    dice = random.Random(seed)
    for n in range(count):
        event = {
            "traceId": f"t{dice.randrange(count // 40)}",
            "eventId": f"018bcfe5-6800-7000-8000-{n:012x}",
            "timestamp": text_of(BEGIN + dice.randrange(SPAN * 1000) / 1000),
            "system": dice.choice(["web", "api", "worker", "db", "cache queue"]),
            "severity": dice.choice([*SEVERITIES, "info", "info"]),
            "type": dice.choice(["request", "log"]),
            "details": f"event {n}",
        }
        if dice.random() < 0.5:
            event["durationMs"] = dice.choice([dice.randrange(500), round(dice.random() * 100, 3), -1])
        if dice.random() < 0.6:
            event["spanId"] = f"s{dice.randrange(8)}"
        if dice.random() < 0.5:
            event["parentSpanId"] = f"s{dice.randrange(9)}"
        yield event


def seconds_of(event):
    return datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00")).timestamp()


def percentile(values, percent):
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1] if values else None


def same(a, b):
    if isinstance(a, float) or isinstance(b, float):
        return a is not None and b is not None and math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-9)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return a == b


def ask(url, path, **query):
    with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(query)}") as answer:
        return json.load(answer)


def compare(what, got, want):
    for key in want:
        if not same(got[key], want[key]):
            sys.exit(f"{what}: {key}:\n got  {json.dumps(got[key])}\n want {json.dumps(want[key])}")


def buckets_of(since, until, most):
    for each in LENGTHS:
        first = math.floor(since / each)
        end = math.ceil(until / each)
        if end - first > most and most >= 20 and until - since <= most * each:
            first += 1
        if end - first <= most:
            return each, range(first, end)
    raise ValueError


def stats_of(chosen, since, until, most):
    each, numbers = buckets_of(since, until, most)
    inside = [e for e in chosen if int(seconds_of(e) // each) in numbers]
    seconds = len(numbers) * each
    systems = []
    for name in {e["system"] for e in inside}:
        its = [e for e in inside if e["system"] == name]
        times = [e["durationMs"] for e in its if e.get("durationMs", -1) >= 0]
        systems.append(
            {
                "system": name,
                "events": len(its),
                "errors": sum(e["severity"] == "error" for e in its),
                "rate_per_s": len(its) / seconds,
                "p50_ms": percentile(times, 50),
                "p95_ms": percentile(times, 95),
                "p99_ms": percentile(times, 99),
                "measured": len(times),
            }
        )
    count = {(number, severity): 0 for number in numbers for severity in SEVERITIES}
    for e in inside:
        count[int(seconds_of(e) // each), e["severity"]] += 1

    def name_of(instant):
        return text_of(instant).replace(".000Z", "Z")

    return {
        "since": name_of(numbers[0] * each),
        "until": name_of((numbers[-1] + 1) * each),
        "bucket_ms": each * 1000,
        "buckets": [
            {"time": name_of(number * each), **{s: count[number, s] for s in SEVERITIES}} for number in numbers
        ],
        "totals": {"events": len(inside), **{s: sum(e["severity"] == s for e in inside) for s in SEVERITIES}},
        "systems": sorted(systems, key=lambda s: (-s["events"], s["system"])),
        "folded": False,
        "complete": True,
        "counted_since": name_of(numbers[0] * each),
    }


def check_stats(url, all_events):
    whole = (BEGIN, BEGIN + SPAN)
    filters = {
        "": lambda e: True,
        "severity=error,warning": lambda e: e["severity"] in ("error", "warning"),
        'system!=web,"cache queue"': lambda e: e["system"] not in ("web", "cache queue"),
        "type=request": lambda e: e["type"] == "request",
        "7": lambda e: "7" in json.dumps(e),
        "duration>50 system=api": lambda e: e["system"] == "api" and e.get("durationMs", 0) > 50,
        "nothing-has-this": lambda e: False,
    }
    for text, chooses in filters.items():
        chosen = [e for e in all_events if chooses(e)]
        for since, until, most in [
            (*whole, 60),
            (*whole, 200),
            (BEGIN + 600, BEGIN + 1234.567, 200),
            (BEGIN + 1800, BEGIN + 3600, 30),
            (BEGIN - 86400, BEGIN + 86400, 2 if not text else 7),
            (BEGIN + 20.5, BEGIN + 20.5, 1),
        ]:
            query = {"since": text_of(since), "until": text_of(until), "buckets": most}
            got = ask(url, "/api/stats", filter=text, **query) if text else ask(url, "/api/stats", **query)
            compare(f"stats {text} {query}", got, stats_of(chosen, since, until, most))


class Span:
    def __init__(self, first):
        self.events = [first]
        self.parent = None

    @property
    def system(self):
        return self.events[0]["system"]

    def duration(self):
        times = [e["durationMs"] for e in self.events if "durationMs" in e]
        return max(times) if times else None


def took(span, before, event):
    """Milliseconds, None where they are unknown."""
    known = span.duration()
    if known is not None:
        return known if known >= 0 else None
    return (seconds_of(event) - seconds_of(before)) * 1000 if before else None


def is_within(span, top):
    seen = []
    while span.parent and span not in seen:
        seen.append(span)
        span = span.parent
    return span is top and not span.parent


def calls_of(trace):
    """The calls of a trace: from, to, whether it failed, milliseconds."""
    trace = sorted(trace, key=lambda e: (seconds_of(e), e["eventId"]))
    named = {}
    spans = []
    owner = []
    for event in trace:
        span = named.get(event.get("spanId"))
        if span:
            span.events.append(event)
        else:
            span = Span(event)
            spans.append(span)
            if "spanId" in event:
                named[event["spanId"]] = span
        owner.append(span)
    for span in spans:
        parents = [named.get(e["parentSpanId"]) for e in span.events if "parentSpanId" in e]
        span.parent = next((p for p in parents if p and p is not span), None)
    failed_spans = {id(span) for span in spans if any(e["severity"] == "error" for e in span.events)}
    for span in [s for s in spans if id(s) in failed_spans]:
        while span.parent and span.parent.system == span.system and id(span.parent) not in failed_spans:
            span = span.parent
            failed_spans.add(id(span))
    for span in spans:
        if span.parent and span.parent.system != span.system:
            begin = span.events[0]
            before = [e for e in span.parent.events if seconds_of(e) <= seconds_of(begin)]
            failed = id(span) in failed_spans
            yield span.parent.system, span.system, failed, took(span, before[-1] if before else None, begin)
    for i in range(1, len(trace)):
        before, event, span = trace[i - 1], trace[i], owner[i]
        if span.parent or before["system"] == event["system"] or is_within(owner[i - 1], span):
            continue
        run = []
        for following in trace[i:]:
            if following["system"] != event["system"]:
                break
            run.append(following)
        failed = any(e["severity"] == "error" for e in run)
        yield before["system"], event["system"], failed, took(span, before, event)


def flow_of(traces):
    all_events = [e for trace in traces for e in trace]
    nodes = []
    for name in {e["system"] for e in all_events}:
        its = [e for e in all_events if e["system"] == name]
        nodes.append(
            {
                "system": name,
                "events": len(its),
                "errors": sum(e["severity"] == "error" for e in its),
                "traces": len({e["traceId"] for e in its}),
            }
        )
    nodes.sort(key=lambda n: (-n["events"], n["system"]))
    order = {node["system"]: i for i, node in enumerate(nodes)}
    calls = {}
    for trace in traces:
        for source, target, failed, ms in calls_of(trace):
            calls.setdefault((source, target), []).append((failed, ms))
    edges = []
    for (source, target), its in sorted(calls.items(), key=lambda c: (order[c[0][0]], order[c[0][1]])):
        times = [ms for _, ms in its if ms is not None]
        edges.append(
            {
                "from": source,
                "to": target,
                "count": len(its),
                "errors": sum(failed for failed, _ in its),
                "p50_ms": percentile(times, 50),
                "p95_ms": percentile(times, 95),
            }
        )
    return {"nodes": nodes, "edges": edges, "traces": len(traces), "folded": False, "complete": True}


def check_flow(url, all_events):
    traces = {}
    for event in all_events:
        traces.setdefault(event["traceId"], []).append(event)
    for name in list(traces)[:20]:
        compare(f"flow of {name}", ask(url, "/api/flow", trace=name), flow_of([traces[name]]))
    for since, until, text, chooses in [
        (BEGIN, BEGIN + SPAN, "", lambda e: True),
        (BEGIN + 1000.5, BEGIN + 1100, "", lambda e: True),
        (BEGIN, BEGIN + 600, "severity=error system=db", lambda e: (e["severity"], e["system"]) == ("error", "db")),
        (BEGIN, BEGIN + SPAN, "nothing-has-this", lambda e: False),
    ]:
        found = [
            trace
            for trace in traces.values()
            if any(since <= seconds_of(e) < until and chooses(e) for e in trace)
        ]
        query = {"since": text_of(since), "until": text_of(until)}
        got = ask(url, "/api/flow", filter=text, **query) if text else ask(url, "/api/flow", **query)
        compare(f"flow {text} {query}", got, flow_of(found))


def main():
    if sys.argv[1] == "events":
        for event in events(int(sys.argv[2]), int(sys.argv[3])):
            print(json.dumps(event, separators=(",", ":")))
        return
    with open(sys.argv[3]) as lines:
        all_events = [json.loads(line) for line in lines]
    check_stats(sys.argv[2], all_events)
    check_flow(sys.argv[2], all_events)


main()
