"""Asks a running dp-http for all that docs/openapi.yaml has, and holds each answer against it.

    contract.py DOCUMENT --url URL [--absent URL] [--token URL TOKEN]

Of the servers one has data, one has no database, and one wants a token. From the document alone:
every operation with what it needs, then with each parameter that it may have, in each form; then
all that can be wrong with it. An answer must have a status that the operation documents, with a
body of the documented type and shape. Each documented error must have come up. Prints what is
wrong; exit status 1 where something is."""

import argparse
import gzip
import http.client
import json
import pathlib
import sys
import urllib.parse
from dataclasses import dataclass

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

METHODS = ("get", "post", "put", "delete", "patch")
TIMEOUT_S = 20


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.fields = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()
        if self.fields.get("content-encoding") == "gzip" and self.body:
            self.body = gzip.decompress(self.body)

    @property
    def type(self):
        return self.fields.get("content-type", "").split(";")[0]


def ask(url, target, method="GET", fields=(), body=None):
    host = urllib.parse.urlsplit(url).netloc
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
    try:
        connection.request(method, target, body=body, headers=dict(fields))
        return Answer(connection.getresponse())
    finally:
        connection.close()


@dataclass
class Operation:
    """One of the document; `needed` has each parameter that it must have, with a value."""

    path: str
    responses: dict
    parameters: list
    is_free: bool  # of a token
    needed: list | None = None

    @property
    def target(self):
        return target_of(self.path, self.needed)


class Contract:
    """The document, and what was seen of it."""

    def __init__(self, path):
        self.document = yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8"))
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        self.registry = Registry().with_resource("urn:contract", resource)
        self.faults = []
        self.asked = 0
        self.seen = set()  # (path, status)

    def resolve(self, node):
        while "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def operations(self):
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method not in item:
                    continue
                node = item[method]
                parameters = item.get("parameters", []) + node.get("parameters", [])
                yield Operation(
                    path,
                    {status: self.resolve(r) for status, r in node["responses"].items()},
                    [self.resolve_parameter(p) for p in parameters],
                    node.get("security") == [{}],
                )

    def resolve_parameter(self, node):
        node = self.resolve(node)
        return {**node, "schema": self.resolve(node.get("schema", {}))}

    def fault(self, what, answer, why):
        what = f"{what[:300]}: {answer.status} {answer.type}"
        self.faults.append(f"{what}: {why}\n    {answer.body[:300]!r}")

    def check(self, op, answer, what, want=None):
        """Holds an answer against the document; `want`: the status that it must have."""
        self.asked += 1
        self.seen.add((op.path, str(answer.status)))
        response = op.responses.get(str(answer.status))
        if answer.status >= 400:
            response = response or op.responses.get("default")
        if want and answer.status != want:
            self.fault(what, answer, f"status {want} is wanted")
        elif response is None:
            self.fault(what, answer, "the status is not documented")
        else:
            self.check_body(response, answer, what)

    def check_body(self, response, answer, what):
        content = response.get("content", {})
        if not content:
            if answer.body:
                self.fault(what, answer, "no body is documented")
            return
        if answer.type not in content:
            self.fault(what, answer, f"none of {', '.join(content)}")
            return
        try:
            value = parse(answer)
        except ValueError as e:
            self.fault(what, answer, f"the body is no {answer.type}: {e}")
            return
        validator = Draft202012Validator(
            absolute(content[answer.type].get("schema", {})),
            registry=self.registry,
            format_checker=FormatChecker(),
        )
        for error in list(validator.iter_errors(value))[:3]:
            self.fault(what, answer, f"{error.json_path}: {error.message[:300]}")


def absolute(node):
    """The same schema with references into the document."""
    if isinstance(node, dict):
        return {k: "urn:contract" + v if k == "$ref" else absolute(v) for k, v in node.items()}
    return [absolute(v) for v in node] if isinstance(node, list) else node


def parse(answer):
    """The body as the schema sees it. Of streams each event must be JSON."""
    text = answer.body.decode()
    if answer.type in ("application/json", "application/problem+json"):
        return json.loads(text)
    if answer.type == "application/yaml":
        return yaml.safe_load(text)
    if answer.type == "application/x-ndjson":
        for line in text.splitlines():
            if line and not isinstance(json.loads(line), dict):
                raise ValueError(f"no object: {line[:100]}")
    if answer.type == "text/event-stream":
        for line in text.splitlines():
            if line.startswith("data: "):
                json.loads(line.removeprefix("data: "))
    return text


class Values:
    """What stands in a database: ids that parameters may have."""

    def __init__(self, url):
        traces = self.get(url, "/api/traces?limit=500").get("items", [])
        failed = [t for t in traces if t["error_count"] > 0] or traces
        self.trace = failed[0]["trace_id"] if failed else "none"
        stream = ask(url, "/api/events?n=1").body.decode().splitlines()
        event = json.loads(stream[0]) if stream else {}
        self.event, self.event_trace = event.get("_cursor", "none"), event.get("traceId", "none")
        groups = self.get(url, "/api/errors").get("items", [])
        self.group = groups[0]["fingerprint"] if groups else "none"

    @staticmethod
    def get(url, target):
        answer = ask(url, target)
        return json.loads(answer.body) if answer.status == 200 else {}

    def of(self, path, parameter):
        """A value that is there."""
        name, schema = parameter["name"], parameter.get("schema", {})
        if name == "fingerprint":
            return self.group
        if name == "id" and "/events/" in path:
            return self.event
        if name == "trace" and "/events/" in path:
            return self.event_trace
        if name in ("id", "trace"):
            return self.trace
        if name in ("since", "until"):
            return "2026-01-31"
        if name == "cursor":
            return None  # of a page: followed below
        if name in ("after", "Last-Event-ID"):
            return self.event
        known = (parameter.get("example"), schema.get("default"), *schema.get("enum", [])[-1:])
        return next((v for v in known if v is not None), "1")

    def all_of(self, path, parameter):
        """All values that the document says it may have."""
        schema = parameter.get("schema", {})
        if parameter["name"] == "follow":
            return ["0", "false"]  # the others have no end
        values = [self.of(path, parameter), *schema.get("enum", [])]
        values += [schema.get("minimum"), schema.get("maximum")]
        return list(dict.fromkeys(str(v) for v in values if v is not None))


def target_of(path, chosen):
    """A target with these (parameter, value)."""
    query = []
    for parameter, value in chosen:
        if parameter["in"] == "path":
            hole = "{" + parameter["name"] + "}"
            path = path.replace(hole, urllib.parse.quote(str(value), safe=""))
        elif parameter["in"] == "query":
            query.append((parameter["name"], str(value)))
    return path + ("?" + urllib.parse.urlencode(query) if query else "")


def fields_of(chosen):
    return {p["name"]: str(v) for p, v in chosen if p["in"] == "header"}


def ask_chosen(contract, url, op, chosen, want):
    """Asks with these (parameter, value), and checks the answer."""
    target, fields = target_of(op.path, chosen), fields_of(chosen)
    answer = ask(url, target, fields=fields)
    contract.check(op, answer, f"{target} {fields or ''}", want)
    return answer


def walk_good(contract, url, values, op):
    """What is right, in each form that it has."""
    for accept in op.responses["200"].get("content", {}):
        answer = ask(url, op.target, fields={"Accept": accept})
        contract.check(op, answer, f"{op.target} as {accept}", 200)
        if answer.type != accept:
            contract.fault(op.target, answer, f"{accept} was asked for")
    for parameter in op.parameters:
        if parameter.get("required"):
            continue
        for value in values.all_of(op.path, parameter):
            chosen = [*op.needed, (parameter, value)]
            answer = ask_chosen(contract, url, op, chosen, 200)
            walk_pages(contract, url, op, chosen, answer)
    walk_transfer(contract, url, op)


def walk_pages(contract, url, op, chosen, answer):
    """Where an answer has cursors: some pages behind them, both ways."""
    place = {"name": "after" if op.path == "/api/events" else "cursor", "in": "query"}
    if place["name"] in {p["name"] for p, _ in chosen}:
        return
    for way in ("next", "prev"):
        page = answer
        for _ in range(3):
            is_page = page.status == 200 and page.type == "application/json"
            cursor = json.loads(page.body).get(way) if is_page else None
            if not isinstance(cursor, str):
                break
            page = ask_chosen(contract, url, op, [*chosen, (place, cursor)], 200)


def walk_transfer(contract, url, op):
    """HEAD, OPTIONS, compression, what the client has already."""
    plain = ask(url, op.target)
    head = ask(url, op.target, "HEAD")
    if head.status != plain.status or head.body or head.type != plain.type:
        contract.fault(f"HEAD {op.target}", head, "not what GET says")
    if ask(url, op.target, "OPTIONS").status != 204:
        contract.fault(f"OPTIONS {op.target}", plain, "204 is wanted")
    packed = ask(url, op.target, fields={"Accept-Encoding": "gzip"})
    contract.check(op, packed, f"{op.target} by gzip", 200)
    if "304" in op.responses:
        same = ask(url, op.target, fields={"If-None-Match": plain.fields.get("etag", "none")})
        contract.check(op, same, f"{op.target} again", 304)


def walk_bad(contract, url, op):
    """What is wrong with any request."""
    more = op.target + ("&" if "?" in op.target else "?")
    cases = [
        (403, op.target, {"Origin": "http://evil.example"}),
        (414, more + "x=" + 25000 * "a", {}),
        (421, op.target, {"Host": "evil.example"}),
        (431, op.target, {"X": 17000 * "a"}),
        (400, more + "a=%zz", {}),
    ]
    if not op.path.startswith("/openapi"):  # a file takes any query, as those of the page must
        cases += [
            (400, more + "no-such-parameter=1", {}),
            (400, more + "a=%ff", {}),
            (400, more + "&".join(f"p{i}=" for i in range(40)), {}),
        ]
    for want, target, fields in cases:
        answer = ask(url, target, fields=fields)
        contract.check(op, answer, f"{target[:200]} {str(fields)[:60]}", want)
    for method, size, want in (("POST", 1, 405), ("PUT", 0, 405), ("POST", 70000, 413)):
        fields = {"Content-Length": size} if size else {}
        answer = ask(url, op.target, method, fields, b"x" if size else None)
        contract.check(op, answer, f"{method} {op.target}", want)
        if want == 405 and answer.fields.get("allow") != "GET, HEAD, OPTIONS":
            contract.fault(f"{method} {op.target}", answer, "no Allow")
    for parameter in op.parameters:
        walk_bad_values(contract, url, op, parameter)


# By name, and with the status that each gets.
BAD_VALUES = {
    "cursor": [(400, "x"), (400, "")],
    "after": [(400, "x"), (410, "00000000-1")],
    "Last-Event-ID": [(400, "x"), (410, "00000000-1")],
    "filter": [(400, "severity=loud"), (400, "a="), (400, '"')],
}


def walk_bad_values(contract, url, op, parameter):
    """What is wrong with one parameter."""
    schema = parameter.get("schema", {})
    others = [(p, v) for p, v in op.needed if p["name"] != parameter["name"]]
    bad = list(BAD_VALUES.get(parameter["name"], []))
    if parameter["in"] == "path" and "410" in op.responses:
        bad.append((410, "00000000-1"))
    if parameter.get("required") and schema.get("type") == "string":
        bad.append((404, "none"))
    if parameter.get("required") and parameter["in"] == "query":
        bad.append((400, ""))
        ask_chosen(contract, url, op, others, 400)
    if schema.get("type") == "integer":
        bad += [(400, v) for v in ("", "x", "1.5", "-1", 10**30)]
        bad += [(400, schema[k] + n) for k, n in (("minimum", -1), ("maximum", 1)) if k in schema]
    if "enum" in schema:
        bad.append((400, "no-such-value"))
    for want, value in bad:
        ask_chosen(contract, url, op, [*others, (parameter, value)], want)


def walk_accept(contract, url, op):
    """Who takes no form that there is, where there are several."""
    if len(op.responses["200"].get("content", {})) > 1:
        answer = ask(url, op.target, fields={"Accept": "image/png"})
        contract.check(op, answer, f"{op.target} as image/png", 406)


def walk_servers(contract, arguments, op):
    """Without a database, and without the token."""
    if arguments.absent:
        is_of_store = op.path.startswith("/api/") or op.path in ("/readyz", "/healthz")
        answer = ask(arguments.absent, op.target)
        what = f"{op.target} without a database"
        contract.check(op, answer, what, 503 if is_of_store else 200)
    if arguments.token:
        url, token = arguments.token
        refusal = 200 if op.is_free else 401
        for shown, want in (("", refusal), (f"Bearer x{token}", refusal), (f"Bearer {token}", 200)):
            answer = ask(url, op.target, fields={"Authorization": shown} if shown else {})
            contract.check(op, answer, f"{op.target} with the token '{shown}'", want)


def check_completeness(contract):
    """Whether each documented status has come up."""
    for op in contract.operations():
        for status in op.responses:
            if status != "default" and (op.path, status) not in contract.seen:
                contract.faults.append(f"{op.path}: {status} is documented and did not come up")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("document")
    parser.add_argument("--url", required=True)
    parser.add_argument("--absent")
    parser.add_argument("--token", nargs=2, metavar=("URL", "TOKEN"))
    arguments = parser.parse_args()
    contract = Contract(arguments.document)
    values = Values(arguments.url)
    for op in contract.operations():
        op.needed = [(p, values.of(op.path, p)) for p in op.parameters if p.get("required")]
        walk_good(contract, arguments.url, values, op)
        walk_bad(contract, arguments.url, op)
        walk_accept(contract, arguments.url, op)
        walk_servers(contract, arguments, op)
    check_completeness(contract)
    for fault in contract.faults:
        print(fault)
    print(f"{contract.asked} answers, {len(contract.faults)} faults")
    sys.exit(bool(contract.faults))


if __name__ == "__main__":
    main()
