// An event as something to paste elsewhere.

import { asSent, type DpEvent } from "./api";
import { isGiven, isObject, type Json, plain, write } from "./json";
import { message, place } from "./message";

export function asLine(event: DpEvent): string {
	return `${write(asSent(event))}\n`;
}

export function shellQuoted(text: string): string {
	return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function requestOf(
	event: DpEvent,
): { method: string; address: string; headers: Json | undefined; body: Json | undefined } | null {
	const inner = event.data["request"];
	const from = isObject(inner) ? inner : event.data;
	const address = [from["url"], from["path"]].find((value) => typeof value === "string");
	const method = from["method"];
	if (typeof address !== "string" || typeof method !== "string" || !/^[A-Z]+$/.test(method))
		return null;
	const query =
		typeof from["query"] === "string" && from["query"] !== "" ? `?${from["query"]}` : "";
	const whole = /^https?:\/\//.test(address) ? address : `http://localhost${address}${query}`;
	return { method, address: whole, headers: from["headers"], body: from["body"] };
}

// Of a request the command that makes it again; of another event the one that reads it.
export function asCurl(event: DpEvent, origin: string): string {
	const request = requestOf(event);
	if (!request) {
		const query = new URLSearchParams({ trace: event.trace_id });
		return `curl ${shellQuoted(`${origin}/api/events/${event.event_id}?${query}`)}`;
	}
	const parts = ["curl"];
	if (request.method !== "GET") parts.push("-X", request.method);
	if (isObject(request.headers))
		for (const [name, value] of Object.entries(request.headers))
			parts.push("-H", shellQuoted(`${name}: ${plain(value)}`));
	if (isGiven(request.body)) parts.push("--data-raw", shellQuoted(plain(request.body)));
	return [...parts, shellQuoted(request.address)].join(" ");
}

// Longer than any run of backticks within.
function fence(text: string): string {
	const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((match) => match[0].length));
	return "`".repeat(longest + 1);
}

function block(title: string, text: string): string {
	const marks = fence(text);
	return `**${title}**\n${marks}\n${text}\n${marks}\n`;
}

function stackText(stack: Json): string {
	const frames = Array.isArray(stack) ? stack : [stack];
	return frames
		.map((frame) => {
			if (!isObject(frame)) return plain(frame);
			const at = place(frame["file"], frame["line"]);
			const within = plain(frame["function"] ?? "?");
			const where = at === null ? within : `${at} in ${within}`;
			return isGiven(frame["code"]) ? `${where}\n    ${plain(frame["code"])}` : where;
		})
		.join("\n");
}

// For an issue: what happened, where, with which values.
export function asMarkdown(event: DpEvent, address: string): string {
	const { data } = event;
	const head = message(event)
		.split("\n")[0]!
		.replace(/[\\`*_<>[\]#|]/g, "\\$&");
	const where = place(data["file"], data["line"]);
	const facts = [
		`- ${event.severity} in \`${event.system}\`, ${event.timestamp}`,
		...(where === null
			? []
			: [`- at \`${where}\`${isGiven(data["source"]) ? ` in \`${plain(data["source"])}\`` : ""}`]),
		`- trace \`${event.trace_id}\`: ${address}`,
	];
	const parts = [`### ${head}\n`, `${facts.join("\n")}\n`];
	if (isGiven(data["stacktrace"])) parts.push(block("Stack", stackText(data["stacktrace"])));
	if (isGiven(data["locals"])) parts.push(block("Locals", write(data["locals"], "  ")));
	return parts.join("\n");
}
