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
	if (ms < 0) return `−${duration(-ms)}`;
	if (ms < 1) return `${Math.round(ms * 1000)} µs`;
	if (ms < 1000) return `${trim(ms)} ms`;
	if (ms < 60e3) return `${trim(ms / 1000)} s`;
	const s = Math.round(ms / 1000);
	if (s < 3600) return both(s, 60, "min", 1, "s");
	if (s < 172800) return both(s, 3600, "h", 60, "min");
	return both(s, 86400, "d", 3600, "h");
}

function both(s: number, large: number, largeUnit: string, small: number, unit: string): string {
	const rest = Math.floor((s % large) / small);
	return `${Math.floor(s / large)} ${largeUnit}${rest > 0 ? ` ${rest} ${unit}` : ""}`;
}

// The same in the room of nine characters.
export function briefDuration(ms: number): string {
	if (ms < 60e3) return duration(ms);
	if (ms < 3600e3) return `${trim(ms / 60e3)} min`;
	return ms < 172800e3 ? `${trim(ms / 3600e3)} h` : `${trim(ms / 86400e3)} d`;
}

// Three digits that mean something.
function trim(value: number): string {
	return String(Number(value.toPrecision(value < 1000 ? 3 : 4)));
}

const DAY = 86400e6; // µs
const STEPS = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200]; // s

// The next round distance, in µs: of days, minutes or hours, or seconds and less.
export function roundStep(least: number): number {
	const enough = (step: number): boolean => step >= least * 0.999;
	const found = least > 10e6 && STEPS.map((s) => s * 1e6).find(enough);
	if (found) return found;
	const unit = least > 10e6 ? DAY : 1;
	const power = unit * 10 ** Math.floor(Math.log10(least / unit));
	return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= unit && enough(step))!;
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
