// How the values of locals are distributed over the errors of a group.

import type { DpEvent } from "./api";
import { scalarsOf, textOf, typeOf } from "./scalars";

export interface Distribution {
	name: string;
	events: number; // that have it
	distinct: number;
	top: { text: string; count: number }[];
	range: { least: number; median: number; most: number } | null; // where all are numbers
}

const TOP = 5;

export function distributions(events: DpEvent[]): Distribution[] {
	const seen = new Map<string, Map<string, number>>();
	const numbers = new Map<string, number[] | null>();
	for (const event of events)
		for (const { path, value } of scalarsOf(event)) {
			if (path[0] !== "locals") continue;
			const name = path.slice(1).join(".");
			const text = textOf(value).slice(0, 300);
			const counts = seen.get(name) ?? new Map<string, number>();
			seen.set(name, counts.set(text, (counts.get(text) ?? 0) + 1));
			const known = numbers.get(name);
			numbers.set(
				name,
				known === null || typeOf(value) !== "number" ? null : [...(known ?? []), Number(text)],
			);
		}
	return [...seen]
		.map(([name, counts]) => ({
			name,
			events: [...counts.values()].reduce((sum, n) => sum + n, 0),
			distinct: counts.size,
			top: [...counts]
				.map(([text, n]) => ({ text, count: n }))
				.sort((a, b) => b.count - a.count)
				.slice(0, TOP),
			range: rangeOf(numbers.get(name) ?? null),
		}))
		.sort((a, b) => b.events - a.events || a.distinct - b.distinct);
}

function rangeOf(values: number[] | null): Distribution["range"] {
	if (!values || values.length < 2) return null;
	const sorted = values.toSorted((a, b) => a - b);
	return { least: sorted[0]!, median: sorted[sorted.length >> 1]!, most: sorted.at(-1)! };
}
