// Times and numbers as people read them.

// RFC 3339 in microseconds since the epoch.
export function micros(text: string): number {
	const dot = text.indexOf(".");
	if (dot < 0) return Date.parse(text) * 1000;
	let us = 0;
	let at = dot + 1;
	for (let worth = 1e5; text[at]! >= "0" && text[at]! <= "9"; at++, worth /= 10)
		us += Math.floor(worth) * Number(text[at]);
	return Date.parse(text.slice(0, dot) + text.slice(at)) * 1000 + us;
}

export function duration(ms: number): string {
	if (ms === 0) return "0 ms";
	if (ms < 1) return `${Math.round(ms * 1000)} µs`;
	if (ms < 1000) return `${trim(ms)} ms`;
	if (ms < 60e3) return `${trim(ms / 1000)} s`;
	const s = Math.round(ms / 1000);
	if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
	if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

// Three digits that mean something.
function trim(value: number): string {
	return String(Number(value.toPrecision(value < 1000 ? 3 : 4)));
}

export function age(text: string, now = Date.now()): string {
	const s = Math.round((now - Date.parse(text)) / 1000);
	if (s < -5) return "in the future";
	if (s < 5) return "now";
	if (s < 60) return `${s} s ago`;
	if (s < 3600) return `${Math.floor(s / 60)} min ago`;
	if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
	return `${Math.floor(s / 86400)} d ago`;
}

function pad(n: number, width = 2): string {
	return String(n).padStart(width, "0");
}

export function day(date: Date): string {
	return `${pad(date.getFullYear(), 4)}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

export function timeOfDay(date: Date): string {
	return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
}

// An instant in the reader's own time, with milliseconds.
export function clock(text: string): string {
	const date = new Date(text);
	return `${day(date)} ${timeOfDay(date)}`;
}

// A count. The first Intl.NumberFormat of a page takes longer than all else that it does before its first frame.
export function number(n: number): string {
	return String(n).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

export function count(n: number, one: string, many = `${one}s`): string {
	return `${number(n)} ${n === 1 ? one : many}`;
}

// A number in the room of four characters.
export function short(n: number): string {
	for (const [size, unit] of [
		[1e9, "G"],
		[1e6, "M"],
		[1e3, "k"],
	] as const)
		if (n >= size) return `${Number((n / size).toPrecision(n / size < 10 ? 2 : 3))} ${unit}`;
	return String(Number(n.toPrecision(3)));
}
