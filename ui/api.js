// Talking to dp-http: documents, and the stream of events.
//
// The stream is read by fetch and not by EventSource, which cannot send a token and does not tell
// why it failed.

const SILENCE_MS = 35000; // longer than three heartbeats: the connection is dead
const RETRY_MS = 1000;

// A number as it was sent. JavaScript's own cannot hold every integer.
export class Digits {
	constructor(text) {
		this.text = text;
	}
}

export class Problem extends Error {
	constructor(status, document) {
		super(document.detail ?? document.title ?? `HTTP ${status}`);
		this.status = status;
	}
}

export const token = {
	get: () => sessionStorage.getItem("token"),
	set: (value) => sessionStorage.setItem("token", value),
};

function headers(more) {
	return token.get() ? { ...more, Authorization: `Bearer ${token.get()}` } : more;
}

function keepDigits(_key, value, context) {
	return typeof value === "number" && context?.source !== undefined && String(value) !== context.source
		? new Digits(context.source)
		: value;
}

async function refusal(response) {
	try {
		return new Problem(response.status, await response.json());
	} catch {
		return new Problem(response.status, {});
	}
}

export async function get(path, signal) {
	const response = await fetch(path, { headers: headers({}), signal, cache: "no-store" });
	if (!response.ok)
		throw await refusal(response);
	return JSON.parse(await response.text(), keepDigits);
}

// Takes the complete blocks of an event stream off `text`; gives the rest back.
function takeEvents(text, onEvent) {
	const blocks = text.split("\n\n");
	const rest = blocks.pop();
	for (const block of blocks) {
		const event = {};
		for (const line of block.split("\n")) {
			const at = line.indexOf(": ");
			if (at > 0)
				event[line.slice(0, at)] = line.slice(at + 2);
		}
		onEvent(event);
	}
	return rest;
}

// Follows /api/events from now on, for ever: connects again after a loss and goes on where it was.
// `handlers`: event(), called for each event; connected(), after each connection; lost(problem);
// restarted(), where events may have been missed. Returns a function that ends it.
export function follow(query, handlers) {
	const ended = new AbortController();
	let cursor = null;

	async function read() {
		const abort = new AbortController();
		const stop = () => abort.abort();
		let timer = setTimeout(stop, SILENCE_MS);
		ended.signal.addEventListener("abort", stop);
		try {
			const response = await fetch(`/api/events?${new URLSearchParams({ ...query, follow: "", n: "0" })}`, {
				headers: headers({ Accept: "text/event-stream", ...(cursor && { "Last-Event-ID": cursor }) }),
				signal: abort.signal,
				cache: "no-store",
			});
			if (!response.ok)
				throw await refusal(response);
			handlers.connected();
			const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
			for (let rest = "", part; !(part = await reader.read()).done;) {
				clearTimeout(timer);
				timer = setTimeout(stop, SILENCE_MS);
				rest = takeEvents(rest + part.value, (event) => {
					cursor = event.id ?? cursor;
					if (event.data !== undefined)
						handlers.event();
				});
			}
		} finally {
			clearTimeout(timer);
			ended.signal.removeEventListener("abort", stop);
		}
	}

	(async () => {
		while (!ended.signal.aborted) {
			let problem = null;
			try {
				await read();
			} catch (error) {
				problem = error;
			}
			if (ended.signal.aborted)
				return;
			if (problem?.status === 410) {
				cursor = null;
				handlers.restarted();
			}
			handlers.lost(problem);
			await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
		}
	})();
	return () => ended.abort();
}
