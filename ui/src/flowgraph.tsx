// The graph of systems, drawn.

import { signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Flow, Stats } from "./api";
import { withTerm } from "./filter";
import { count, duration, short } from "./format";
import { idOf, type Layout, layout, type Point, type Room, type Way } from "./graph";
import { hueOf } from "./parts";
import { link } from "./route";

// How it is drawn: along the layers, and across them.
interface Shape {
	down: boolean; // or to the right
	along: number; // a layer
	box: { width: number; height: number };
	room: Room;
	label: { along: number; across: number; above: number }; // a point of a curve's way, and what it is above it
	longest: number; // characters of a name
}

const WIDE: Shape = {
	down: false,
	along: 250,
	box: { width: 150, height: 58 },
	room: { node: 96, lane: 44, most: Infinity },
	label: { along: 0.5, across: 0.5, above: 7 },
	longest: 16,
};
const NARROW: Shape = {
	down: true,
	along: 108,
	box: { width: 124, height: 52 },
	room: { node: 132, lane: 14, most: 2 },
	label: { along: 0.66, across: 0.78, above: -4 }, // nearer to where it leads, as many may leave at one place
	longest: 12,
};

const narrow = matchMedia("(max-width: 640px)");
const shape = signal(narrow.matches ? NARROW : WIDE);
narrow.addEventListener("change", () => (shape.value = narrow.matches ? NARROW : WIDE));

interface Spot {
	x: number;
	y: number;
}

// `along` and `across` the layers.
function spot({ down }: Shape, along: number, across: number): Spot {
	return down ? { x: across, y: along } : { x: along, y: across };
}

function middleOf(its: Shape, { layer, place }: Point): Spot {
	return spot(its, (layer + 0.5) * its.along, place);
}

const ASIDE = 12; // an edge back leaves and arrives beside those that lead on

// The line of an edge, through its lanes between the systems, and where it may be labelled.
function lineOf(its: Shape, { points, isBack }: Way): { d: string; label: Spot } {
	const { down, along, box } = its;
	const half = (down ? box.height : box.width) / 2;
	const sign = isBack ? -1 : 1;
	const last = points.length - 1;
	const aside = isBack ? ASIDE : 0;
	const text = ({ x, y }: Spot): string => `${x.toFixed(1)} ${y.toFixed(1)}`;
	let d = "";
	let label: Spot = { x: 0, y: 0 };
	points.slice(1).forEach((to, i) => {
		const from = points[i]!;
		const a = (from.layer + 0.5) * along + sign * half;
		const b = (to.layer + 0.5) * along - sign * half;
		const [p, q] = [from.place + (i === 0 ? aside : 0), to.place + (i === last - 1 ? aside : 0)];
		const bend = (b - a) / 2;
		const [start, end] = [spot(its, a, p), spot(its, b, q)];
		d += `${i === 0 ? "M" : "L"}${text(start)}C${text(spot(its, a + bend, p))} ${text(spot(its, b - bend, q))} ${text(end)}`;
		if (i === (down ? last - 1 : 0))
			label = spot(its, a + its.label.along * (b - a), p + its.label.across * (q - p));
	});
	return { d, label };
}

type FlowEdge = Flow["edges"][number];

function Line({ edge, d, most }: { edge: FlowEdge; d: string; most: number }) {
	return (
		<g class={`edge${edge.errors > 0 ? " error" : ""}`}>
			<title>{`${edge.from} → ${edge.to}: ${count(edge.count, "call")}, ${count(edge.errors, "error")}`}</title>
			<path d={d} stroke-width={1.25 + 4 * Math.sqrt(edge.count / most)} marker-end="url(#arrow)" />
		</g>
	);
}

function Label({ edge, way, at, its }: { edge: FlowEdge; way: Way; at: Spot; its: Shape }) {
	// Of an edge back below it, as what leads on is above.
	const above = way.isBack && !its.down ? -16 : its.label.above;
	return (
		<g class="edge">
			<text x={at.x} y={at.y - above}>
				{short(edge.count)}×{!its.down && edge.p95_ms !== null && ` · ${duration(edge.p95_ms)}`}
				{edge.errors > 0 && its.down && <tspan class="errors"> ⚠ {short(edge.errors)}</tspan>}
			</text>
			{edge.errors > 0 && !its.down && (
				<text class="errors" x={at.x} y={at.y - above + 23}>
					⚠ {short(edge.errors)} failed
				</text>
			)}
		</g>
	);
}

// The lines, and above all of them what they say.
function Edges({ flow, at, its }: { flow: Flow; at: Layout; its: Shape }) {
	const most = Math.max(1, ...flow.edges.map((edge) => edge.count));
	const all = flow.edges.flatMap((edge) => {
		const id = idOf(edge);
		const way = at.ways.get(id);
		return way ? [{ id, edge, way, ...lineOf(its, way) }] : [];
	});
	return (
		<>
			{all.map(({ id, edge, d }) => (
				<Line key={id} edge={edge} d={d} most={most} />
			))}
			{all.map(({ id, edge, way, label }) => (
				<Label key={`${id} label`} edge={edge} way={way} at={label} its={its} />
			))}
		</>
	);
}

function Arrow() {
	return (
		<defs>
			<marker
				id="arrow"
				viewBox="0 0 8 8"
				refX="7"
				refY="4"
				markerWidth="7"
				markerHeight="7"
				markerUnits="userSpaceOnUse"
				orient="auto"
			>
				<path d="M0 0 8 4 0 8z" />
			</marker>
		</defs>
	);
}

// A system, which leads to its traces. `rate`: events a second, where it is known.
function Node({
	node: { system, events, errors },
	middle,
	its: { box, longest, down },
	rate = 0,
	href,
}: {
	node: Flow["nodes"][number];
	middle: Spot;
	its: Shape;
	rate: number | undefined;
	href: string;
}) {
	const name = system.length > longest ? `${system.slice(0, longest - 1)}…` : system;
	const x = middle.x - box.width / 2;
	const y = middle.y - box.height / 2;
	return (
		<a href={href} class={`node hue${hueOf(system)}${errors > 0 ? " error" : ""}`}>
			{name !== system && <title>{system}</title>}
			<rect x={x} y={y} width={box.width} height={box.height} rx="8" />
			<rect class="tag" x={x} y={y + 8} width="4" height={box.height - 16} rx="2" />
			<svg x={x + 14} y={y} width={box.width - 18} height={box.height}>
				<text class="name" y={box.height / 2 - 5}>
					{name}
				</text>
			</svg>
			<text class="rate" x={x + 14} y={middle.y + 15}>
				{errors > 0 && down ? "" : rate >= 0.1 ? `${short(rate)}/s` : count(events, "event")}
				{errors > 0 && (
					<tspan class="errors">
						{down ? "" : " · "}
						{count(errors, "error")}
					</tspan>
				)}
			</text>
		</a>
	);
}

const DRAWN = 40; // systems: more of them are a drawing of many windows, with nothing to be seen in each

// What is drawn of many systems.
function mostTelling({ nodes }: Flow): Flow["nodes"] {
	if (nodes.length <= DRAWN) return nodes;
	return nodes
		.toSorted((a, b) => Number(b.errors > 0) - Number(a.errors > 0) || b.events - a.events)
		.slice(0, DRAWN);
}

export function Graph({
	flow,
	stats,
	filter,
}: {
	flow: Flow;
	stats: Stats | null;
	filter: string;
}) {
	const its = shape.value;
	const nodes = mostTelling(flow);
	const names = nodes.map((node) => node.system).sort();
	// It stands still as long as the systems and their calls are the same, however often there were any.
	const drawn = JSON.stringify([names, flow.edges.map(idOf).sort()]);
	const at = useMemo(() => layout(names, flow.edges, its.room), [drawn, its]);
	const { x: width, y: height } = spot(its, at.layers * its.along, at.breadth);
	const rates = new Map(stats?.systems.map((each) => [each.system, each.rate_per_s]));
	return (
		<>
			{nodes.length < flow.nodes.length && (
				<p class="note">
					{nodes.length} of {count(flow.nodes.length, "system")} are drawn, those with errors first,
					then those with the most events. The tables below have all.
				</p>
			)}
			<div class="wide graph card" tabIndex={0} role="region" aria-label="Graph of the systems">
				<svg
					viewBox={`0 0 ${width} ${height}`}
					width={width}
					height={height}
					role="group"
					aria-label={`${count(names.length, "system")}; the table below says the same`}
				>
					<Arrow />
					<Edges flow={flow} at={at} its={its} />
					{nodes.map((node) => (
						<Node
							key={node.system}
							node={node}
							middle={middleOf(its, at.nodes.get(node.system)!)}
							its={its}
							rate={rates.get(node.system)}
							href={link([], { filter: withTerm(filter, "system", node.system) })}
						/>
					))}
				</svg>
			</div>
		</>
	);
}
