// Which value travelled through a trace: the same name in one event after the other, where it changed,
// and where its value turns up under another name or in a message.

import type { DpEvent } from "./api";
import { inOrder } from "./model";
import { message } from "./message";
import { type Scalar, scalarsOf, textOf, typeOf } from "./scalars";

export interface Sighting {
	event: DpEvent;
	path: string; // "" where it is only mentioned in the message
	text: string;
	type: string; // of the value, as JSON has it; "" where it is only mentioned
	kind: "first" | "same" | "changed" | "retyped" | "hidden" | "mentioned";
	times: number; // how often it was seen so, one right after the other
}

export interface Track {
	name: string;
	sightings: Sighting[];
	systems: string[];
	changes: number; // of the value
	retypes: number; // the same value as another type
	also: string[]; // other names that had one of its values
}

const SCRUBBED = /^\[scrubbed/i;
// Names that mean nothing without what they are of.
const GENERIC = new Set([
	"id",
	"ids",
	"name",
	"value",
	"key",
	"code",
	"type",
	"status",
	"count",
	"total",
	"number",
	"uuid",
	"kind",
	"state",
]);
const CONTAINERS = new Set([
	"locals",
	"attributes",
	"details",
	"request",
	"response",
	"args",
	"kwargs",
	"params",
	"data",
	"body",
	"self",
	"stack",
	"extra",
	"context",
	"payload",
]);
const MENTIONS = 40; // of one track

function snake(name: string): string {
	return name
		.replace(/([a-z0-9])([A-Z])/g, "$1_$2")
		.replace(/[^A-Za-z0-9]+/g, "_")
		.replace(/^_+|_+$/g, "")
		.toLowerCase();
}

// What a value is called: orderId, order_id and order.id are one name.
export function nameOf(path: string[]): string {
	const parts = path
		.filter((part) => !/^\d+$/.test(part))
		.map(snake)
		.filter((part) => part !== "");
	const last = parts.at(-1) ?? "";
	const before = parts.at(-2);
	return GENERIC.has(last) && before !== undefined && !CONTAINERS.has(before) && path[0] !== "stack"
		? `${before}_${last}`
		: last;
}

// Whether two places that have this value have it for one reason.
export function isTelling(value: Scalar["value"]): boolean {
	const text = textOf(value);
	return typeOf(value) === "number"
		? /\d{3}/.test(text) && !/^[1-5]00$/.test(text)
		: typeOf(value) === "string" && text.length >= 4 && text.length <= 200 && !SCRUBBED.test(text);
}

interface Seen {
	at: number;
	scalar: Scalar;
}

function collect(events: DpEvent[]): Map<string, Seen[]> {
	const tracks = new Map<string, Seen[]>();
	events.forEach((event, at) => {
		const here = new Set<string>();
		for (const scalar of scalarsOf(event)) {
			const name = nameOf(scalar.path);
			const key = `${name} ${typeOf(scalar.value)} ${textOf(scalar.value)}`;
			if (name === "" || here.has(key)) continue;
			here.add(key);
			const seen = tracks.get(name);
			if (seen) seen.push({ at, scalar });
			else tracks.set(name, [{ at, scalar }]);
		}
	});
	return tracks;
}

// The words of messages: where a value could be mentioned.
function wordsOf(events: DpEvent[]): Map<string, number[]> {
	const words = new Map<string, number[]>();
	events.forEach((event, at) => {
		const found =
			message(event)
				.slice(0, 2000)
				.match(/[\p{L}\p{N}_@+-]+(?:\.[\p{L}\p{N}_@+-]+)*/gu) ?? [];
		for (const word of new Set(found)) {
			const places = words.get(word);
			if (places) places.push(at);
			else words.set(word, [at]);
		}
	});
	return words;
}

function kindOf(before: Scalar | null, now: Scalar): Sighting["kind"] {
	if (!before) return "first";
	if (SCRUBBED.test(textOf(now.value)) || SCRUBBED.test(textOf(before.value))) return "hidden";
	if (textOf(before.value) !== textOf(now.value)) return "changed";
	return typeOf(before.value) === typeOf(now.value) ? "same" : "retyped";
}

function trackOf(
	name: string,
	seen: Seen[],
	events: DpEvent[],
	words: Map<string, number[]>,
): Track {
	const taken = new Set(seen.map((each) => each.at));
	const telling = new Set(
		seen.filter((each) => isTelling(each.scalar.value)).map((each) => textOf(each.scalar.value)),
	);
	const mentions = [...telling]
		.flatMap((text) => (words.get(text) ?? []).map((at) => ({ at, text })))
		.filter(({ at }) => !taken.has(at))
		.slice(0, MENTIONS);
	const order = [
		...seen.map((each) => ({ ...each, text: textOf(each.scalar.value) })),
		...mentions.map((each) => ({ ...each, scalar: null })),
	].sort((a, b) => a.at - b.at);
	const sightings: Sighting[] = [];
	let before: Scalar | null = null;
	for (const { at, scalar, text } of order) {
		const event = events[at]!;
		const kind = scalar ? kindOf(before, scalar) : "mentioned";
		const last = sightings.at(-1);
		if (
			last &&
			last.event.system === event.system &&
			last.text === text &&
			(kind === "same" || (kind === "mentioned" && last.kind !== "mentioned"))
		) {
			last.times++;
		} else {
			sightings.push({
				event,
				path: scalar ? scalar.path.join(".") : "",
				text,
				type: scalar ? typeOf(scalar.value) : "",
				kind,
				times: 1,
			});
		}
		before = scalar ?? before;
	}
	return {
		name,
		sightings,
		also: [],
		systems: [...new Set(sightings.map((each) => each.event.system))],
		changes: sightings.filter((each) => each.kind === "changed").length,
		retypes: sightings.filter((each) => each.kind === "retyped").length,
	};
}

// Names that had a telling value in common are told of each other.
function findAliases(tracks: Track[], collected: Map<string, Seen[]>): void {
	const byValue = new Map<string, Set<string>>();
	for (const { name } of tracks)
		for (const { scalar } of collected.get(name)!)
			if (isTelling(scalar.value)) {
				const names = byValue.get(textOf(scalar.value)) ?? new Set();
				byValue.set(textOf(scalar.value), names.add(name));
			}
	const byName = new Map(tracks.map((track) => [track.name, track]));
	for (const names of byValue.values())
		for (const name of names)
			for (const other of names)
				if (other !== name && !byName.get(name)!.also.includes(other))
					byName.get(name)!.also.push(other);
}

// Those that were seen in more than one place, first what crossed most systems, then what changed most.
export function tracksOf(events: DpEvent[]): Track[] {
	const ordered = inOrder(events);
	const collected = collect(ordered);
	const words = wordsOf(ordered);
	const tracks = [...collected].map(([name, seen]) => trackOf(name, seen, ordered, words));
	findAliases(tracks, collected);
	return tracks
		.filter(
			(track) =>
				new Set(track.sightings.map((each) => each.event.event_id)).size > 1 ||
				track.also.length > 0 ||
				track.sightings.some((each) => each.times > 1),
		)
		.sort(
			(a, b) =>
				b.systems.length - a.systems.length ||
				b.changes - a.changes ||
				b.sightings.length - a.sightings.length,
		);
}
