// Events over time, stacked by severity; a range is chosen by dragging, a column pointed at.

import { useEffect, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Stats } from "./api";
import { columns } from "./columns";
import { count, day, number, timeOfDay } from "./format";
import { failed } from "./state";
import { colour, isDark } from "./theme";

type Library = typeof uPlot;

const HEIGHT = 96;

function data(stats: Stats): uPlot.AlignedData {
	return [stats.buckets.map((each) => Date.parse(each.time) / 1000), ...columns(stats)];
}

// The reader's own time; the day where it is another one than that of the mark before.
function tick(seconds: number, before: number | undefined): string {
	const date = new Date(seconds * 1000);
	const time = timeOfDay(date).slice(0, seconds % 60 === 0 ? 5 : 8);
	return before !== undefined && day(new Date(before * 1000)) !== day(date)
		? `${day(date).slice(5)} ${time}`
		: time;
}

function axes(node: HTMLElement): uPlot.Axis[] {
	const axis = {
		stroke: colour(node, "--soft"),
		font: "11px system-ui, sans-serif",
		ticks: { show: false },
	};
	return [
		{
			...axis,
			grid: { show: false },
			size: 22,
			space: 80,
			values: (_, all) => all.map((s, i) => tick(s, all[i - 1])),
		},
		{
			...axis,
			grid: { stroke: colour(node, "--line"), width: 1 },
			size: 44,
			space: 24,
			values: (_, all) => all.map((n) => (n === Math.floor(n) ? number(n) : "")),
		},
	];
}

function series(library: Library, node: HTMLElement): uPlot.Series[] {
	const paths = library.paths.bars!({ size: [0.9, 40], align: 1 });
	const bars = [
		["info", "--bar"],
		["warning", "--warning-bar"],
		["error", "--error-bar"],
	] as const;
	return bars.map(([label, property]) => ({
		label,
		fill: colour(node, property),
		width: 0,
		paths,
		points: { show: false },
	}));
}

function options(
	library: Library,
	node: HTMLElement,
	stats: Stats,
	choose: (fromMs: number, toMs: number) => void,
	point: (bucket: number | null) => void,
): uPlot.Options {
	const onCursor = (plot: uPlot): void => {
		const { left = -1 } = plot.cursor;
		const from = plot.data[0][0];
		point(
			left < 0 || from === undefined
				? null
				: Math.floor((1000 * (plot.posToVal(left, "x") - from)) / stats.bucket_ms),
		);
	};
	const onSelect = (plot: uPlot): void => {
		if (plot.select.width < 4) return;
		const from = plot.posToVal(plot.select.left, "x");
		const to = plot.posToVal(plot.select.left + plot.select.width, "x");
		plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
		choose(from * 1000, to * 1000);
	};
	return {
		width: node.clientWidth,
		height: HEIGHT,
		legend: { show: false },
		cursor: {
			y: false,
			points: { show: false },
			drag: { x: true, y: false, setScale: false, uni: 8 },
		},
		scales: {
			x: { range: () => [Date.parse(stats.since) / 1000, Date.parse(stats.until) / 1000] },
			y: { range: (_, __, max) => [0, Math.max(max, 4)] },
		},
		series: [{}, ...series(library, node)],
		axes: axes(node),
		hooks: { setSelect: [onSelect], setCursor: [onCursor] },
	};
}

let known: Library | null = null;

// null until it is here.
function useLibrary(): Library | null {
	const [library, setLibrary] = useState(() => known);
	useEffect(() => {
		if (library) return;
		import("./uplot").then(({ default: its }) => {
			known = its;
			setLibrary(() => its);
		}, failed);
	}, []);
	return library;
}

export function Histogram({
	stats,
	onChoose,
	onPoint,
}: {
	stats: Stats;
	onChoose: (fromMs: number, toMs: number) => void;
	onPoint: (bucket: number | null) => void;
}) {
	const box = useRef<HTMLDivElement>(null);
	const choose = useRef(onChoose);
	choose.current = onChoose;
	const library = useLibrary();
	const plot = useRef<uPlot | null>(null);
	const range = `${stats.since} ${stats.until} ${stats.bucket_ms} ${isDark.value}`;

	useEffect(() => {
		if (!library) return;
		const node = box.current!;
		plot.current = new library(
			options(library, node, stats, (from, to) => choose.current(from, to), onPoint),
			data(stats),
			node,
		);
		const watch = new ResizeObserver(() =>
			plot.current?.setSize({ width: node.clientWidth, height: HEIGHT }),
		);
		watch.observe(node);
		return () => {
			watch.disconnect();
			plot.current?.destroy();
		};
	}, [library, range]);
	useEffect(() => plot.current?.setData(data(stats)), [stats]);

	const { totals } = stats;
	const says = `${count(totals.events, "event")}, ${count(totals.error, "error")}, ${count(totals.warning, "warning")}`;
	return <div ref={box} class="histogram" role="img" aria-label={`Events over time: ${says}`} />;
}
