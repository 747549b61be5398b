// The graph of systems: what calls what, how often, how slow, with how many errors.

import { useEffect } from "preact/hooks";
import { type Flow, get, type Stats, type SystemStats } from "../api";
import { Choice } from "../controls";
import { FilterBar } from "../filterbar";
import { withTerm } from "../filter";
import { Graph } from "../flowgraph";
import { useRefresh } from "../following";
import { count, duration, number, short } from "../format";
import { Empty, Loading, System } from "../parts";
import { useResource } from "../resource";
import { change, link, route } from "../route";
import { noteSystems } from "../seen";
import { complaint } from "../state";

const RANGES = [
	["15m", "15 minutes"],
	["1h", "1 hour"],
	["24h", "24 hours"],
	["7d", "7 days"],
] as const;
function ms(value: number | null | undefined): string {
	return value === null || value === undefined ? "—" : duration(value);
}

function Calls({ flow }: { flow: Flow }) {
	return (
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
	);
}

function SystemRow({ its, filter }: { its: SystemStats; filter: string }) {
	return (
		<tr class={its.errors > 0 ? "error" : undefined}>
			<td>
				<a href={link([], { filter: withTerm(filter, "system", its.system) })}>
					<System name={its.system} />
				</a>
			</td>
			<td class="number">{number(its.events)}</td>
			<td class="number">{its.rate_per_s < 0.01 ? "< 0.01" : short(its.rate_per_s)}</td>
			<td class={`number${its.errors > 0 ? " errors" : ""}`}>{number(its.errors)}</td>
			<td class="number">{ms(its.p50_ms)}</td>
			<td class="number">{ms(its.p95_ms)}</td>
			<td class="number">{ms(its.p99_ms)}</td>
		</tr>
	);
}

function SystemTable({ stats, filter }: { stats: Stats; filter: string }) {
	return (
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
						<SystemRow key={each.system} its={each} filter={filter} />
					))}
				</tbody>
			</table>
		</div>
	);
}

const LONGEST = "7d";

function Nothing({ filter, since }: { filter: string; since: string }) {
	return (
		<Empty title="Nothing in this time">
			<p>No events {filter !== "" && "that match "}since then.</p>
			{since !== LONGEST && (
				<button type="button" class="button" onClick={() => change({ since: LONGEST })}>
					The last 7 days
				</button>
			)}
			{filter !== "" && (
				<button type="button" class="button" onClick={() => change({ filter: null })}>
					All events
				</button>
			)}
		</Empty>
	);
}

function useFlow(asked: { filter: string; since: string }) {
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
	useRefresh({ filter: asked.filter }, () => {
		flow.refresh();
		stats.refresh();
	});
	return { flow, stats: stats.data };
}

export function FlowPage() {
	const { query } = route.value;
	const filter = query.get("filter") ?? "";
	const since = query.get("since") ?? "1h";
	const { flow, stats } = useFlow({ filter, since });
	const { data } = flow;
	useEffect(() => {
		document.title = "Flow · DevPulse";
		noteSystems(data?.nodes.map((node) => node.system) ?? []);
	}, [data]);
	const problem = flow.problem?.about("filter") ?? null;
	return (
		<section class="flow">
			<h1 class="visually-hidden">Flow between systems</h1>
			<FilterBar value={filter} problem={problem} onChange={(text) => change({ filter: text })} />
			<div class="controls">
				<Choice
					label="Time"
					options={RANGES}
					value={since}
					onChoose={(value) => change({ since: value })}
				/>
				{data && (
					<span class="note">
						{count(data.traces, "trace")}
						{!data.complete && " (the newest only)"}
					</span>
				)}
			</div>
			{!data && complaint.value === "" && problem === null && <Loading what="the flow" />}
			{data?.nodes.length === 0 && <Nothing filter={filter} since={since} />}
			{data && data.nodes.length > 0 && (
				<>
					<Graph flow={data} stats={stats} filter={filter} />
					<h2>From system to system</h2>
					<Calls flow={data} />
					{stats && <h2>Systems</h2>}
					{stats && <SystemTable stats={stats} filter={filter} />}
				</>
			)}
		</section>
	);
}
