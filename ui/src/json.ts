// JSON as it was sent: a number that JavaScript cannot hold keeps its digits.

export class Digits {
	constructor(readonly text: string) {}
}

export type Json = null | boolean | number | string | Digits | Json[] | JsonObject;
export interface JsonObject {
	[name: string]: Json;
}

function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
	return typeof value === "number" &&
		context?.source !== undefined &&
		String(value) !== context.source
		? new Digits(context.source)
		: value;
}

// Looking at every number takes five times as long as the rest: in a large text it is done only where
// a number would become another one, not where 5.0 would become 5.
const LARGE = 1 << 20;
const LONG_NUMBERS = /[:,[]\s*(-?(?:[\d.]{16,}(?:[eE][-+]?\d+)?|[\d.]+[eE][-+]?\d+))/g;

// Most numbers of 16 digits, as dp-http's own ids have, are still what they were.
function isBeyondDoubles(text: string): boolean {
	for (const [, number] of text.matchAll(LONG_NUMBERS))
		if (String(Number(number)) !== number) return true;
	return false;
}

export function parse(text: string): unknown {
	return text.length < LARGE || isBeyondDoubles(text)
		? JSON.parse(text, keepDigits)
		: JSON.parse(text);
}

export function isObject(value: Json | undefined): value is JsonObject {
	return (
		typeof value === "object" &&
		value !== null &&
		!Array.isArray(value) &&
		!(value instanceof Digits)
	);
}

export function isBranch(value: Json | undefined): value is JsonObject | Json[] {
	return Array.isArray(value) || isObject(value);
}

// Whether there is something to be said at all.
export function isGiven(value: Json | undefined): value is Json {
	return value !== undefined && value !== null && value !== "";
}

// The text of a document; `indent` is that of a level, "" for one line.
export function write(value: Json, indent = "", level = ""): string {
	if (value instanceof Digits) return value.text;
	if (!isBranch(value)) return JSON.stringify(value);
	const inner = level + indent;
	const parts = Array.isArray(value)
		? value.map((each) => write(each, indent, inner))
		: Object.entries(value).map(
				([name, each]) => `${JSON.stringify(name)}:${indent && " "}${write(each, indent, inner)}`,
			);
	const [open, close] = Array.isArray(value) ? "[]" : "{}";
	if (parts.length === 0) return `${open!}${close!}`;
	return indent
		? `${open!}\n${inner}${parts.join(`,\n${inner}`)}\n${level}${close!}`
		: `${open!}${parts.join()}${close!}`;
}

// A value within a line of text.
export function plain(value: Json): string {
	return typeof value === "string" ? value : write(value);
}

// A value among others: a string in quotes where it would not be seen, or would be taken for another kind of value.
export function distinct(value: Json): string {
	const isUnclear =
		typeof value === "string" &&
		(value.trim() !== value || /^(?:|true|false|null|-?[\d.]+(?:[eE][-+]?\d+)?)$/.test(value));
	return isUnclear ? `"${value}"` : plain(value);
}

const PREVIEW = 60; // characters

function brief(value: Json): string {
	if (!isBranch(value)) return distinct(value).slice(0, PREVIEW);
	const [open, close] = Array.isArray(value) ? "[]" : "{}";
	return `${open!}${Object.keys(value).length > 0 ? "…" : ""}${close!}`;
}

// What is in a value, as far as a line has room.
export function preview(value: Json[] | JsonObject): string {
	const [open, close] = Array.isArray(value) ? "[]" : "{}";
	let text = "";
	for (const [name, each] of Object.entries(value)) {
		text += `${text && ", "}${Array.isArray(value) ? "" : `${name}: `}${brief(each)}`;
		if (text.length > PREVIEW) {
			text = `${text.slice(0, PREVIEW)}…`;
			break;
		}
	}
	return `${open!}${text}${close!}`;
}
