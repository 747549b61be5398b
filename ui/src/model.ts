// One trace as the rows of a waterfall: a row a stage (system) and a row an event; or, where spans are
// given, nested as they were called.

import type { DpEvent, Severity } from "./api";
import { micros } from "./format";
import { plain } from "./json";
import { message } from "./message";

export interface Row {
	kind: "stage" | "event";
	label: string;
	system: string;
	severity: Severity; // the worst of it and what is below
	start: number; // µs since the trace began
	end: number;
	depth: number;
	parent: number; // -1: none
	next: number; // the first row that is not below this one
	event: DpEvent; // what is shown when it is chosen
	errors: number; // of it and what is below
	events: number;
}

export interface Model {
	rows: Row[];
	startUs: number; // since the epoch
	length: number; // µs, at least 1
	canNest: boolean;
	rowOf: Map<string, number>; // event id: row
}

export type Zoom = [from: number, to: number]; // µs since the trace began

interface Node {
	kind: "stage" | "event";
	label: string;
	event: DpEvent;
	start: number;
	end: number;
	children: Node[];
}

const RANK: Record<Severity, number> = { debug: 0, info: 1, warning: 2, error: 3 };

export function worse(a: Severity, b: Severity): Severity {
	return RANK[a] >= RANK[b] ? a : b;
}

// When the event happened: the timestamp is its end, that of a span its beginning.
export function interval(event: DpEvent): [from: number, to: number] {
	const at = micros(event.timestamp);
	const took = event.data["durationMs"];
	const length = typeof took === "number" && took > 0 ? took * 1000 : 0;
	return event.event_type === "span" ? [at, at + length] : [at - length, at];
}

// As they ended. Many clocks know no more than the millisecond: what has one time is in the order in which it was stored.
export function inOrder(events: DpEvent[]): DpEvent[] {
	return events
		.map((event) => ({ event, at: interval(event)[1] }))
		.sort((a, b) => a.at - b.at || a.event.id - b.event.id)
		.map(({ event }) => event);
}

function leaf(event: DpEvent): Node {
	const [start, end] = interval(event);
	return { kind: "event", label: message(event), event, start, end, children: [] };
}

function spanId(event: DpEvent, field: "spanId" | "parentSpanId"): string {
	const id = event.data[field];
	return id === undefined || id === null ? "" : plain(id);
}

// One node a stage, its events below it.
function byStage(events: DpEvent[]): Node[] {
	const stages = new Map<string, Node>();
	for (const event of events) {
		const node = leaf(event);
		const stage = stages.get(event.system);
		if (!stage) {
			stages.set(event.system, { ...node, kind: "stage", label: event.system, children: [node] });
			continue;
		}
		stage.children.push(node);
		stage.start = Math.min(stage.start, node.start);
		stage.end = Math.max(stage.end, node.end);
		if (event.severity === "error" && stage.event.severity !== "error") stage.event = event;
	}
	return [...stages.values()];
}

// The events of one span: its first, the others below it.
function spanNode(events: DpEvent[]): Node {
	const main = events.find((event) => event.event_type === "span") ?? events[0]!;
	const node = leaf(main);
	for (const event of events) {
		if (event === main) continue;
		const child = leaf(event);
		node.start = Math.min(node.start, child.start);
		node.end = Math.max(node.end, child.end);
		// Its end tells nothing of its own but how long the whole took.
		child.start = child.end;
		node.children.push(child);
	}
	return node;
}

export function grouped<K, V>(values: V[], keyOf: (value: V) => K): Map<K, V[]> {
	const groups = new Map<K, V[]>();
	for (const value of values) {
		const key = keyOf(value);
		const group = groups.get(key);
		if (group) group.push(value);
		else groups.set(key, [value]);
	}
	return groups;
}

// The first that is told of what called a span.
function parentOf(id: string, events: DpEvent[]): string {
	for (const event of events) {
		const parent = spanId(event, "parentSpanId");
		if (parent !== "" && parent !== id) return parent;
	}
	return "";
}

// Nested as spans were called; what has no span stands below its stage. `spans` has the events by span, those
// without one at "".
function bySpan(spans: Map<string, DpEvent[]>): Node[] {
	const nodes = new Map<string, Node>();
	const parents = new Map<string, string>();
	for (const [id, group] of spans) {
		if (id === "") continue;
		nodes.set(id, spanNode(group));
		parents.set(id, parentOf(id, group));
	}
	const roots: Node[] = [];
	const circular = circlesOf(parents);
	for (const [id, node] of nodes) {
		const parent = circular.has(id) ? undefined : nodes.get(parents.get(id)!);
		if (parent) parent.children.push(node);
		else roots.push(node);
	}
	const homeless: DpEvent[] = [];
	for (const event of spans.get("") ?? []) {
		const parent = nodes.get(spanId(event, "parentSpanId"));
		if (parent) parent.children.push(leaf(event));
		else homeless.push(event);
	}
	return [...roots, ...byStage(homeless)];
}

// The spans that, by way of others, were called by themselves.
function circlesOf(parents: Map<string, string>): Set<string> {
	const circular = new Set<string>();
	const known = new Set([""]);
	for (const id of parents.keys()) {
		const way = new Set<string>();
		let at = id;
		for (; !known.has(at) && !way.has(at); at = parents.get(at) ?? "") way.add(at);
		for (; way.has(at) && !circular.has(at); at = parents.get(at)!) circular.add(at);
		for (const each of way) known.add(each);
	}
	return circular;
}

function isNested(spans: Map<string, DpEvent[]>): boolean {
	for (const [id, events] of spans) {
		const isCalled = (event: DpEvent): boolean => {
			const parent = spanId(event, "parentSpanId");
			return parent !== "" && parent !== id && spans.has(parent);
		};
		if (events.some(isCalled)) return true;
	}
	return false;
}

function byTime(a: Node, b: Node): number {
	return a.start - b.start || a.end - b.end || a.event.id - b.event.id;
}

function asRow(node: Node, depth: number, parent: number): Row {
	const isEvent = node.kind === "event";
	return {
		kind: node.kind,
		label: node.label,
		system: node.event.system,
		severity: node.event.severity,
		start: node.start,
		end: node.end,
		depth,
		parent,
		next: 0,
		event: node.event,
		errors: isEvent && node.event.severity === "error" ? 1 : 0,
		events: isEvent ? 1 : 0,
	};
}

// Nodes and what is below them as rows; what runs longer than its parent makes the parent no longer. Without recursion, as
// there is no end to how deep it may be: a task that enqueues itself is one trace.
function flatten(roots: Node[]): Row[] {
	const rows: Row[] = [];
	const todo = roots.sort(byTime).map((node) => ({ node, depth: 0, parent: -1 }));
	todo.reverse();
	for (let at = todo.pop(); at; at = todo.pop()) {
		const { node, depth } = at;
		const parent = rows.push(asRow(node, depth, at.parent)) - 1;
		for (const child of node.children.sort(byTime).reverse())
			todo.push({ node: child, depth: depth + 1, parent });
	}
	for (let i = rows.length - 1; i >= 0; i--) {
		const row = rows[i]!;
		row.next = Math.max(row.next, i + 1);
		const above = rows[row.parent];
		if (!above) continue;
		above.next = Math.max(above.next, row.next);
		above.severity = worse(above.severity, row.severity);
		above.errors += row.errors;
		above.events += row.events;
	}
	return rows;
}

export function modelOf(events: DpEvent[], nest: boolean): Model {
	const spans = grouped(events, (event) => spanId(event, "spanId"));
	const canNest = isNested(spans);
	const roots = nest && canNest ? bySpan(spans) : byStage(events);
	const rows = flatten(roots);
	let startUs = Infinity;
	let endUs = -Infinity;
	for (const row of rows) {
		startUs = Math.min(startUs, row.start);
		endUs = Math.max(endUs, row.end);
	}
	const rowOf = new Map<string, number>();
	rows.forEach((row, i) => {
		row.start -= startUs;
		row.end -= startUs;
		if (row.kind === "event") rowOf.set(row.event.event_id, i);
	});
	return { rows, startUs, length: Math.max(endUs - startUs, 1), canNest, rowOf };
}

// The rows that are to be seen, where some are folded.
export function unfolded(rows: Row[], folded: ReadonlySet<number>): number[] {
	const shown: number[] = [];
	for (let i = 0; i < rows.length; i = folded.has(i) ? rows[i]!.next : i + 1) shown.push(i);
	return shown;
}
