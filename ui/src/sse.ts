// The stream of /api/events, read while the page is seen: a browser has six connections a host, for all of
// its tabs. It is read by fetch and not by EventSource, which cannot send a token and does not tell why it
// failed.

import { headers, type Query, refusal, Problem, url } from "./api";

const SILENCE_MS = 35000; // longer than three heartbeats: the connection is dead
const RETRY_MS = 1000;
const STALE_MS = 300e3; // who was unseen for longer begins anew, and need not take all that came
const BLOCK_MAX = 8 << 20; // an event has at most 1 MiB

export interface Message {
	id?: string;
	data?: string;
}

export interface Listener {
	message: (message: Message) => void;
	connected: () => void;
	unseen: () => void; // nothing is read until the page is seen again
	refused: (problem: Problem) => void; // what is asked for is wrong: nothing will come
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

// Resolves when the page is seen, or `ended`.
function whenSeen(ended: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		const done = new AbortController();
		const look = (): void => {
			if (document.hidden && !ended.aborted) return;
			done.abort();
			resolve();
		};
		document.addEventListener("visibilitychange", look, { signal: done.signal });
		ended.addEventListener("abort", look, { signal: done.signal });
		look();
	});
}

class Stream {
	private readonly ended = new AbortController();
	private cursor: string | null = null;

	constructor(
		private readonly query: Query,
		private readonly listener: Listener,
	) {}

	async run(): Promise<void> {
		for (;;) {
			if (document.hidden) await this.waitUnseen();
			const hidden = new AbortController();
			const giveBack = (): void => hidden.abort();
			document.addEventListener("visibilitychange", giveBack);
			let refused: Problem | null = null;
			try {
				await this.read(AbortSignal.any([hidden.signal, this.ended.signal]));
			} catch (error) {
				refused = error instanceof Problem ? error : null;
			}
			document.removeEventListener("visibilitychange", giveBack);
			if (this.ended.signal.aborted) return;
			if (hidden.signal.aborted) continue;
			if (refused?.status === 400) {
				this.listener.refused(refused);
				return;
			}
			if (refused?.status === 410) this.restart();
			this.listener.lost(refused);
			await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
		}
	}

	end(): void {
		this.ended.abort();
	}

	private async waitUnseen(): Promise<void> {
		const began = Date.now();
		this.listener.unseen();
		await whenSeen(this.ended.signal);
		if (this.ended.signal.aborted) return;
		if (this.cursor === null || Date.now() - began > STALE_MS) this.restart();
	}

	private restart(): void {
		this.cursor = null;
		this.listener.restarted();
	}

	private async read(given: AbortSignal): Promise<void> {
		const silence = new AbortController();
		const inSilence = (): number => setTimeout(() => silence.abort(), SILENCE_MS);
		let timer = inSilence();
		try {
			const more = this.cursor === null ? {} : { "Last-Event-ID": this.cursor };
			const response = await fetch(url("/api/events", { n: "0", ...this.query, follow: "1" }), {
				headers: headers({ Accept: "text/event-stream", ...more }),
				signal: AbortSignal.any([given, silence.signal]),
				cache: "no-store",
			});
			if (!response.ok) throw await refusal(response);
			this.listener.connected();
			const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
			for (let rest = ""; ;) {
				const { done, value } = await reader.read();
				if (done) return;
				clearTimeout(timer);
				timer = inSilence();
				rest = takeMessages(rest + value, (message) => {
					this.cursor = message.id ?? this.cursor;
					if (message.data !== undefined) this.listener.message(message);
				});
			}
		} finally {
			clearTimeout(timer);
		}
	}
}

// Follows /api/events, for ever, unless it is refused: connects again after a loss, or when the page is
// seen again, and goes on where it was. Returns a function that ends it.
export function follow(query: Query, listener: Listener): () => void {
	const stream = new Stream(query, listener);
	void stream.run();
	return () => stream.end();
}
