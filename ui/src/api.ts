// Documents of dp-http (docs/openapi.yaml), and why one could not be had.

import { Digits, isObject, parse, type Json, type JsonObject } from "./json";
import { keep, recall } from "./kept";

export type Severity = "error" | "warning" | "info" | "debug";
export type Status = "success" | "warning" | "error";

export interface DpEvent {
	id: number;
	trace_id: string;
	system: string;
	event_type: string;
	timestamp: string;
	data: JsonObject;
	event_id: string;
	severity: Severity;
}

export interface TraceSummary {
	trace_id: string;
	title: string;
	systems: string[];
	environment?: string;
	start_time: string;
	end_time: string;
	duration_ms: number;
	event_count: number;
	error_count: number;
	warning_count: number;
	status: Status;
	last_error?: string;
}

export interface Page<T> {
	items: T[];
	next: string | null;
	prev?: string | null;
	partial?: boolean;
}

export interface ErrorGroup {
	fingerprint: string;
	type: string;
	place: string;
	message: string;
	title: string;
	systems: string[];
	environments: string[];
	first_seen: string;
	last_seen: string;
	count: number;
	traces: string[];
	recent?: { since: string; bucket_ms: number; counts: number[]; partial: boolean };
}

export interface Stats {
	since: string;
	until: string;
	bucket_ms: number;
	buckets: { time: string; error: number; warning: number; info: number; debug: number }[];
	totals: { events: number; error: number; warning: number; info: number; debug: number };
	systems: SystemStats[];
	complete: boolean;
	counted_since: string;
}

export interface SystemStats {
	system: string;
	events: number;
	errors: number;
	rate_per_s: number;
	p50_ms: number | null;
	p95_ms: number | null;
	p99_ms: number | null;
	measured: number;
}

export interface Flow {
	nodes: { system: string; events: number; errors: number; traces: number }[];
	edges: {
		from: string;
		to: string;
		count: number;
		errors: number;
		p50_ms: number | null;
		p95_ms: number | null;
	}[];
	traces: number;
	complete: boolean;
	since: string;
	until: string;
}

interface ProblemDocument {
	type?: string;
	title?: string;
	detail?: string;
	errors?: { parameter: string; detail: string; character?: number }[];
}

export class Problem extends Error {
	constructor(
		readonly status: number,
		readonly document: ProblemDocument,
	) {
		const parts = (document.errors ?? []).map((each) => `${each.parameter}: ${each.detail}`);
		super([document.detail ?? document.title ?? `HTTP ${status}`, ...parts].join("; "));
	}

	// What is wrong with one parameter of the request.
	about(parameter: string): string | null {
		return this.document.errors?.find((each) => each.parameter === parameter)?.detail ?? null;
	}
}

const TOKEN = "token";

export const token = {
	get: (): string | null => recall("sessionStorage", TOKEN),
	set: (value: string): void => keep("sessionStorage", TOKEN, value),
};

export type Query = Record<string, string | number | null | undefined>;

// A path with the parameters that have a value.
export function url(path: string, query: Query = {}): string {
	const given = Object.entries(query).filter(
		([, value]) => value !== null && value !== undefined && value !== "",
	);
	const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
	return search.size > 0 ? `${path}?${search}` : path;
}

export function headers(more: Record<string, string>): Record<string, string> {
	const value = token.get();
	return value === null ? more : { ...more, Authorization: `Bearer ${value}` };
}

export async function refusal(response: Response): Promise<Problem> {
	try {
		return new Problem(response.status, (await response.json()) as ProblemDocument);
	} catch {
		return new Problem(response.status, {});
	}
}

// The same document: its own numbers are numbers; those of an event, in its `data`, keep their digits.
export function withNumbers(value: Json): Json {
	if (value instanceof Digits) return Number(value.text);
	if (Array.isArray(value)) return value.map(withNumbers);
	if (isObject(value))
		for (const [name, child] of Object.entries(value))
			if (name !== "data") value[name] = withNumbers(child);
	return value;
}

function ask(target: string, signal: AbortSignal | null): Promise<Response> {
	return fetch(target, {
		headers: headers({ Accept: "application/json" }),
		signal,
		cache: "no-cache",
	});
}

// By target, what was read last, as long as somebody shows it.
const known = new Map<string, { tag: string; document: WeakRef<object> }>();

const KNOWN_MAX = 100;

function remember(target: string, tag: string, document: object): void {
	if (known.size >= KNOWN_MAX) known.clear();
	known.set(target, { tag, document: new WeakRef(document) });
}

export const TOO_LARGE = 413; // the status of the problem with a document that is more than a page can show

const DOCUMENT_MAX = 64 << 20; // characters

// What has no length said is read as it comes, and no further than that.
async function textOf(response: Response): Promise<string> {
	if (response.headers.has("Content-Length") || response.body === null) return response.text();
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	const parts: string[] = [];
	let left = DOCUMENT_MAX;
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return parts.join("");
		left -= value.length;
		if (left < 0) {
			void reader.cancel();
			throw new Problem(TOO_LARGE, { detail: "It takes more than 64 MiB." });
		}
		parts.push(value);
	}
}

// The document in an answer; one that has not changed since it was read is the same object, and is not read again.
async function read(target: string, response: Response): Promise<object> {
	if (!response.ok) throw await refusal(response);
	const tag = response.headers.get("ETag");
	const last = known.get(target);
	const same = tag !== null && last?.tag === tag ? last.document.deref() : undefined;
	if (same !== undefined) {
		void response.body?.cancel();
		return same;
	}
	const document = withNumbers(parse(await textOf(response)) as Json) as object;
	if (tag !== null) remember(target, tag, document);
	return document;
}

let early: { target: string; document: Promise<object>; here: object | null } | null = null;

// Asks for what the next `takeEarly` or `get` will want; if that is for something else, the document is thrown away.
// Resolves when it is there, or is known not to come.
export async function askEarly(path: string, query: Query): Promise<void> {
	const target = url(path, query);
	const document = ask(target, null).then((response) => read(target, response));
	const asked: typeof early = { target, document, here: null };
	early = asked;
	try {
		asked.here = await document;
	} catch {
		// who gets it is told
	}
}

// What was asked for early, where it is there already, for one that is shown with it at once; else null.
export function takeEarly(path: string, query: Query): object | null {
	const here = early?.target === url(path, query) ? early.here : null;
	if (here !== null) early = null;
	return here;
}

// Throws a Problem where dp-http refuses, a TypeError where nobody answers.
export async function get<T extends object>(
	path: string,
	query: Query,
	signal: AbortSignal,
): Promise<T> {
	const target = url(path, query);
	const taken = early?.target === target ? early.document : null;
	early = null;
	const document = taken ?? ask(target, signal).then((response) => read(target, response));
	return (await document) as T;
}

// What dp-http tells apart of an event, from the event as it is stored.
export function fromStored(stored: JsonObject): DpEvent {
	const { traceId, eventId, timestamp, severity, system, type, ...data } = stored as Record<
		string,
		string
	>;
	return {
		id: 0,
		trace_id: traceId!,
		event_id: eventId!,
		timestamp: timestamp!,
		severity: severity as Severity,
		system: system!,
		event_type: type!,
		data,
	};
}

// An event as it was sent: what dp-http tells apart, in the event's own names again.
export function asSent(event: DpEvent): Record<string, Json> {
	return Object.fromEntries([
		["traceId", event.trace_id],
		["eventId", event.event_id],
		["timestamp", event.timestamp],
		["severity", event.severity],
		["system", event.system],
		["type", event.event_type],
		...Object.entries(event.data).filter(([name]) => name !== "eventId" && name !== "severity"),
	] as [string, Json][]);
}
