// Documents that a page shows: each is loaded when another one is wanted, and again when events tell that
// it is stale.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Problem } from "./api";
import { complaint, failed, tokenWanted } from "./state";

const SETTLE_MS = 250; // what arrives within is shown by one refresh

export interface Resource<T> {
	data: T | null;
	problem: Problem | null; // of the last try, where dp-http refused
	loading: boolean;
	key: string; // what `data` belongs to
	refresh: () => void; // soon, and not more often than it can be had
}

type State<T> = Omit<Resource<T>, "refresh">;

interface Wish<T> {
	load: (signal: AbortSignal) => Promise<T>;
	mine: (problem: Problem) => boolean;
}

// Loads the document of one key, time and again until it is stopped.
class Loader<T> {
	private abort: AbortController | null = null;
	private timer = 0;
	private tookMs = 0;
	private staleAt = -1; // when it was asked for while a load was under way

	constructor(
		private readonly key: string,
		private readonly wish: { current: Wish<T> },
		private readonly update: (change: (old: State<T>) => State<T>) => void,
	) {}

	async load(): Promise<void> {
		const abort = new AbortController();
		const began = performance.now();
		this.abort = abort;
		this.update((old) => (old.loading ? old : { ...old, loading: true }));
		try {
			const data = await this.wish.current.load(abort.signal);
			if (abort.signal.aborted) return;
			complaint.value = "";
			this.update(() => ({ data, problem: null, loading: false, key: this.key }));
		} catch (error) {
			if (abort.signal.aborted) return;
			this.fail(error);
		}
		this.tookMs = performance.now() - began;
		this.abort = null;
		if (this.staleAt >= began) this.refresh();
	}

	private fail(error: unknown): void {
		const problem = error instanceof Problem ? error : null;
		const isTold = problem !== null && this.wish.current.mine(problem);
		if (!isTold) failed(error);
		this.update((old) => ({
			data: isTold || old.key !== this.key ? null : old.data,
			problem,
			loading: false,
			key: this.key,
		}));
	}

	refresh(): void {
		if (this.abort) {
			this.staleAt = performance.now();
			return;
		}
		this.timer ||= setTimeout(
			() => {
				this.timer = 0;
				void this.load();
			},
			Math.max(SETTLE_MS, 4 * this.tookMs),
		);
	}

	stop(): void {
		clearTimeout(this.timer);
		this.abort?.abort();
	}
}

// Loads a document again whenever `key` changes; null: nothing is wanted. Problems that `mine` claims are
// the page's own to tell, all others go to the banner. `early` gives the first one where it is there already: to show
// the page without it, and then once more, takes longer.
export function useResource<T>(
	key: string | null,
	load: (signal: AbortSignal) => Promise<T>,
	mine: (problem: Problem) => boolean = () => false,
	early: () => object | null = () => null,
): Resource<T> {
	const [state, setState] = useState<State<T>>(() => {
		const data = early() as T | null;
		return { data, problem: null, loading: data === null, key: data === null ? "" : key! };
	});
	const isHere = useRef(state.data !== null);
	const wish = useRef({ load, mine });
	const loader = useRef<Loader<T> | null>(null);
	wish.current = { load, mine };
	// Not after the next frame, as an effect would: the answer may be there by then.
	useLayoutEffect(() => {
		if (key === null) return;
		const own = new Loader(key, wish, setState);
		loader.current = own;
		if (isHere.current) isHere.current = false;
		else void own.load();
		return () => {
			own.stop();
			loader.current = null;
		};
	}, [key, tokenWanted.value]);
	return { ...state, refresh: () => loader.current?.refresh() };
}
