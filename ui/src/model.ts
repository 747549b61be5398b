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
const DEEPEST = 60;

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
	for (const [id, node] of nodes) {
		const parent = nodes.get(parents.get(id)!);
		if (parent && !isLoop(id, parents)) parent.children.push(node);
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

function isLoop(id: string, parents: Map<string, string>): boolean {
	let at = parents.get(id) ?? "";
	for (let steps = 0; at !== "" && steps < DEEPEST; steps++) {
		if (at === id) return true;
		at = parents.get(at) ?? "";
	}
	return at !== "";
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

// A node and what is below it as rows; what runs longer than its parent makes the parent no longer.
function flatten(node: Node, depth: number, parent: number, rows: Row[]): Row {
	const at = rows.length;
	const row: Row = {
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
		errors: node.kind === "event" && node.event.severity === "error" ? 1 : 0,
		events: node.kind === "event" ? 1 : 0,
	};
	rows.push(row);
	node.children.sort((a, b) => a.start - b.start || a.end - b.end);
	for (const child of node.children) {
		const below = flatten(child, depth + 1, at, rows);
		row.severity = worse(row.severity, below.severity);
		row.errors += below.errors;
		row.events += below.events;
	}
	row.next = rows.length;
	return row;
}

export function modelOf(events: DpEvent[], nest: boolean): Model {
	const spans = grouped(events, (event) => spanId(event, "spanId"));
	const canNest = isNested(spans);
	const roots = nest && canNest ? bySpan(spans) : byStage(events);
	roots.sort((a, b) => a.start - b.start || a.end - b.end);
	const rows: Row[] = [];
	for (const root of roots) flatten(root, 0, -1, rows);
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
