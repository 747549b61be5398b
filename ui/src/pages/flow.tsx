// The graph of systems: what calls what, how often, how slow, with how many errors.

import { useEffect, useMemo } from "preact/hooks";
import { type Flow, get, type Stats } from "../api";
import { FilterBar } from "../filterbar";
import { withTerm } from "../filter";
import { count, duration, number, short } from "../format";
import { type Layout, layout } from "../graph";
import { Empty, hueOf, Icon, Loading, System } from "../parts";
import { change, link, route } from "../route";
import { noteSystems } from "../seen";
import { complaint, useFollow, useResource } from "../state";

const RANGES = [
	["15m", "15 minutes"],
	["1h", "1 hour"],
	["24h", "24 hours"],
	["7d", "7 days"],
] as const;
const CELL = { width: 250, height: 104 };
const BOX = { width: 160, height: 58 };

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

function Graph({ flow, stats, filter }: { flow: Flow; stats: Stats | null; filter: string }) {
	const names = flow.nodes.map((node) => node.system);
	const at = useMemo(() => layout(names, flow.edges, CELL), [flow]);
	const height = at.height + (flow.edges.some(({ from, to }) => isBack(at, from, to)) ? 24 : 0);
	const of = new Map(stats?.systems.map((each) => [each.system, each]));
	return (
		<div class="wide graph card" tabIndex={0} role="region" aria-label="Graph of the systems">
			<svg
				viewBox={`0 0 ${at.width} ${height}`}
				width={at.width}
				height={height}
				role="group"
				aria-label={`${count(names.length, "system")}; the table below says the same`}
			>
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
				<Edges flow={flow} at={at} />
				{flow.nodes.map((node) => {
					const { x, y } = at.nodes.get(node.system)!;
					const name = node.system.length > 20 ? `${node.system.slice(0, 19)}…` : node.system;
					const rate = of.get(node.system)?.rate_per_s;
					return (
						<a
							key={node.system}
							href={link([], { filter: withTerm(filter, "system", node.system) })}
							class={`node hue${hueOf(node.system)}${node.errors > 0 ? " error" : ""}`}
						>
							{name !== node.system && <title>{node.system}</title>}
							<rect
								x={x - BOX.width / 2}
								y={y - BOX.height / 2}
								width={BOX.width}
								height={BOX.height}
								rx="8"
							/>
							<rect
								class="tag"
								x={x - BOX.width / 2}
								y={y - BOX.height / 2 + 8}
								width="4"
								height={BOX.height - 16}
								rx="2"
							/>
							<text class="name" x={x - BOX.width / 2 + 14} y={y - 5}>
								{name}
							</text>
							<text class="rate" x={x - BOX.width / 2 + 14} y={y + 15}>
								{rate !== undefined && rate >= 0.1
									? `${short(rate)}/s`
									: count(node.events, "event")}
								{node.errors > 0 && <tspan class="errors"> · {count(node.errors, "error")}</tspan>}
							</text>
						</a>
					);
				})}
			</svg>
		</div>
	);
}

function ms(value: number | null | undefined): string {
	return value === null || value === undefined ? "—" : duration(value);
}

function Tables({ flow, stats, filter }: { flow: Flow; stats: Stats | null; filter: string }) {
	return (
		<>
			<h2>From system to system</h2>
			<div class="wide" tabIndex={0} role="region" aria-label="From system to system">
				<table>
					<thead>
						<tr>
							<th>From</th>
							<th>To</th>
							<th class="number">Times</th>
							<th class="number">Errors</th>
							<th class="number">p50</th>
							<th class="number">p95</th>
						</tr>
					</thead>
					<tbody>
						{flow.edges.map((edge) => (
							<tr key={`${edge.from} ${edge.to}`} class={edge.errors > 0 ? "error" : undefined}>
								<td>
									<System name={edge.from} />
								</td>
								<td>
									<System name={edge.to} />
								</td>
								<td class="number">{number(edge.count)}</td>
								<td class={`number${edge.errors > 0 ? " errors" : ""}`}>{number(edge.errors)}</td>
								<td class="number">{ms(edge.p50_ms)}</td>
								<td class="number">{ms(edge.p95_ms)}</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
			{stats && (
				<>
					<h2>Systems</h2>
					<div class="wide" tabIndex={0} role="region" aria-label="Systems">
						<table>
							<thead>
								<tr>
									<th>System</th>
									<th class="number">Events</th>
									<th class="number">A second</th>
									<th class="number">Errors</th>
									<th class="number">p50</th>
									<th class="number">p95</th>
									<th class="number">p99</th>
								</tr>
							</thead>
							<tbody>
								{stats.systems.map((each) => (
									<tr key={each.system} class={each.errors > 0 ? "error" : undefined}>
										<td>
											<a href={link([], { filter: withTerm(filter, "system", each.system) })}>
												<System name={each.system} />
											</a>
										</td>
										<td class="number">{number(each.events)}</td>
										<td class="number">{short(each.rate_per_s)}</td>
										<td class={`number${each.errors > 0 ? " errors" : ""}`}>
											{number(each.errors)}
										</td>
										<td class="number">{ms(each.p50_ms)}</td>
										<td class="number">{ms(each.p95_ms)}</td>
										<td class="number">{ms(each.p99_ms)}</td>
									</tr>
								))}
							</tbody>
						</table>
					</div>
				</>
			)}
		</>
	);
}

export function FlowPage() {
	const { query } = route.value;
	const filter = query.get("filter") ?? "";
	const since = query.get("since") ?? "1h";
	const asked = { filter, since };
	const flow = useResource(
		JSON.stringify(asked),
		(signal) => get<Flow>("/api/flow", asked, signal),
		(problem) => problem.about("filter") !== null,
	);
	const stats = useResource(
		`stats ${JSON.stringify(asked)}`,
		(signal) => get<Stats>("/api/stats", { ...asked, buckets: 1 }, signal),
		() => true,
	);
	const refresh = (): void => {
		flow.refresh();
		stats.refresh();
	};
	useFollow({ filter }, refresh, refresh);
	useEffect(() => {
		document.title = "Flow · DevPulse";
		noteSystems(flow.data?.nodes.map((node) => node.system) ?? []);
	}, [flow.data]);
	const problem = flow.problem?.about("filter") ?? null;
	const { data } = flow;
	return (
		<section class="flow">
			<h1 class="visually-hidden">Flow between systems</h1>
			<FilterBar value={filter} problem={problem} onChange={(text) => change({ filter: text })} />
			<div class="controls">
				<div class="segments" role="group" aria-label="Time">
					{RANGES.map(([value, name]) => (
						<button
							key={value}
							type="button"
							aria-pressed={since === value}
							onClick={() => change({ since: value })}
						>
							{name}
						</button>
					))}
				</div>
				{data && (
					<span class="note">
						{count(data.traces, "trace")}
						{!data.complete && " (the newest only)"}
					</span>
				)}
			</div>
			{!data && complaint.value === "" && problem === null && <Loading what="the flow" />}
			{data?.nodes.length === 0 && (
				<Empty title="Nothing in this time">
					<p>
						No events since then.{" "}
						<button type="button" class="button small" onClick={() => change({ since: "7d" })}>
							<Icon name="up" />
							The last 7 days
						</button>
					</p>
				</Empty>
			)}
			{data && data.nodes.length > 0 && (
				<>
					<Graph flow={data} stats={stats.data} filter={filter} />
					<Tables flow={data} stats={stats.data} filter={filter} />
				</>
			)}
		</section>
	);
}
