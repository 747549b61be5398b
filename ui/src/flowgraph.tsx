// The graph of systems, drawn.

import { useMemo } from "preact/hooks";
import type { Flow, Stats } from "./api";
import { withTerm } from "./filter";
import { count, duration, short } from "./format";
import { type Layout, layout } from "./graph";
import { hueOf } from "./parts";
import { link } from "./route";

const CELL = { width: 250, height: 104 };
const BOX = { width: 150, height: 58 };
const LONGEST = 20; // characters of a name

// Whether an edge leads to the left, or stays in its column.
function isBack(at: Layout, from: string, to: string): boolean {
	const [first, second] = [at.nodes.get(from), at.nodes.get(to)];
	return first !== undefined && second !== undefined && second.layer <= first.layer;
}

function Edges({ flow, at }: { flow: Flow; at: Layout }) {
	const most = Math.max(1, ...flow.edges.map((edge) => edge.count));
	return (
		<>
			{flow.edges.map((edge) => {
				const from = at.nodes.get(edge.from);
				const to = at.nodes.get(edge.to);
				if (!from || !to || from === to) return null;
				const back = isBack(at, edge.from, edge.to);
				const x1 = from.x + BOX.width / 2;
				const x2 = to.x - BOX.width / 2;
				// An edge back goes around, below both.
				const y = Math.max(from.y, to.y) + CELL.height * 0.48;
				const d = back
					? `M${from.x} ${from.y + BOX.height / 2}C${from.x} ${y + 12} ${to.x} ${y + 12} ${to.x} ${to.y + BOX.height / 2}`
					: `M${x1} ${from.y}C${x1 + 45} ${from.y} ${x2 - 45} ${to.y} ${x2} ${to.y}`;
				const middle = back
					? { x: (from.x + to.x) / 2, y: y + 2 }
					: { x: (x1 + x2) / 2, y: (from.y + to.y) / 2 };
				return (
					<g key={`${edge.from} ${edge.to}`} class={`edge${edge.errors > 0 ? " error" : ""}`}>
						<title>{`${edge.from} → ${edge.to}: ${count(edge.count, "call")}, ${count(edge.errors, "error")}`}</title>
						<path
							d={d}
							stroke-width={1.25 + 4 * Math.sqrt(edge.count / most)}
							marker-end="url(#arrow)"
						/>
						<text x={middle.x} y={middle.y - 7}>
							{short(edge.count)}×{edge.p95_ms !== null && ` · ${duration(edge.p95_ms)}`}
						</text>
						{edge.errors > 0 && (
							<text class="errors" x={middle.x} y={middle.y + 16}>
								⚠ {short(edge.errors)} failed
							</text>
						)}
					</g>
				);
			})}
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
	rate = 0,
	href,
}: {
	node: Flow["nodes"][number];
	middle: { x: number; y: number };
	rate: number | undefined;
	href: string;
}) {
	const name = system.length > LONGEST ? `${system.slice(0, LONGEST - 1)}…` : system;
	const x = middle.x - BOX.width / 2;
	const y = middle.y - BOX.height / 2;
	return (
		<a href={href} class={`node hue${hueOf(system)}${errors > 0 ? " error" : ""}`}>
			{name !== system && <title>{system}</title>}
			<rect x={x} y={y} width={BOX.width} height={BOX.height} rx="8" />
			<rect class="tag" x={x} y={y + 8} width="4" height={BOX.height - 16} rx="2" />
			<svg x={x + 14} y={y} width={BOX.width - 18} height={BOX.height}>
				<text class="name" y={BOX.height / 2 - 5}>
					{name}
				</text>
			</svg>
			<text class="rate" x={x + 14} y={middle.y + 15}>
				{rate >= 0.1 ? `${short(rate)}/s` : count(events, "event")}
				{errors > 0 && <tspan class="errors"> · {count(errors, "error")}</tspan>}
			</text>
		</a>
	);
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
	const names = flow.nodes.map((node) => node.system);
	const at = useMemo(() => layout(names, flow.edges, CELL), [flow]);
	const height = at.height + (flow.edges.some(({ from, to }) => isBack(at, from, to)) ? 24 : 0);
	const rates = new Map(stats?.systems.map((each) => [each.system, each.rate_per_s]));
	return (
		<div class="wide graph card" tabIndex={0} role="region" aria-label="Graph of the systems">
			<svg
				viewBox={`0 0 ${at.width} ${height}`}
				width={at.width}
				height={height}
				role="group"
				aria-label={`${count(names.length, "system")}; the table below says the same`}
			>
				<Arrow />
				<Edges flow={flow} at={at} />
				{flow.nodes.map((node) => (
					<Node
						key={node.system}
						node={node}
						middle={at.nodes.get(node.system)!}
						rate={rates.get(node.system)}
						href={link([], { filter: withTerm(filter, "system", node.system) })}
					/>
				))}
			</svg>
		</div>
	);
}
