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
	isSame: boolean; // one step, but for numbers and ids
	values: Difference[];
}

export interface Difference {
	path: string;
	a: string | null;
	b: string | null;
}

const MOST = 1500; // events of a trace that are put side by side

const SLOWER = 1.5; // and by 5 ms: worth a mark

// How much slower a stage is than it was, where that is to be told.
export function slower(was: number, is: number): string | null {
	if (is <= was * SLOWER || is - was <= 5) return null;
	return was > 0 ? `${Math.min(999, Number((is / was).toPrecision(3)))}× slower` : "slower";
}

// What an event says, whatever order or user it is of: numbers and ids are theirs.
function stepText(event: DpEvent): string {
	return message(event)
		.slice(0, 200)
		.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{16,}\b/gi, "#")
		.replace(/\d+(?:\.\d+)?/g, "#");
}

// What two events of one step have in common.
function stepKey(event: DpEvent): string {
	return `${event.system}\n${event.event_type}\n${stepText(event)}`;
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

interface Text {
	kind: string; // texts of two kinds are never alike
	words: string[];
}

// Whether most words of two texts are the same: "GET /order/tea" and "GET /order/pot".
function areAlike(a: Text, b: Text): boolean {
	if (a.kind !== b.kind) return false;
	const left = [...b.words];
	for (const word of a.words) {
		const at = left.indexOf(word);
		if (at >= 0) left.splice(at, 1);
	}
	return 2 * (b.words.length - left.length) > Math.max(a.words.length, b.words.length);
}

const SAME = 8; // one step is worth as many that are alike
const TEXTS = 500; // of more, none is looked at for being alike

// How well step i of one trace and j of the other go together; 0: not at all.
type Match = (i: number, j: number) => number;

function matching(a: DpEvent[], b: DpEvent[]): Match {
	const ids = new Map<string, number>();
	const texts: Text[] = [];
	const idOf = (event: DpEvent): number => {
		const key = stepKey(event);
		const known = ids.get(key);
		if (known !== undefined) return known;
		const kind = JSON.stringify([event.system, event.event_type, event.severity === "error"]);
		const id = texts.push({ kind, words: stepText(event).match(/[\p{L}\p{N}#]+/gu) ?? [] }) - 1;
		ids.set(key, id);
		return id;
	};
	const [idsA, idsB] = [a.map(idOf), b.map(idOf)];
	const n = texts.length;
	const alike = n > TEXTS ? null : new Int8Array(n * n).fill(-1);
	return (i, j) => {
		const [x, y] = [idsA[i]!, idsB[j]!];
		if (x === y) return SAME;
		if (!alike) return 0;
		if (alike[x * n + y]! < 0) alike[x * n + y] = Number(areAlike(texts[x]!, texts[y]!));
		return alike[x * n + y]!;
	};
}

// The best that can be had of what is left from (i, j) on, steps in their order: a longest common subsequence.
function best(n: number, m: number, match: Match): Uint16Array[] {
	const table = Array.from({ length: n + 1 }, () => new Uint16Array(m + 1));
	for (let i = n - 1; i >= 0; i--)
		for (let j = m - 1; j >= 0; j--) {
			const both = match(i, j);
			table[i]![j] = Math.max(
				both > 0 ? both + table[i + 1]![j + 1]! : 0,
				table[i + 1]![j]!,
				table[i]![j + 1]!,
			);
		}
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
	const match = matching(first, second);
	const table = best(first.length, second.length, match);
	const pairs: Pair[] = [];
	let [i, j] = [0, 0];
	while (i < first.length || j < second.length) {
		const [eventA, eventB] = [first[i] ?? null, second[j] ?? null];
		const both = eventA && eventB ? match(i, j) : 0;
		if (eventA && eventB && both > 0 && table[i]![j] === both + table[i + 1]![j + 1]!) {
			const isSame = both === SAME;
			pairs.push({ a: eventA, b: eventB, isSame, values: differences(eventA, eventB) });
			i++;
			j++;
		} else if (eventA && (!eventB || table[i + 1]![j]! >= table[i]![j + 1]!)) {
			pairs.push({ a: eventA, b: null, isSame: false, values: [] });
			i++;
		} else {
			pairs.push({ a: null, b: eventB, isSame: false, values: [] });
			j++;
		}
	}
	return pairs;
}

export function isWhole(events: DpEvent[]): boolean {
	return events.length <= MOST;
}
