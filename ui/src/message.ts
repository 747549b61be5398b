// What an event says, in a line.

import type { DpEvent } from "./api";
import { type Json, isBranch, isGiven, plain } from "./json";

// The name and the details, where these do not say the name again.
export function message(event: DpEvent): string {
	const { details, name, source } = event.data;
	const given = [name, details, source].filter(isGiven);
	if (given.length === 0) return event.event_type;
	if (!isGiven(name) || !isGiven(details) || isBranch(details)) return plain(given[0]!);
	return plain(details).startsWith(plain(name))
		? plain(details)
		: `${plain(name)}: ${plain(details)}`;
}

export const NO_TEXT = "(no text)";

function title({ data: { name, details } }: DpEvent): string {
	const found = [name, details].find((value) => typeof value === "string" && value !== "");
	return typeof found === "string" ? found : NO_TEXT;
}

const TITLE = new Uint8Array(200); // as many bytes as the list has

// Of whole characters.
function cut(text: string): string {
	return text.slice(0, new TextEncoder().encodeInto(text, TITLE).read);
}

// As the list has it: that of the first request, else of the first event that has one.
export function titleOf(events: DpEvent[]): string {
	const named = events.filter((event) => title(event) !== NO_TEXT);
	const first = named.find((event) => event.event_type === "request") ?? named[0];
	return first ? cut(title(first)) : NO_TEXT;
}

// FILE:LINE, where the event says it.
export function place(file: Json | undefined, line: Json | undefined): string | null {
	if (!isGiven(file)) return null;
	return isGiven(line) ? `${plain(file)}:${plain(line)}` : plain(file);
}
