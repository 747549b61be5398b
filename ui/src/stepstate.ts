// What the reader of a trace has folded, zoomed to, searched for and chosen.

import { useMemo, useRef, useState } from "preact/hooks";
import { asSent } from "./api";
import { isBeingRead } from "./inview";
import { isGiven, write } from "./json";
import { type Model, type Row, type Zoom, unfolded } from "./model";
import { change, route } from "./route";

const FOLD_ABOVE = 2000; // rows: at first only what leads to errors is open

// The same for a row when the trace has grown, and rows are in other places.
function keyOf(row: Row): string {
	return row.kind === "stage" ? `stage ${row.system}` : row.event.event_id;
}

function ancestors(model: Model, row: number): number[] {
	const found: number[] = [];
	for (let at = model.rows[row]?.parent ?? -1; at >= 0; at = model.rows[at]!.parent) found.push(at);
	return found;
}

// A large trace is folded but for what leads to errors, and to the row that is asked for.
function initialFold(model: Model, asked: number): ReadonlySet<number> {
	const open = new Set(ancestors(model, asked));
	return new Set(
		model.rows.flatMap((row, i) =>
			row.depth >= 1 && row.next > i + 1 && row.errors === 0 && !open.has(i) ? [i] : [],
		),
	);
}

export interface Folding {
	folded: ReadonlySet<number>;
	shown: number[]; // rows that are not folded away
	fold: (row: number, isFolded: boolean) => void;
	reveal: (row: number) => void; // opens all that it is below
	reset: () => void;
}

export function useFolding(model: Model): Folding {
	const [asked] = useState(route.value.query.get("event") ?? "");
	const [isLarge] = useState(model.rows.length >= FOLD_ABOVE); // not if it becomes so while it is read
	const [keys, setKeys] = useState<ReadonlySet<string> | null>(null); // of what the reader folded
	const folded = useMemo(
		() =>
			keys
				? new Set(model.rows.flatMap((row, i) => (keys.has(keyOf(row)) ? [i] : [])))
				: isLarge
					? initialFold(model, model.rowOf.get(asked) ?? -1)
					: new Set<number>(),
		[keys, model],
	);
	const shown = useMemo(() => unfolded(model.rows, folded), [model, folded]);
	const setFolded = (rows: Iterable<number>): void =>
		setKeys(new Set(Array.from(rows, (row) => keyOf(model.rows[row]!))));
	const fold = (row: number, isFolded: boolean): void => {
		const next = new Set(folded);
		if (isFolded) next.add(row);
		else next.delete(row);
		setFolded(next);
	};
	const reveal = (row: number): void => {
		const next = new Set(folded);
		for (const above of ancestors(model, row)) next.delete(above);
		if (next.size < folded.size) setFolded(next);
	};
	return { folded, shown, fold, reveal, reset: () => setKeys(null) };
}

export function errorRows(model: Model): number[] {
	return model.rows.flatMap((row, i) =>
		row.kind === "event" && row.event.severity === "error" ? [i] : [],
	);
}

// The row that is shown before one was chosen: the first error that says where it comes from, as what failed
// around it has no stack; else the first error, else the first event.
function firstRow(model: Model): number {
	const errors = errorRows(model);
	return (
		errors.find((row) => isGiven(model.rows[row]!.event.data["stacktrace"])) ??
		errors[0] ??
		model.rows.findIndex((row) => row.kind === "event")
	);
}

// The next of some rows from `at` on, around the end.
function nextOf(rows: number[], at: number, by: 1 | -1): number | undefined {
	return by > 0
		? (rows.find((row) => row > at) ?? rows[0])
		: (rows.findLast((row) => row < at) ?? rows.at(-1));
}

// Chooses that one of some rows which comes next, before or behind the chosen one.
export type Step = (rows: number[], by: 1 | -1) => void;

// firstRow; but while it is being read in `box` it stays, whatever comes.
function useFirst(model: Model, box: { readonly current: HTMLElement | null }): number {
	const event = useRef("");
	return useMemo(() => {
		const old = isBeingRead(box.current) ? model.rowOf.get(event.current) : undefined;
		const first = old ?? firstRow(model);
		event.current = model.rows[first]!.event.event_id;
		return first;
	}, [model]);
}

// The chosen row, which is that of the event in the address, or its stage. `box` is where it is read; `asked` is another
// one each time that it is to be brought into sight.
export function useChosen(
	model: Model,
	{ shown, reveal }: Folding,
	box: { readonly current: HTMLElement | null },
) {
	const [stage, setStage] = useState<string | null>(null);
	const [times, setTimes] = useState(0);
	const first = useFirst(model, box);
	const onStage = stage === null ? -1 : model.rows.findIndex((row) => keyOf(row) === stage);
	const inAddress = model.rowOf.get(route.value.query.get("event") ?? "");
	const chosen = onStage >= 0 ? onStage : (inAddress ?? first);
	const choose = (to: number): void => {
		const row = model.rows[to]!;
		reveal(to);
		setTimes(times + 1);
		setStage(row.kind === "stage" ? keyOf(row) : null);
		change({ event: row.event.event_id }, true);
	};
	const step: Step = (rows, by) => {
		const next = nextOf(rows, chosen, by);
		if (next !== undefined) choose(next);
	};
	const move = (by: number): void => {
		const to = shown[shown.indexOf(chosen) + by];
		if (to !== undefined) choose(to);
	};
	return { chosen, choose, step, move, asked: `${times} ${keyOf(model.rows[chosen]!)}` };
}

// The rows whose events have a text anywhere in them: as it reads, or as it stands in their JSON.
export function useSearch(model: Model, text: string): number[] {
	const texts = useMemo(() => new Map<string, string>(), [model]);
	const textOf = ({ event }: Row): string => {
		let whole = texts.get(event.event_id);
		if (whole === undefined)
			texts.set(event.event_id, (whole = write(asSent(event)).toLowerCase()));
		return whole;
	};
	return useMemo(() => {
		const wanted = text.toLowerCase();
		if (wanted === "") return [];
		const escaped = JSON.stringify(wanted).slice(1, -1);
		return model.rows.flatMap((row, i) => {
			if (row.kind === "stage") return [];
			const whole = textOf(row);
			return whole.includes(escaped) || whole.includes(wanted) ? [i] : [];
		});
	}, [model, text]);
}

// What is seen `by` times as long, around the middle of a row; null: all of it.
export function scaled(model: Model, [from, to]: Zoom, row: Row | undefined, by: number) {
	const middle = row ? (row.start + row.end) / 2 : (from + to) / 2;
	const length = (to - from) * by;
	if (length >= model.length || length < 1) return null;
	const start = Math.min(Math.max(0, middle - length / 2), model.length - length);
	return [start, start + length] satisfies Zoom;
}
