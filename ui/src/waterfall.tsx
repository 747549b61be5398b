// The rows of a trace on one axis of time. Only the rows in sight are in the document.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Segment } from "./critical";
import { count, duration } from "./format";
import type { Model, Row } from "./model";
import { hueOf, Icon } from "./parts";

const ROW = 28; // px; style/trace.css has it too
const HEAD = 24; // px: the ticks above them
const OVERSCAN = 12;

export type Zoom = [from: number, to: number]; // µs since the trace began

export interface WaterfallProps {
	model: Model;
	shown: number[]; // rows that are not folded away
	folded: ReadonlySet<number>;
	chosen: number; // a row, or -1
	zoom: Zoom;
	found: ReadonlySet<number>; // by a search
	segments: ReadonlyMap<number, Segment[]>; // of the critical path, by row; empty: not shown
	onChoose: (row: number) => void;
	onFold: (row: number, fold: boolean) => void;
	onOpen: () => void;
}

function percent(us: number, [from, to]: Zoom): number {
	return (100 * (us - from)) / (to - from);
}

// Placed through the object model, which the page's policy allows. What lies outside is cut.
function span(from: number, to: number, zoom: Zoom): { left: string; width: string } | null {
	const left = Math.max(0, percent(from, zoom));
	const right = Math.min(100, percent(to, zoom));
	return right < 0 || left > 100
		? null
		: { left: `${Math.min(left, 99.8)}%`, width: `${Math.max(0, right - left)}%` };
}

function Bar({ row, zoom, segments }: { row: Row; zoom: Zoom; segments: Segment[] }) {
	const at = span(row.start, row.end, zoom);
	return (
		<>
			{at && (
				<span
					class={`bar hue${hueOf(row.system)} ${row.kind}${row.start === row.end ? " point" : ""}`}
					style={at}
				/>
			)}
			{segments.map((each) => {
				const part = span(each.from, each.to, zoom);
				return part && <span key={each.from} class="critical" style={part} />;
			})}
		</>
	);
}

function says(row: Row): string {
	const errors = row.errors > 0 ? `, ${count(row.errors, "error")}` : "";
	if (row.kind === "stage") return `stage, ${count(row.events, "event")}${errors}`;
	return row.severity === row.event.severity
		? row.severity
		: `${row.event.severity}, below it ${row.severity}`;
}

function Line({
	row,
	i,
	at,
	props,
	size,
}: {
	row: Row;
	i: number;
	at: number;
	props: WaterfallProps;
	size: number;
}) {
	const { folded, chosen, zoom, found, segments, onChoose, onFold } = props;
	const hasBelow = row.next > i + 1;
	const isFolded = folded.has(i);
	const marked = row.severity === "error" || row.severity === "warning";
	const own = row.kind === "event" ? row.event.severity : "";
	const name = `row ${row.kind} ${own}${i === chosen ? " chosen" : ""}${found.has(i) ? " found" : ""}`;
	return (
		<div
			id={`row-${i}`}
			role="row"
			class={name}
			aria-level={row.depth + 1}
			aria-rowindex={at + 1}
			aria-selected={i === chosen}
			aria-expanded={hasBelow ? !isFolded : undefined}
			style={{ transform: `translateY(${at * ROW}px)` }}
			onClick={() => onChoose(i)}
			onDblClick={() => hasBelow && onFold(i, !isFolded)}
			data-size={size}
		>
			<div
				role="gridcell"
				class="name"
				style={{ paddingInlineStart: `${0.25 + Math.min(row.depth, 12) * 0.9}rem` }}
			>
				<span
					class="fold"
					aria-hidden="true"
					onClick={(event) => {
						if (hasBelow) {
							event.stopPropagation();
							onFold(i, !isFolded);
						}
					}}
				>
					{hasBelow && <Icon name={isFolded ? "right" : "down"} />}
				</span>
				<span class={`dot hue${hueOf(row.system)}`} aria-hidden="true" />
				{marked && (
					<span class={`mark ${row.severity}${row.severity === own ? "" : " below"}`}>
						<Icon name={row.severity} />
					</span>
				)}
				<span class="visually-hidden">{says(row)}</span>
				{row.kind === "event" &&
					row.depth > 0 &&
					props.model.rows[row.parent]!.system !== row.system && <b>{row.system}</b>}
				<span class="label" title={row.label.slice(0, 500)}>
					{row.label.slice(0, 300)}
				</span>
				{row.kind === "stage" && (
					<span class="note" aria-hidden="true">
						{count(row.events, "event")}
					</span>
				)}
			</div>
			<div role="gridcell" class="track" aria-label={`at ${duration(row.start / 1000)}`}>
				<Bar row={row} zoom={zoom} segments={segments.get(i) ?? []} />
			</div>
			<div role="gridcell" class="took">
				{row.end > row.start
					? duration((row.end - row.start) / 1000)
					: `+${duration(row.start / 1000)}`}
			</div>
		</div>
	);
}

// Marks at round distances.
function Ticks({ zoom: [from, to], most }: { zoom: Zoom; most: number }) {
	const length = to - from;
	const raw = length / (most - 0.9);
	const power = 10 ** Math.floor(Math.log10(raw));
	const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw * 0.999)!;
	const marks: number[] = [];
	for (let at = Math.ceil(from / step) * step; at < to - length * 0.06; at += step) marks.push(at);
	return (
		<div class="ticks" aria-hidden="true">
			<div>
				{marks.map((at) => (
					<span key={at} style={{ left: `${percent(at, [from, to])}%` }}>
						{at === 0 ? "0" : duration(at / 1000)}
					</span>
				))}
			</div>
		</div>
	);
}

export function Waterfall(props: WaterfallProps) {
	const { shown, chosen, onChoose, onFold, onOpen, model } = props;
	const box = useRef<HTMLDivElement>(null);
	const [window, setWindow] = useState({ top: 0, height: 600, width: 1000 });
	const at = shown.indexOf(chosen);

	const look = (): void => {
		if (!box.current) return; // it scrolled or was resized as it went away
		const { scrollTop, clientHeight: height, clientWidth: width } = box.current;
		const top = Math.floor(scrollTop / ROW);
		setWindow((old) =>
			old.top === top && old.height === height && old.width === width
				? old
				: { top, height, width },
		);
	};
	useLayoutEffect(look, [shown.length]);
	useEffect(() => {
		const watch = new ResizeObserver(look);
		watch.observe(box.current!);
		return () => watch.disconnect();
	}, []);
	useLayoutEffect(() => {
		const node = box.current!;
		const y = at * ROW;
		if (at >= 0 && (y < node.scrollTop || y + ROW + HEAD > node.scrollTop + node.clientHeight))
			node.scrollTop = Math.max(0, y - node.clientHeight / 3);
	}, [chosen, at]);

	const first = Math.max(0, window.top - OVERSCAN);
	const last = Math.min(shown.length, window.top + Math.ceil(window.height / ROW) + OVERSCAN);
	const right = (row: Row): void => {
		if (props.folded.has(chosen)) onFold(chosen, false);
		else if (row.next > chosen + 1) onChoose(chosen + 1);
	};
	const left = (row: Row): void => {
		if (row.next > chosen + 1 && !props.folded.has(chosen)) onFold(chosen, true);
		else if (row.parent >= 0) onChoose(row.parent);
	};
	const onKey = (event: KeyboardEvent): void => {
		const row = model.rows[chosen];
		const page = Math.max(1, Math.floor(window.height / ROW) - 1);
		const moves: Record<string, number> = {
			ArrowDown: at + 1,
			ArrowUp: at - 1,
			PageDown: at + page,
			PageUp: at - page,
			Home: 0,
			End: shown.length - 1,
		};
		const to = moves[event.key];
		if (to !== undefined) onChoose(shown[Math.min(Math.max(to, 0), shown.length - 1)]!);
		else if (event.key === "ArrowRight" && row) right(row);
		else if (event.key === "ArrowLeft" && row) left(row);
		else if (event.key === "Enter") onOpen();
		else return;
		event.preventDefault();
		event.stopPropagation();
	};
	const lines = [];
	for (let n = first; n < last; n++) {
		const i = shown[n]!;
		lines.push(
			<Line key={i} row={model.rows[i]!} i={i} at={n} props={props} size={shown.length} />,
		);
	}
	return (
		<div class="waterfall">
			<div
				ref={box}
				class="rows"
				role="treegrid"
				tabIndex={0}
				aria-label="Steps of the trace"
				aria-rowcount={shown.length}
				aria-colcount={3}
				aria-activedescendant={at >= first && at < last ? `row-${chosen}` : undefined}
				onScroll={look}
				onKeyDown={onKey}
			>
				<Ticks zoom={props.zoom} most={window.width < 640 ? 3 : 5} />
				<div role="rowgroup" style={{ height: `${shown.length * ROW}px` }}>
					{lines}
				</div>
			</div>
		</div>
	);
}
