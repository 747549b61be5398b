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

// A row of which it is told what it waited for, from `at` back to `from`.
interface Visit {
	row: number; // -1: the whole trace
	from: number;
	at: number;
	children: number[]; // that are still to be visited; of those the last is what ended last
}

// In order of time. What ended last was waited for; before it began, what had ended last by then. The time that no
// child explains is the row's own while it ran, and else nobody's.
export function criticalPath({ rows, length }: Model): Segment[] {
	const segments: Segment[] = [];
	const reach = reaches(rows);
	const visit = (row: number, from: number, at: number): Visit => ({
		row,
		from,
		at,
		children: childrenOf(rows, row)
			.filter((i) => reach[i]! > rows[i]!.start)
			.sort((a, b) => reach[b]! - reach[a]!)
			.reverse(),
	});
	const explain = ({ row, at }: Visit, since: number): void => {
		const owner = rows[row];
		const ran = owner ? Math.min(Math.max(owner.end, since), at) : since;
		if (at > ran) segments.push({ row: -1, from: ran, to: at });
		if (ran > since) segments.push({ row, from: since, to: ran });
	};
	const visits = [visit(-1, 0, length)];
	for (let now = visits.at(-1); now; now = visits.at(-1)) {
		const i = now.children.pop();
		if (i === undefined) {
			explain(now, now.from);
			visits.pop();
			continue;
		}
		const start = Math.max(rows[i]!.start, now.from);
		const end = Math.min(reach[i]!, now.at);
		if (rows[i]!.start >= now.at || end <= now.from) continue;
		explain(now, end);
		now.at = start;
		visits.push(visit(i, start, end));
	}
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
