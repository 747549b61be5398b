// What all pages share: the connection, the problem in the banner, the token, and the hooks that load
// documents and follow events.

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem, type Query } from "./api";
import { follow, type Message } from "./sse";

export type Connection = "still" | "waiting" | "live" | "paused" | "away";

export const connection = signal<{ state: Connection; text: string }>({ state: "still", text: "" });
export const complaint = signal("");
export const tokenWanted = signal(false);
export const paused = signal(false);
export const now = signal(Date.now());

setInterval(() => {
	now.value = Date.now();
}, 5000);

export function failed(error: unknown): void {
	if (error instanceof Problem && error.status === 401) tokenWanted.value = true;
	else if (error instanceof Problem) complaint.value = error.message;
	else complaint.value = "dp-http does not answer. Is it running? ./devpulse status tells.";
}

const SETTLE_MS = 250; // what arrives within is shown by one refresh
const HIDDEN_MS = 5000; // a page that nobody sees gives its stream back: a browser has six a host

export interface Resource<T> {
	data: T | null;
	problem: Problem | null; // of the last try, where dp-http refused
	loading: boolean;
	key: string; // what `data` belongs to
	refresh: () => void; // soon, and not more often than it can be had
}

// Loads a document again whenever `key` changes; null: nothing is wanted. Problems that `mine` claims are
// the page's own to tell, all others go to the banner.
export function useResource<T>(
	key: string | null,
	load: (signal: AbortSignal) => Promise<T>,
	mine: (problem: Problem) => boolean = () => false,
): Resource<T> {
	const [state, setState] = useState<Omit<Resource<T>, "refresh">>({
		data: null,
		problem: null,
		loading: true,
		key: "",
	});
	const own = useRef({
		load,
		mine,
		timer: 0,
		took: 0,
		abort: null as AbortController | null,
		again: false,
	});
	own.current.load = load;
	own.current.mine = mine;

	async function run(wanted: string): Promise<void> {
		const abort = new AbortController();
		const began = performance.now();
		own.current.abort?.abort();
		own.current.abort = abort;
		own.current.again = false;
		setState((old) => ({ ...old, loading: true }));
		try {
			const data = await own.current.load(abort.signal);
			if (!abort.signal.aborted) {
				complaint.value = "";
				setState({ data, problem: null, loading: false, key: wanted });
			}
		} catch (error) {
			if (abort.signal.aborted) return;
			const problem = error instanceof Problem ? error : null;
			const told = problem !== null && own.current.mine(problem);
			if (!told) failed(error);
			setState((old) => ({
				data: told || old.key !== wanted ? null : old.data,
				problem,
				loading: false,
				key: wanted,
			}));
		}
		own.current.took = performance.now() - began;
		own.current.abort = null;
		if (isWantedAgain()) refresh();
	}
	const isWantedAgain = (): boolean => own.current.again;

	function refresh(): void {
		if (key === null || own.current.timer !== 0) return;
		own.current.timer = setTimeout(
			() => {
				own.current.timer = 0;
				if (own.current.abort) own.current.again = true;
				else void run(key);
			},
			Math.max(SETTLE_MS, 4 * own.current.took),
		);
	}

	useEffect(() => {
		if (key !== null) void run(key);
		const mine = own.current;
		return () => {
			clearTimeout(mine.timer);
			mine.timer = 0;
			mine.abort?.abort();
			mine.abort = null;
		};
	}, [key, tokenWanted.value]);
	return { ...state, refresh };
}

// Follows events while the page is seen. `query` null: nothing is followed.
export function useFollow(
	query: Query | null,
	onMessage: (message: Message) => void,
	onGap: () => void,
): void {
	const handlers = useRef({ onMessage, onGap });
	handlers.current = { onMessage, onGap };
	const key = query === null ? null : JSON.stringify(query);

	useEffect(() => {
		if (key === null) {
			connection.value = { state: "still", text: "" };
			return;
		}
		let stop: (() => void) | null = null;
		let hiding = 0;
		let lost = false;

		const start = (): void => {
			connection.value = { state: "waiting", text: "Connecting" };
			stop = follow(JSON.parse(key) as Query, {
				message: (message) => handlers.current.onMessage(message),
				restarted: () => handlers.current.onGap(),
				connected: () => {
					connection.value = { state: "live", text: "Live" };
					if (lost) handlers.current.onGap();
					lost = false;
				},
				lost: (problem) => {
					lost = true;
					connection.value = {
						state: "away",
						text:
							problem?.status === 503
								? "Database away, trying again"
								: "Disconnected, trying again",
					};
					failed(problem);
				},
			});
		};
		const end = (): void => {
			stop?.();
			stop = null;
		};
		const onVisibility = (): void => {
			clearTimeout(hiding);
			if (document.hidden) {
				hiding = setTimeout(() => {
					end();
					connection.value = { state: "paused", text: "Paused" };
				}, HIDDEN_MS);
			} else if (!stop) {
				start();
				handlers.current.onGap();
			}
		};
		start();
		document.addEventListener("visibilitychange", onVisibility);
		return () => {
			clearTimeout(hiding);
			document.removeEventListener("visibilitychange", onVisibility);
			end();
		};
	}, [key, tokenWanted.value]);
}
