// The page's pure modules.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type DpEvent, type Severity, withNumbers } from "../../ui/src/api";
import { pairsOf, slower, stagesOf } from "../../ui/src/compare";
import { columns } from "../../ui/src/columns";
import { bySystem, criticalPath } from "../../ui/src/critical";
import { distributions } from "../../ui/src/distribution";
import { editorLink, mapped } from "../../ui/src/editor";
import { complete, terms, valueOf, withTerm } from "../../ui/src/filter";
import { nameOf, tracksOf } from "../../ui/src/flowvalue";
import {
	age,
	briefDuration,
	duration,
	micros,
	number,
	roundStep,
	short,
} from "../../ui/src/format";
import { framesOf, ownFrame } from "../../ui/src/frames";
import { idOf, layout } from "../../ui/src/graph";
import { Digits, type JsonObject, parse, preview, write } from "../../ui/src/json";
import { message } from "../../ui/src/message";
import { inOrder, modelOf, unfolded } from "../../ui/src/model";
import { asCurl, asLine, asMarkdown, shellQuoted } from "../../ui/src/snippets";
import { takeMessages } from "../../ui/src/sse";

let made = 0;

// An event `ms` after the trace began.
function at(
	ms: number,
	system: string,
	data: JsonObject = {},
	type = "log",
	severity: Severity = "info",
): DpEvent {
	const id = `e${++made}`;
	return {
		id: made,
		trace_id: "t",
		system,
		event_type: type,
		severity,
		event_id: id,
		data: { eventId: id, severity, ...data },
		timestamp: new Date(Date.UTC(2026, 0, 1) + ms).toISOString(),
	};
}

test("json: what was parsed is written as it was", () => {
	const text = '{"a":[1,-0.5,"\\"x\\n"],"no":null,"yes":true,"empty":[{},[]],"__proto__":{"a":1}}';
	assert.equal(write(parse(text) as JsonObject), text);
	assert.equal(
		write({ a: [1, { b: new Digits("12345678901234567890123") }], d: {} }, "  "),
		'{\n  "a": [\n    1,\n    {\n      "b": 12345678901234567890123\n    }\n  ],\n  "d": {}\n}',
	);
});

test("json: a folded value is told in a line", () => {
	const inside = { name: "paygate", status: 402, reply: { ok: false }, none: null, tags: [] };
	assert.equal(preview(inside), "{name: paygate, status: 402, reply: {…}, none: null, tags: []}");
	assert.equal(preview([1, new Digits("2.0"), [3], {}]), "[1, 2.0, […], {}]");
	assert.equal(preview({}), "{}");
	assert.equal(preview(["", " x", "7", 7, "null", "7 d"]), '["", " x", "7", 7, "null", 7 d]');
	assert.equal(preview(["x".repeat(1e6), 2]), `[${"x".repeat(60)}…]`);
	assert.equal(preview({ ["n".repeat(1e6)]: 1 }), `{${"n".repeat(60)}…}`);
});

test("every number is looked at only in small texts, and where one would become another", () => {
	const { parse: own } = JSON;
	let isSlow = false;
	JSON.parse = (text: string, each?: Parameters<typeof own>[1]) => {
		isSlow = each !== undefined;
		return own(text, each) as unknown;
	};
	const filler = "x".repeat(1 << 20);
	const cases: [number: string, isSlow: boolean][] = [
		["1235917904650197", false], // an id of dp-http
		["9007199254740991", false],
		["-5.0", false],
		["9007199254740993", true],
		["0.1234567890123456789", true],
		["1e400", true],
		["9007199254740991e4", true],
	];
	try {
		for (const [number, want] of cases) {
			parse(`{"a":[${number}],"b": ${number},"filler":"${filler}"}`);
			assert.equal(isSlow, want, number);
		}
		parse('{"a":5.0}');
		assert.ok(isSlow);
	} finally {
		JSON.parse = own;
	}
});

test("numbers of a document are numbers, those of an event keep their digits", () => {
	const price = new Digits("2.50");
	assert.deepEqual(
		withNumbers({ rate: new Digits("9.25926e-05"), items: [{ ms: [price], data: { price } }] }),
		{ rate: 0.0000925926, items: [{ ms: [2.5], data: { price } }] },
	);
});

test("format: a count has its thousands apart", () => {
	const counts = [0, 12, 999, 1000, 54321, 1234567];
	assert.deepEqual(counts.map(number), ["0", "12", "999", "1,000", "54,321", "1,234,567"]);
});

test("format: times and numbers", () => {
	const cases: [got: string, want: string][] = [
		[duration(0), "0 ms"],
		[duration(0.25), "250 µs"],
		[duration(-1200), "−1.2 s"],
		[duration(12.345), "12.3 ms"],
		[duration(1234), "1.23 s"],
		[duration(61000), "1 min 1 s"],
		[duration(120e3), "2 min"],
		[duration(3600e3), "1 h"],
		[duration(47 * 3600e3 + 59 * 60e3), "47 h 59 min"],
		[duration(3 * 864e5), "3 d"],
		[briefDuration(475e3), "7.92 min"],
		[briefDuration(755e3), "12.6 min"],
		[briefDuration(47 * 3600e3 + 59 * 60e3), "48 h"],
		[briefDuration(12.5 * 864e5), "12.5 d"],
		[age("2026-01-01T00:00:00Z", Date.UTC(2026, 0, 1, 0, 0, 2)), "now"],
		[age("2026-01-01T00:00:00Z", Date.UTC(2026, 0, 1, 2)), "2 h ago"],
		[short(999), "999"],
		[short(1234), "1.2 k"],
		[short(45600000), "45.6 M"],
	];
	for (const [got, want] of cases) assert.equal(got, want);
	const times: [text: string, us: number][] = [
		["2026-01-01T00:00:00Z", 0],
		["2026-01-01T00:00:00.5Z", 500000],
		["2026-01-01T00:00:00.1234567Z", 123456],
		["2026-01-01T02:00:01.000001+02:00", 1000001],
		["2025-12-31T23:59:59.999999999Z", -1],
	];
	for (const [text, us] of times)
		assert.equal(micros(text) - Date.UTC(2026, 0, 1) * 1000, us, text);
});

test("format: a distance between marks is round in the units that are shown", () => {
	const s = 1e6;
	const wanted: [least: number, step: string][] = [
		[0.25, "1 µs"],
		[120, "200 µs"],
		[1e3, "1 ms"],
		[9 * s, "10 s"],
		[11 * s, "15 s"],
		[40 * s, "1 min"],
		[118 * s, "2 min"],
		[700 * s, "15 min"],
		[3000 * s, "1 h"],
		[43000 * s, "12 h"],
		[50000 * s, "24 h"],
		[200000 * s, "5 d"],
		[1e7 * s, "200 d"],
	];
	for (const [least, step] of wanted) assert.equal(duration(roundStep(least) / 1000), step);
});

test("filter: cut into terms, completed where the caret is", () => {
	assert.deepEqual(
		terms('a=b "c d" name="GET /x" e\\ f').map((term) => term.text),
		["a=b", '"c d"', 'name="GET /x"', "e\\ f"],
	);
	assert.equal(valueOf("system=api since=15m", "since"), "15m");
	assert.equal(
		withTerm("system=api,web severity=error", "system", "a b"),
		'severity=error system="a b"',
	);
	const known = (field: string): string[] =>
		field === "system" ? ["api", "app server"] : field === "" ? ["locals.user_id"] : [];
	const offered = (text: string, caret = text.length): string[] =>
		complete(text, caret, known).options.map((each) => each.insert);
	assert.deepEqual(offered("severity=error sys"), ["system="]);
	assert.deepEqual(offered("loc"), ["locals.user_id="]);
	assert.deepEqual(offered("severity=e"), ["error"]);
	assert.deepEqual(offered("severity=error,w"), ["warning"]);
	assert.deepEqual(offered("system=a"), ["api", '"app server"']);
	assert.deepEqual(complete("system=x,ap type=log", 11, known), {
		from: 9,
		to: 11,
		options: [
			{ insert: "api", note: "" },
			{ insert: '"app server"', note: "" },
		],
	});
});

test("sse: blocks as they come, in any pieces", () => {
	const taken: string[] = [];
	let rest = "";
	for (const piece of ["id: 1\nda", "ta: {}\n", "\n: beat\n\nid: 2", "\ndata: x\n\n"])
		rest = takeMessages(rest + piece, (message) => taken.push(`${message.id} ${message.data}`));
	assert.deepEqual(taken, ["1 {}", "undefined undefined", "2 x"]);
	assert.equal(rest, "");
});

test("model: a stage a system; nested where spans are given", () => {
	const flat = modelOf([at(0, "web"), at(10, "api"), at(20, "web")], true);
	assert.equal(flat.canNest, false);
	assert.deepEqual(
		flat.rows.map((row) => [row.kind, row.system, row.depth, row.next]),
		[
			["stage", "web", 0, 3],
			["event", "web", 1, 2],
			["event", "web", 1, 3],
			["stage", "api", 0, 5],
			["event", "api", 1, 5],
		],
	);

	const events = [
		at(0, "web", { spanId: "a", name: "GET /" }, "request"),
		at(10, "api", { spanId: "b", parentSpanId: "a", durationMs: 5, name: "query" }, "span"),
		at(12, "api", { parentSpanId: "b", details: "boom" }, "error", "error"),
		at(40, "web", { spanId: "a", durationMs: 40, details: "200" }, "response"),
		at(50, "mail", { details: "loose" }),
		at(60, "mail", { spanId: "o", parentSpanId: "nobody", details: "orphan" }),
	];
	const { rows, length } = modelOf(events, true);
	assert.deepEqual(
		rows.map((row) => [row.label, row.depth]),
		[
			["GET /", 0],
			["query", 1],
			["boom", 2],
			["200", 1],
			["mail", 0],
			["loose", 1],
			["orphan", 0],
		],
	);
	assert.deepEqual(
		[rows[0]!.start, rows[0]!.end, rows[0]!.severity, rows[0]!.errors, length],
		[0, 40000, "error", 1, 60000],
	);
	assert.deepEqual(unfolded(rows, new Set([1, 4])), [0, 1, 3, 4, 6]);
});

test("model: spans in a circle are shown, too", () => {
	const { rows } = modelOf(
		[
			at(0, "a", { spanId: "x", parentSpanId: "y" }),
			at(1, "a", { spanId: "y", parentSpanId: "x" }),
		],
		true,
	);
	assert.equal(rows.filter((row) => row.kind === "event").length, 2);
});

test("model: what has one time is in the order in which it was stored", () => {
	const events = [at(5, "a"), at(5, "a", { n: 1 }), at(5, "a", { n: 2 }), at(1, "a")];
	const ids = events.map((event) => event.event_id);
	const [first, second, third, before] = ids;
	const mixed = [1, 3, 2, 0].map((i) => events[i]!);
	const rows = modelOf(mixed, true).rows.filter((row) => row.kind === "event");
	assert.deepEqual(
		[rows.map((row) => row.event.event_id), inOrder(mixed).map((event) => event.event_id)],
		[
			[before, first, second, third],
			[before, first, second, third],
		],
	);
});

test("model: spans are nested however deep, also below a circle", () => {
	const deep = 20_000;
	const spans = Array.from({ length: deep }, (_, i) =>
		at(
			i,
			"a",
			{ spanId: `s${i}`, parentSpanId: `s${i - 1}`, durationMs: 2 * deep - 2 * i },
			"span",
		),
	);
	const model = modelOf(spans, true);
	assert.deepEqual([model.rows.at(-1)!.depth, model.rows[0]!.next], [deep - 1, deep]);
	assert.equal(criticalPath(model).length, 2 * deep - 1);
	const circle = [
		at(0, "a", { spanId: "x", parentSpanId: "y" }),
		at(1, "a", { spanId: "y", parentSpanId: "x" }),
		at(2, "a", { spanId: "z", parentSpanId: "y" }),
	];
	assert.deepEqual(
		modelOf(circle, true).rows.map((row) => row.depth),
		[0, 0, 1],
	);
});

test("critical path: what was waited for at every moment", () => {
	const model = modelOf(
		[
			at(0, "web", { spanId: "a", durationMs: 100 }, "span"),
			at(10, "db", { spanId: "b", parentSpanId: "a", durationMs: 20 }, "span"),
			at(15, "cache", { spanId: "c", parentSpanId: "a", durationMs: 60 }, "span"),
			at(120, "worker", { spanId: "d", parentSpanId: "a", durationMs: 30 }, "span"),
		],
		true,
	);
	const path = criticalPath(model);
	assert.deepEqual(
		path.map(({ row, from, to }) => [model.rows[row]?.system ?? "", from / 1000, to / 1000]),
		[
			["web", 0, 10],
			["db", 10, 15],
			["cache", 15, 75],
			["web", 75, 100],
			["", 100, 120],
			["worker", 120, 150],
		],
	);
	assert.deepEqual(bySystem(model, path).slice(0, 2), [
		["cache", 60000],
		["web", 35000],
	]);
});

test("data flow: one name however it is written, and where its value changed", () => {
	assert.deepEqual(
		[
			["locals", "orderId"],
			["locals", "order", "id"],
			["request", "order-id"],
			["locals", "items", "0", "sku"],
		].map(nameOf),
		["order_id", "order_id", "order_id", "sku"],
	);
	const tracks = tracksOf([
		at(0, "web", { locals: { order_id: 4711, total: 12.5, lonely: "seen once" } }),
		at(1, "api", { locals: { orderId: 4711, total: 12.5 } }),
		at(2, "worker", { details: "pay order 4711" }),
		at(3, "billing", {
			locals: { order: { id: "4711" }, total: 1250, reference: 4711, card: "[scrubbed]" },
		}),
	]);
	const [order, total] = [
		tracks.find((track) => track.name === "order_id")!,
		tracks.find((track) => track.name === "total")!,
	];
	assert.deepEqual(
		order.sightings.map(({ event, kind }) => `${event.system} ${kind}`),
		["web first", "api same", "worker mentioned", "billing retyped"],
	);
	assert.deepEqual([order.changes, order.retypes, order.also], [0, 1, ["reference"]]);
	assert.deepEqual(
		total.sightings.map(({ text, kind }) => `${text} ${kind}`),
		["12.5 first", "12.5 same", "1250 changed"],
	);
	assert.equal(tracks[0], order);
	assert.ok(!tracks.some((track) => track.name === "lonely" || track.name === "card"));
});

test("compare: steps that only one has, values that differ", () => {
	const good = [
		at(0, "web", { details: "order 1" }),
		at(5, "api", { details: "paid", locals: { n: 3, id: 17 } }),
		at(9, "mail", { details: "sent" }),
	];
	const bad = [
		at(0, "web", { details: "order 2" }),
		at(50, "api", { details: "paid", locals: { n: 0, id: "17" } }),
		at(60, "api", { details: "boom" }, "error", "error"),
	];
	assert.deepEqual(
		pairsOf(good, bad).map(({ a, b, values }) => [
			a?.data["details"] ?? null,
			b?.data["details"] ?? null,
			values.length,
		]),
		[
			["order 1", "order 2", 0],
			["paid", "paid", 2],
			["sent", null, 0],
			[null, "boom", 0],
		],
	);
	assert.deepEqual(pairsOf(good, bad)[1]!.values, [
		{ path: "locals.n", a: "3", b: "0" },
		{ path: "locals.id", a: "17", b: '"17"' },
	]);
	assert.deepEqual(
		stagesOf(good, bad).map(({ system, a, b }) => [system, a?.ms ?? null, b?.errors ?? null]),
		[
			["web", 0, 0],
			["api", 0, 1],
			["mail", 0, null],
		],
	);
});

test("compare: how much slower a stage is", () => {
	const pairs: [was: number, is: number][] = [
		[10, 14],
		[1, 5],
		[10, 25],
		[0.001, 100],
		[0, 100],
	];
	assert.deepEqual(
		pairs.map(([was, is]) => slower(was, is)),
		[null, null, "2.5× slower", "999× slower", "slower"],
	);
});

test("compare: steps whose texts are alike stand side by side", () => {
	const order = (what: string) => [
		at(0, "web", { name: `GET /order/${what}` }, "request"),
		at(1, "web", { details: `order 1 of 2 ${what}` }),
		at(2, "db", { name: `SELECT ${what}` }, "query"),
	];
	const good = [...order("tea"), at(9, "web", { details: "sent to you" })];
	const bad = [...order("pot"), at(9, "web", { details: "not sent to you" }, "log", "error")];
	assert.deepEqual(
		pairsOf(good, bad).map(({ a, b, isSame }) => [a && message(a), b && message(b), isSame]),
		[
			["GET /order/tea", "GET /order/pot", false],
			["order 1 of 2 tea", "order 1 of 2 pot", false],
			["SELECT tea", null, false],
			["sent to you", null, false],
			[null, "SELECT pot", false],
			[null, "not sent to you", false],
		],
	);
	const [alike, same] = ["order 1 of 2 tea", "order 1 of 2 pot"];
	assert.deepEqual(
		pairsOf(
			[at(0, "a", { details: same })],
			[at(0, "a", { details: alike }), at(1, "a", { details: same })],
		).map(({ a, b, isSame }) => [a && message(a), b && message(b), isSame]),
		[
			[null, alike, false],
			[same, same, true],
		],
	);
});

test("columns: one error among ten thousand events is to be seen", () => {
	const bucket = (error: number, warning: number, info: number) => ({
		time: "2026-01-01T00:00:00Z",
		error,
		warning,
		info,
		debug: 0,
	});
	const buckets = [bucket(1, 0, 9999), bucket(0, 2, 0), bucket(0, 0, 0), bucket(3000, 1000, 0)];
	assert.deepEqual(columns({ buckets }), [
		[10000, 500, 0, 4000],
		[500, 500, 0, 4000],
		[500, 0, 0, 3000],
	]);
	assert.deepEqual(columns({ buckets: [] }), [[], [], []]);
});

test("distribution: which values a group's locals had", () => {
	const found = distributions(
		[1, 1, 2].map((n) => at(0, "a", { locals: { n, deep: { on: true } } })),
	);
	assert.deepEqual(
		found.map(({ name, distinct, top }) => [name, distinct, top[0]!.text, top[0]!.count]),
		[
			["deep.on", 1, "true", 3],
			["n", 2, "1", 2],
		],
	);
	assert.deepEqual(found[1]!.range, { least: 1, median: 1, most: 2 });
});

test("frames: the most recent call first, whatever the language's order", () => {
	const frame = (file: string, inApp?: boolean): JsonObject =>
		inApp === undefined ? { file } : { file, inApp };
	const files = (...all: string[]) =>
		framesOf(all.map((file) => frame(file))).map((it) => it["file"]);
	assert.deepEqual(files("main.py", "cart.py"), ["cart.py", "main.py"]);
	assert.deepEqual(files("<frozen runpy>", "main.py", "page.js"), [
		"page.js",
		"main.py",
		"<frozen runpy>",
	]);
	assert.deepEqual(files("/app/cart.js", "/app/main.mjs"), ["/app/cart.js", "/app/main.mjs"]);
	assert.deepEqual(files("node:fs", "cart.ts", "node:internal"), [
		"node:fs",
		"cart.ts",
		"node:internal",
	]);
	assert.deepEqual(files("Cart.java", "Main.java"), ["Cart.java", "Main.java"]);
	assert.deepEqual(files("main.rb", "cart.rb"), ["cart.rb", "main.rb"]);
	assert.deepEqual(framesOf([frame("a.js"), "a line"]), []);
	const cut = { function: "… 13 more", inApp: false };
	assert.deepEqual(framesOf([frame("main.py"), cut, frame("cart.py")]), [
		frame("cart.py"),
		cut,
		frame("main.py"),
	]);
	assert.deepEqual(framesOf([cut]), [], "nothing says where");
	assert.equal(ownFrame([{ function: "Array.map" }, frame("a.js")])?.["file"], "a.js");
	const stack = [frame("node_modules/pg.js", false), frame("cart.js"), frame("main.js")];
	assert.equal(ownFrame(framesOf(stack))?.["file"], "cart.js", "the innermost of the application");
});

const link = (from: string, to: string, count = 1) => ({ from, to, count });
const ROOM = { node: 100, lane: 20, most: Infinity };

test("graph: layers by the longest way, whatever circles there are", () => {
	const back = link("db", "web");
	const { nodes, ways } = layout(
		["web", "api", "db", "worker"],
		[
			link("web", "api", 9),
			link("api", "db"),
			link("web", "db"),
			back,
			link("api", "worker"),
			link("x", "y"),
			link("api", "api"),
		],
		ROOM,
	);
	assert.deepEqual([...nodes].map(([name, { layer }]) => `${name} ${layer}`).sort(), [
		"api 1",
		"db 2",
		"web 0",
		"worker 2",
	]);
	assert.equal(ways.size, 5, "not to itself, not between what is not there");
	const way = ways.get(idOf(back))!;
	assert.ok(way.isBack);
	assert.deepEqual(
		way.points.map(({ layer }) => layer),
		[2, 1, 0],
	);
});

test("graph: in a layer nothing overlaps, and no more stands there than may", () => {
	const names = ["edge", ..."abcdefgh"];
	const edges = [
		...[..."abcdef"].map((to) => link("edge", to)),
		link("a", "g"),
		link("f", "g"),
		link("edge", "h"),
		link("g", "h"),
	];
	for (const most of [Infinity, 2]) {
		const { nodes, ways, layers, breadth } = layout(names, edges, { ...ROOM, most });
		const found = Array.from({ length: layers }, () => new Map<object, number>());
		for (const point of nodes.values()) found[point.layer]!.set(point, ROOM.node);
		for (const { points } of ways.values())
			for (const point of points.slice(1, -1)) found[point.layer]!.set(point, ROOM.lane);
		for (const layer of found) {
			const ends = [...(layer as Map<{ place: number }, number>)]
				.map(([{ place }, size]) => [place - size / 2, place + size / 2] as const)
				.sort(([one], [other]) => one - other);
			ends.forEach(([begin], i) => assert.ok(begin >= (ends[i - 1]?.[1] ?? 0) - 1e-6));
			assert.ok(ends.at(-1)![1] <= breadth + 1e-6);
			assert.ok([...layer.values()].filter((size) => size === ROOM.node).length <= most);
		}
		for (const { from, to } of edges)
			assert.ok(nodes.get(from)!.layer < nodes.get(to)!.layer, "all lead on");
	}
});

test("graph: few edges cross", () => {
	const { nodes } = layout(
		["a", "b", "c", "x", "y", "z"],
		[link("a", "z"), link("b", "y"), link("c", "x")],
		ROOM,
	);
	const order = (...names: string[]) =>
		names.toSorted((one, other) => nodes.get(one)!.place - nodes.get(other)!.place).join("");
	const places: Record<string, string> = { a: "z", b: "y", c: "x" };
	assert.equal(
		order("x", "y", "z"),
		[...order("a", "b", "c")].map((name) => places[name]).join(""),
	);
});

test("editor: mapped paths, and no scheme but an editor's", () => {
	const vscode = { editor: "vscode", template: "", mapping: "/app=/home/me/shop\n/x=/y" };
	assert.equal(mapped("/app/a.py", vscode.mapping), "/home/me/shop/a.py");
	assert.equal(mapped("/application/a.py", vscode.mapping), "/application/a.py");
	assert.equal(mapped("/app/a.py", " /app/ = /home/me/shop"), "/home/me/shop/a.py");
	assert.equal(mapped("/app/a.py", "/app=/"), "/a.py");
	assert.equal(mapped("/a.py", "/=/host"), "/host/a.py");
	assert.equal(
		editorLink("/app/my file.py", "7", vscode),
		"vscode://file/home/me/shop/my%20file.py:7",
	);
	assert.equal(
		editorLink("/app/a.py", "7", { ...vscode, editor: "idea" }),
		"idea://open?file=/home/me/shop/a.py&line=7",
	);
	assert.equal(editorLink("relative.py", "7", vscode), null);
	assert.equal(editorLink("javascript:alert(1)//", "7", vscode), null);
	assert.equal(editorLink("/a", "1;x", vscode), "vscode://file/a:1");
	assert.equal(
		editorLink("/a", "1", { editor: "other", template: "javascript:alert('{path}')", mapping: "" }),
		null,
	);
	assert.equal(editorLink("/a", "1", { editor: "", template: "", mapping: "" }), null);
});

test("snippets: what is pasted means the same there", () => {
	const event = at(
		0,
		"api",
		{
			name: "Boom",
			details: "it's `so`",
			file: "/a.py",
			line: 3,
			locals: { code: "```" },
			stacktrace: ["one", "two"],
		},
		"error",
		"error",
	);
	assert.deepEqual(JSON.parse(asLine(event)), {
		traceId: "t",
		eventId: event.event_id,
		timestamp: event.timestamp,
		severity: "error",
		system: "api",
		type: "error",
		name: "Boom",
		details: "it's `so`",
		file: "/a.py",
		line: 3,
		locals: { code: "```" },
		stacktrace: ["one", "two"],
	});
	assert.equal(shellQuoted("it's"), "'it'\\''s'");
	assert.equal(asCurl(event, "http://h"), `curl 'http://h/api/events/${event.event_id}?trace=t'`);
	const request = at(0, "api", { method: "POST", path: "/pay", request: "x", query: "a=1&b=2" });
	assert.equal(asCurl(request, "http://h"), "curl -X POST 'http://localhost/pay?a=1&b=2'");
	const text = asMarkdown(event, "http://h/#/trace/t");
	assert.match(text, /^### Boom: it's \\`so\\`\n/);
	assert.match(text, /\n````\n\{\n {2}"code": "```"\n\}\n````\n/);
	const stacktrace = [{ file: "a.py", line: 1, function: "f" }, { function: "… 13 more" }];
	assert.match(asMarkdown(at(0, "api", { stacktrace }), ""), /\na\.py:1 in f\n… 13 more\n/);
});
