// The stream of /api/events. It is read by fetch and not by EventSource, which cannot send a token and
// does not tell why it failed.

import { headers, type Query, refusal, Problem, url } from "./api";

const SILENCE_MS = 35000; // longer than three heartbeats: the connection is dead
const RETRY_MS = 1000;
const BLOCK_MAX = 8 << 20; // an event has at most 1 MiB

export interface Message {
	id?: string;
	data?: string;
}

export interface Listener {
	message: (message: Message) => void;
	connected: () => void;
	lost: (problem: Problem | null) => void; // null: nobody answers
	restarted: () => void; // events may have been missed
}

// Takes the complete blocks of an event stream off `text`; gives the rest back.
export function takeMessages(text: string, take: (message: Message) => void): string {
	const blocks = text.split("\n\n");
	const rest = blocks.pop() ?? "";
	for (const block of blocks) {
		const message: Record<string, string> = {};
		for (const line of block.split("\n")) {
			const at = line.indexOf(": ");
			if (at > 0) message[line.slice(0, at)] = line.slice(at + 2);
		}
		take(message);
	}
	if (rest.length > BLOCK_MAX) throw new Error("a block of the stream is too long");
	return rest;
}

// Follows /api/events, for ever: connects again after a loss and goes on where it was. Returns a
// function that ends it.
export function follow(query: Query, listener: Listener): () => void {
	const ended = new AbortController();
	let cursor: string | null = null;

	async function read(): Promise<void> {
		const abort = new AbortController();
		const stop = (): void => abort.abort();
		let timer = setTimeout(stop, SILENCE_MS);
		ended.signal.addEventListener("abort", stop);
		try {
			const more = cursor === null ? {} : { "Last-Event-ID": cursor };
			const response = await fetch(url("/api/events", { n: "0", ...query, follow: "1" }), {
				headers: headers({ Accept: "text/event-stream", ...more }),
				signal: abort.signal,
				cache: "no-store",
			});
			if (!response.ok) throw await refusal(response);
			listener.connected();
			const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
			for (let rest = ""; ;) {
				const { done, value } = await reader.read();
				if (done) return;
				clearTimeout(timer);
				timer = setTimeout(stop, SILENCE_MS);
				rest = takeMessages(rest + value, (message) => {
					cursor = message.id ?? cursor;
					if (message.data !== undefined) listener.message(message);
				});
			}
		} finally {
			clearTimeout(timer);
			ended.signal.removeEventListener("abort", stop);
		}
	}

	async function readOn(): Promise<void> {
		for (;;) {
			let refused: Problem | null = null;
			try {
				await read();
			} catch (error) {
				refused = error instanceof Problem ? error : null;
			}
			if (ended.signal.aborted) return;
			if (refused?.status === 410) {
				cursor = null;
				listener.restarted();
			}
			listener.lost(refused);
			await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
		}
	}

	void readOn();
	return () => ended.abort();
}
