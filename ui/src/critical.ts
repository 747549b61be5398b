// The critical path: what the trace was waiting for, at every moment of it.

import type { Model, Row } from "./model";

export interface Segment {
	row: number; // -1: nothing ran
	from: number; // µs since the trace began
	to: number;
}

// The children of a row, or the roots for -1.
function childrenOf(rows: Row[], parent: number): number[] {
	const found: number[] = [];
	const end = parent < 0 ? rows.length : rows[parent]!.next;
	for (let i = parent + 1; i < end; i = rows[i]!.next) found.push(i);
	return found;
}

// When the last of what is below a row ended; what was called may outlive its caller.
function reaches(rows: Row[]): number[] {
	const reach = rows.map((row) => row.end);
	for (let i = rows.length - 1; i >= 0; i--) {
		const { parent } = rows[i]!;
		if (parent >= 0) reach[parent] = Math.max(reach[parent]!, reach[i]!);
	}
	return reach;
}

// From `until` back to `from`: what ended last was waited for; before it began, what had ended last by
// then. The time that no child explains is the row's own while it ran, and else nobody's.
function walk(
	rows: Row[],
	reach: number[],
	parent: number,
	from: number,
	until: number,
	segments: Segment[],
): void {
	const children = childrenOf(rows, parent)
		.filter((i) => reach[i]! > rows[i]!.start)
		.sort((a, b) => reach[b]! - reach[a]!);
	const owner = rows[parent];
	let at = until;
	const explain = (since: number): void => {
		const ran = owner ? Math.min(Math.max(owner.end, since), at) : since;
		if (at > ran) segments.push({ row: -1, from: ran, to: at });
		if (ran > since) segments.push({ row: parent, from: since, to: ran });
	};
	for (const i of children) {
		const child = rows[i]!;
		const end = Math.min(reach[i]!, at);
		if (child.start >= at || end <= from) continue;
		explain(end);
		const start = Math.max(child.start, from);
		walk(rows, reach, i, start, end, segments);
		at = start;
	}
	if (at > from) explain(from);
}

// In order of time.
export function criticalPath(model: Model): Segment[] {
	const segments: Segment[] = [];
	walk(model.rows, reaches(model.rows), -1, 0, model.length, segments);
	return segments.reverse();
}

// How long each system was waited for, the longest first; µs. "" is the time when none of them ran.
export function bySystem(model: Model, segments: Segment[]): [system: string, us: number][] {
	const sums = new Map<string, number>();
	for (const { row, from, to } of segments) {
		const system = model.rows[row]?.system ?? "";
		sums.set(system, (sums.get(system) ?? 0) + to - from);
	}
	return [...sums].sort((a, b) => b[1] - a[1]);
}
