// Completion for the language of devpulse-filter(7). What a filter means only dp-http says; here its text
// is cut into terms, as far as a reader at the keyboard needs it.

export interface Term {
	text: string;
	from: number; // where it begins in the filter
	to: number;
}

export interface Option {
	insert: string;
	note: string;
}

export interface Completion {
	from: number; // what the option replaces
	to: number;
	options: Option[];
}

const FIELDS: [name: string, note: string][] = [
	["severity", "error, warning, info, debug"],
	["system", "the application"],
	["type", "request, query, task, error, …"],
	["env", "the environment"],
	["trace", "a trace's id"],
	["duration", "how long it took: >500ms"],
	["since", "15m, 2h, 7d, or a date"],
	["until", "1h ago, or a date"],
	["fingerprint", "a group of errors"],
	["name", "the event's name"],
	["details", "what it says"],
	["file", "the source file"],
	["source", "the function"],
	["response", "success or fail"],
	["span", "a step of the trace"],
];

const FIXED: Record<string, string[]> = {
	severity: ["error", "warning", "info", "debug"],
	response: ["success", "fail"],
	since: ["15m", "1h", "6h", "24h", "7d"],
	until: ["15m", "1h", "24h"],
	duration: ["100ms", "500ms", "1s", "10s"],
};

const OPERATOR = /!=|!~|>=|<=|=|~|>|</;
const MOST = 12;

export function terms(text: string): Term[] {
	const found: Term[] = [];
	const pattern = /(?:"(?:\\.|[^"\\])*"?|\\.|[^\s"\\])+/gsu;
	for (const match of text.matchAll(pattern))
		found.push({ text: match[0], from: match.index, to: match.index + match[0].length });
	return found;
}

// The value of the first term FIELD=VALUE, without quotes; null where there is none.
export function valueOf(text: string, field: string): string | null {
	const found = terms(text).find((term) => term.text.startsWith(`${field}=`));
	return found ? found.text.slice(field.length + 1) : null;
}

// A value as it stands in a filter.
export function quoted(value: string): string {
	return /^[\w./:@*-]+$/.test(value) ? value : JSON.stringify(value);
}

// The filter with the term FIELD=VALUE put in the place of every other one of that field; null: without.
export function withTerm(text: string, field: string, value: string | null): string {
	const kept = terms(text)
		.map((term) => term.text)
		.filter((term) => !(term.startsWith(field) && OPERATOR.exec(term)?.index === field.length));
	if (value !== null) kept.push(`${field}=${quoted(value)}`);
	return kept.join(" ");
}

// What could stand where the caret is. `known`: values that were seen, by field.
export function complete(
	text: string,
	caret: number,
	known: (field: string) => string[],
): Completion {
	const term = terms(text).find((each) => each.from < caret && caret <= each.to);
	const from = term?.from ?? caret;
	const typed = text.slice(from, caret);
	const operator = OPERATOR.exec(typed);
	if (!operator) return { from, to: term?.to ?? caret, options: names(typed, known("")) };
	const field = typed.slice(0, operator.index);
	const valueAt = from + Math.max(operator.index + operator[0].length, typed.lastIndexOf(",") + 1);
	const begun = text.slice(valueAt, caret).replace(/^"/, "").toLowerCase();
	const values = [...(FIXED[field] ?? []), ...known(field)];
	const options = [...new Set(values)]
		.filter((value) => value.toLowerCase().startsWith(begun) && value.toLowerCase() !== begun)
		.slice(0, MOST)
		.map((value) => ({ insert: quoted(value), note: "" }));
	const end = /^[^\s,]*/.exec(text.slice(caret))![0].length;
	return { from: valueAt, to: caret + end, options };
}

function names(typed: string, seen: string[]): Option[] {
	const begun = typed.toLowerCase();
	const all = [...FIELDS, ...seen.map((name): [string, string] => [name, ""])];
	return all
		.filter(([name]) => name.toLowerCase().startsWith(begun))
		.slice(0, MOST)
		.map(([name, note]) => ({ insert: `${name}=`, note }));
}
