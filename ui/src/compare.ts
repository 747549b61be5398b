// Two traces side by side: which steps only one of them has, and which values differ.

import type { DpEvent } from "./api";
import { distinct } from "./json";
import { inOrder, interval } from "./model";
import { message } from "./message";
import { scalarsOf } from "./scalars";

export interface Stage {
	system: string;
	a: StageFacts | null;
	b: StageFacts | null;
}

export interface StageFacts {
	events: number;
	errors: number;
	ms: number;
}

export interface Pair {
	a: DpEvent | null;
	b: DpEvent | null;
	values: Difference[];
}

export interface Difference {
	path: string;
	a: string | null;
	b: string | null;
}

const MOST = 1500; // events of a trace that are put side by side

// What two events of one step have in common: numbers and ids are those of the one order or user.
export function stepKey(event: DpEvent): string {
	const text = message(event)
		.slice(0, 200)
		.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{16,}\b/gi, "#")
		.replace(/\d+(?:\.\d+)?/g, "#");
	return `${event.system}\n${event.event_type}\n${text}`;
}

function factsBySystem(events: DpEvent[]): Map<string, StageFacts & { from: number; to: number }> {
	const found = new Map<string, StageFacts & { from: number; to: number }>();
	for (const event of events) {
		const [from, to] = interval(event);
		const facts = found.get(event.system) ?? { events: 0, errors: 0, ms: 0, from, to };
		facts.events++;
		facts.errors += event.severity === "error" ? 1 : 0;
		facts.from = Math.min(facts.from, from);
		facts.to = Math.max(facts.to, to);
		facts.ms = (facts.to - facts.from) / 1000;
		found.set(event.system, facts);
	}
	return found;
}

// In the order of the first trace, then what only the second has.
export function stagesOf(a: DpEvent[], b: DpEvent[]): Stage[] {
	const inA = factsBySystem(a);
	const inB = factsBySystem(b);
	return [...new Set([...inA.keys(), ...inB.keys()])].map((system) => ({
		system,
		a: inA.get(system) ?? null,
		b: inB.get(system) ?? null,
	}));
}

// The longest common subsequence, as lengths of what is left from (i, j) on.
function lengths(a: string[], b: string[]): Uint16Array[] {
	const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
	for (let i = a.length - 1; i >= 0; i--)
		for (let j = b.length - 1; j >= 0; j--)
			table[i]![j] =
				a[i] === b[j] ? table[i + 1]![j + 1]! + 1 : Math.max(table[i + 1]![j]!, table[i]![j + 1]!);
	return table;
}

export function differences(a: DpEvent, b: DpEvent): Difference[] {
	const inA = new Map(scalarsOf(a).map(({ path, value }) => [path.join("."), distinct(value)]));
	const inB = new Map(scalarsOf(b).map(({ path, value }) => [path.join("."), distinct(value)]));
	return [...new Set([...inA.keys(), ...inB.keys()])]
		.map((path) => ({ path, a: inA.get(path) ?? null, b: inB.get(path) ?? null }))
		.filter((each) => each.a !== each.b);
}

// The steps of both in order: those of one trace alone, and those that both have.
export function pairsOf(a: DpEvent[], b: DpEvent[]): Pair[] {
	const [first, second] = [inOrder(a).slice(0, MOST), inOrder(b).slice(0, MOST)];
	const [keysA, keysB] = [first.map(stepKey), second.map(stepKey)];
	const table = lengths(keysA, keysB);
	const pairs: Pair[] = [];
	let [i, j] = [0, 0];
	while (i < first.length || j < second.length) {
		const [eventA, eventB] = [first[i] ?? null, second[j] ?? null];
		if (eventA && eventB && keysA[i] === keysB[j]) {
			pairs.push({ a: eventA, b: eventB, values: differences(eventA, eventB) });
			i++;
			j++;
		} else if (eventA && (!eventB || table[i + 1]![j]! >= table[i]![j + 1]!)) {
			pairs.push({ a: eventA, b: null, values: [] });
			i++;
		} else {
			pairs.push({ a: null, b: eventB, values: [] });
			j++;
		}
	}
	return pairs;
}

export function isWhole(events: DpEvent[]): boolean {
	return events.length <= MOST;
}
