// The named values within an event: locals, attributes, and what else it carries.

import type { DpEvent } from "./api";
import { Digits, isBranch, isObject, type Json, plain } from "./json";

export interface Scalar {
	path: string[]; // as in ["locals", "order", "id"]
	value: Exclude<Json, Json[] | { [name: string]: Json }>;
}

const DEEPEST = 5;
const MOST = 400; // of an event

// What the event says about itself, not about the data it saw.
const OWN = new Set([
	"eventId",
	"severity",
	"name",
	"file",
	"line",
	"source",
	"stacktrace",
	"causes",
	"spanId",
	"parentSpanId",
	"durationMs",
	"receivedAt",
	"timestampRaw",
	"severityRaw",
	"repairs",
	"environment",
	"process",
	"mechanism",
	"handled",
	"notes",
	"module",
	"response",
	"queueMs",
	"error",
	"fingerprint",
	"method",
	"status",
]);

function collect(value: Json, path: string[], found: Scalar[]): void {
	if (found.length >= MOST) return;
	if (!isBranch(value)) {
		found.push({ path, value });
		return;
	}
	if (path.length < DEEPEST)
		for (const [name, child] of Object.entries(value)) collect(child, [...path, name], found);
}

export function scalarsOf(event: DpEvent): Scalar[] {
	const found: Scalar[] = [];
	const names = Object.keys(event.data).sort(
		(a, b) => Number(b === "locals") - Number(a === "locals"),
	);
	for (const name of names)
		if (!OWN.has(name) && (name !== "details" || isBranch(event.data[name])))
			collect(event.data[name]!, [name], found);
	const stack = event.data["stacktrace"];
	if (Array.isArray(stack))
		for (const frame of stack)
			if (isObject(frame) && frame["inApp"] !== false && isObject(frame["locals"]))
				collect(frame["locals"], ["stack", plain(frame["function"] ?? "?")], found);
	return found;
}

export function textOf(value: Scalar["value"]): string {
	return value instanceof Digits ? value.text : String(value);
}

export function typeOf(value: Scalar["value"]): string {
	return value === null ? "null" : value instanceof Digits ? "number" : typeof value;
}
