// Names and values that went by, for completion. Bounded: it is a memory aid, no index.

import type { DpEvent } from "./api";
import { isObject } from "./json";

const VALUES = 200;
const LONGEST = 80;
const seen = new Map<string, Set<string>>();

function note(field: string, value: string): void {
	if (value === "" || value.length > LONGEST) return;
	let values = seen.get(field);
	if (!values) seen.set(field, (values = new Set()));
	if (values.size < VALUES) values.add(value);
}

export function noteSystems(names: string[]): void {
	for (const name of names) note("system", name);
}

export function noteEnvironment(name: string): void {
	note("env", name);
}

export function noteEvents(events: DpEvent[]): void {
	for (const event of events.slice(0, VALUES)) {
		note("system", event.system);
		note("type", event.event_type);
		for (const field of ["name", "file", "source", "environment"])
			if (typeof event.data[field] === "string")
				note(field === "environment" ? "env" : field, event.data[field]);
		for (const [name, value] of Object.entries(event.data)) {
			if (/^\w+$/.test(name) && typeof value !== "object") note("", name);
			if (name === "locals" && isObject(value))
				for (const local of Object.keys(value))
					if (/^\w+$/.test(local)) note("", `locals.${local}`);
		}
	}
}

// The field "" has the names of fields themselves.
export function knownValues(field: string): string[] {
	return [...(seen.get(field === "environment" ? "env" : field) ?? [])].sort();
}
