// The rows of a trace on one axis of time. Only the rows in sight are in the document.

import type { ComponentChild } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Segment } from "./critical";
import { briefDuration, count, duration, roundStep } from "./format";
import { useInView } from "./inview";
import type { Model, Row, Zoom } from "./model";
import { hueOf, Icon } from "./parts";
import type { Folding } from "./stepstate";

const ROW = 28; // px; style/trace.css has it too
const HEAD = 24; // px: the ticks above them

export interface WaterfallProps {
	model: Model;
	folding: Folding;
	chosen: number; // a row
	asked: string; // another one each time that it is to be brought into sight
	zoom: Zoom;
	found: ReadonlySet<number>; // by a search
	segments: ReadonlyMap<number, Segment[]>; // of the critical path, by row; empty: not shown
	onChoose: (row: number) => void;
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

function Fold({ isFolded, onFold }: { isFolded: boolean; onFold: () => void }) {
	return (
		<span
			class="fold"
			aria-hidden="true"
			onClick={(event) => {
				event.stopPropagation();
				onFold();
			}}
		>
			<Icon name={isFolded ? "right" : "down"} />
		</span>
	);
}

// The name of a row, by what it is, and is marked for. `above`: the row that it is below.
function Name({ row, above, fold }: { row: Row; above: Row | undefined; fold: ComponentChild }) {
	const own = row.kind === "event" ? row.event.severity : "";
	const marked = row.severity === "error" || row.severity === "warning";
	return (
		<div role="gridcell" class="name" style={{ "--depth": Math.min(row.depth, 12) }}>
			{fold}
			<span class={`dot hue${hueOf(row.system)}`} aria-hidden="true" />
			{marked && (
				<span class={`mark ${row.severity}${row.severity === own ? "" : " below"}`}>
					<Icon name={row.severity} />
				</span>
			)}
			<span class="visually-hidden">{says(row)}</span>
			{row.kind === "event" && above && above.system !== row.system && <b>{row.system}</b>}
			<span class="label" title={row.label.slice(0, 500)}>
				{row.label.slice(0, 300)}
			</span>
			{row.kind === "stage" && (
				<span class="note" aria-hidden="true">
					{count(row.events, "event")}
				</span>
			)}
		</div>
	);
}

function Took({ row: { start, end } }: { row: Row }) {
	const [sign, ms] = end > start ? ["", (end - start) / 1000] : ["+", start / 1000];
	return (
		<div role="gridcell" class="took" title={sign + duration(ms)}>
			{sign + briefDuration(ms)}
		</div>
	);
}

// The row `i` of the model, in the place `at` of those that are shown.
function Line({ i, at, props }: { i: number; at: number; props: WaterfallProps }) {
	const { model, folding, chosen, zoom, found, segments, onChoose } = props;
	const row = model.rows[i]!;
	const hasBelow = row.next > i + 1;
	const isFolded = folding.folded.has(i);
	const own = row.kind === "event" ? row.event.severity : "";
	const onToggle = (): void => folding.fold(i, !isFolded);
	return (
		<div
			id={`row-${i}`}
			role="row"
			class={`row ${row.kind} ${own}${i === chosen ? " chosen" : ""}${found.has(i) ? " found" : ""}`}
			aria-level={row.depth + 1}
			aria-rowindex={at + 1}
			aria-selected={i === chosen}
			aria-expanded={hasBelow ? !isFolded : undefined}
			style={{ transform: `translateY(${at * ROW}px)` }}
			onClick={() => onChoose(i)}
			onDblClick={hasBelow ? onToggle : undefined}
		>
			<Name
				row={row}
				above={model.rows[row.parent]}
				fold={hasBelow ? <Fold isFolded={isFolded} onFold={onToggle} /> : <span class="fold" />}
			/>
			<div role="gridcell" class="track" aria-label={`at ${duration(row.start / 1000)}`}>
				<Bar row={row} zoom={zoom} segments={segments.get(i) ?? []} />
			</div>
			<Took row={row} />
		</div>
	);
}

// Marks at round distances.
function Ticks({ zoom: [from, to], most }: { zoom: Zoom; most: number }) {
	const length = to - from;
	const step = roundStep(length / (most - 0.9));
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

// Which row a key leads to, from the place `at` of those that are shown; null: it is not for that.
function moved(key: string, at: number, page: number, shown: number[]): number | null {
	const moves: Record<string, number> = {
		ArrowDown: at + 1,
		ArrowUp: at - 1,
		PageDown: at + page,
		PageUp: at - page,
		Home: 0,
		End: shown.length - 1,
	};
	const to = moves[key];
	return to === undefined ? null : shown[Math.min(Math.max(to, 0), shown.length - 1)]!;
}

// Whether the key meant something.
function onKey(key: string, at: number, page: number, props: WaterfallProps): boolean {
	const { model, chosen, onChoose } = props;
	const { shown, folded, fold } = props.folding;
	const row = model.rows[chosen];
	const hasBelow = row !== undefined && row.next > chosen + 1;
	const to = moved(key, at, page, shown);
	if (to !== null) onChoose(to);
	else if (key === "Enter") props.onOpen();
	else if (key === "ArrowRight" && folded.has(chosen)) fold(chosen, false);
	else if (key === "ArrowRight" && hasBelow) onChoose(chosen + 1);
	else if (key === "ArrowLeft" && hasBelow && !folded.has(chosen)) fold(chosen, true);
	else if (key === "ArrowLeft" && row && row.parent >= 0) onChoose(row.parent);
	else return key === "ArrowRight" || key === "ArrowLeft";
	return true;
}

export function Waterfall(props: WaterfallProps) {
	const { chosen, asked } = props;
	const { shown } = props.folding;
	const box = useRef<HTMLDivElement>(null);
	const { width, page, first, last, look } = useInView(box, shown.length, ROW);
	const at = shown.indexOf(chosen);
	useLayoutEffect(look, [shown.length]);
	useLayoutEffect(() => {
		const node = box.current!;
		const y = at * ROW;
		if (at >= 0 && (y < node.scrollTop || y + ROW + HEAD > node.scrollTop + node.clientHeight))
			node.scrollTop = Math.max(0, y - node.clientHeight / 3);
	}, [asked]);
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
				onKeyDown={(event) => {
					if (!onKey(event.key, at, Math.max(1, page - 2), props)) return;
					event.preventDefault();
					event.stopPropagation();
				}}
			>
				<Ticks zoom={props.zoom} most={width < 640 ? 3 : 5} />
				<div role="rowgroup" style={{ height: `${shown.length * ROW}px` }}>
					{shown.slice(first, last).map((i, n) => (
						<Line key={i} i={i} at={first + n} props={props} />
					))}
				</div>
			</div>
		</div>
	);
}
