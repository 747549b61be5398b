// Times and numbers as people read them.

// RFC 3339 in microseconds since the epoch.
export function micros(text) {
	const fraction = /\.(\d+)/.exec(text)?.[1] ?? "";
	return Date.parse(text.replace(/\.\d+/, "")) * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

export function duration(ms) {
	if (ms === 0)
		return "0 ms";
	if (ms < 1)
		return `${Math.round(ms * 1000)} µs`;
	if (ms < 1000)
		return `${trim(ms)} ms`;
	if (ms < 60e3)
		return `${trim(ms / 1000)} s`;
	const s = Math.round(ms / 1000);
	if (s < 3600)
		return `${Math.floor(s / 60)} min ${s % 60} s`;
	if (s < 172800)
		return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

// Three digits that mean something.
function trim(value) {
	return String(Number(value.toPrecision(value < 1000 ? 3 : 4)));
}

export function age(text, now = Date.now()) {
	const s = Math.round((now - Date.parse(text)) / 1000);
	if (s < -5)
		return "in the future";
	if (s < 5)
		return "now";
	if (s < 60)
		return `${s} s ago`;
	if (s < 3600)
		return `${Math.floor(s / 60)} min ago`;
	if (s < 86400)
		return `${Math.floor(s / 3600)} h ago`;
	return `${Math.floor(s / 86400)} d ago`;
}

// An instant in the reader's own time, with milliseconds.
export function clock(text) {
	const date = new Date(text);
	const pad = (n, width = 2) => String(n).padStart(width, "0");
	return `${pad(date.getFullYear(), 4)}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ` +
		`${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.` +
		pad(date.getMilliseconds(), 3);
}

export function count(n, one, many = `${one}s`) {
	return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}
