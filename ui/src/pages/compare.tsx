// Two traces side by side: A that is usually good, B that is not.

import { useEffect, useMemo, useState } from "preact/hooks";
import { type DpEvent, get, TOO_LARGE } from "../api";
import { isWhole, type Pair, pairsOf, slower, type Stage, stagesOf } from "../compare";
import { count, duration } from "../format";
import { message, titleOf } from "../message";
import { interval } from "../model";
import { Badge, Empty, Icon, System, Time, Waiting } from "../parts";
import { useResource } from "../resource";
import { change, go, link, route } from "../route";

interface Trace {
	trace_id: string;
	events: DpEvent[];
}

const SHOWN = 500; // steps

function delta(a: number, b: number): string {
	const by = b - a;
	return by === 0 ? "the same" : `${by > 0 ? "+" : "−"}${duration(Math.abs(by))}`;
}

function Stages({ stages }: { stages: Stage[] }) {
	return (
		<div class="wide" tabIndex={0} role="region" aria-label="Stages">
			<table>
				<thead>
					<tr>
						<th>Stage</th>
						<th class="number">A</th>
						<th class="number">B</th>
						<th class="number">Difference</th>
						<th>What differs</th>
					</tr>
				</thead>
				<tbody>
					{stages.map(({ system, a, b }) => (
						<tr key={system}>
							<td>
								<System name={system} />
							</td>
							<td class="number">{a ? duration(a.ms) : "—"}</td>
							<td class="number">{b ? duration(b.ms) : "—"}</td>
							<td class="number">{a && b ? delta(a.ms, b.ms) : ""}</td>
							<td>
								<span class="badges">
									{!a && <Badge status="warning" label="only in B" />}
									{!b && <Badge status="warning" label="missing in B" />}
									{a && b && slower(a.ms, b.ms) !== null && (
										<Badge status="warning" label={slower(a.ms, b.ms)!} />
									)}
									{(b?.errors ?? 0) > (a?.errors ?? 0) && (
										<Badge
											status="error"
											label={count(b!.errors - (a?.errors ?? 0), "more error")}
										/>
									)}
									{a && b && a.events !== b.events && (
										<span class="note">
											{a.events} → {count(b.events, "event")}
										</span>
									)}
								</span>
							</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

function StepText({ event }: { event: DpEvent }) {
	const [from, to] = interval(event);
	return (
		<a
			class={`step ${event.severity}`}
			href={link(["trace", event.trace_id], { event: event.event_id })}
		>
			{(event.severity === "error" || event.severity === "warning") && (
				<Icon name={event.severity} />
			)}
			<span>{message(event).slice(0, 200)}</span>
			{to > from && <span class="note">{duration((to - from) / 1000)}</span>}
		</a>
	);
}

function Step({ pair }: { pair: Pair }) {
	const { a, b, values } = pair;
	const kind = a && b ? "both" : a ? "only-a" : "only-b";
	return (
		<li class={`pair ${kind}`}>
			<div class="sides">
				<System name={(a ?? b)!.system} />
				<div>{a ? <StepText event={a} /> : <span class="note">not in A</span>}</div>
				<div>{b ? <StepText event={b} /> : <span class="note">not in B</span>}</div>
			</div>
			{values.length > 0 && (
				<ul class="differences">
					{values.slice(0, 30).map((each) => (
						<li key={each.path}>
							<code class="path">{each.path}</code>
							<code>{each.a?.slice(0, 200) ?? "—"}</code>
							<Icon name="right" />
							<code>{each.b?.slice(0, 200) ?? "—"}</code>
						</li>
					))}
					{values.length > 30 && <li class="note">and {values.length - 30} more</li>}
				</ul>
			)}
		</li>
	);
}

function Steps({ a, b }: { a: DpEvent[]; b: DpEvent[] }) {
	const [all, setAll] = useState(false);
	const pairs = useMemo(() => pairsOf(a, b), [a, b]);
	const differing = pairs.filter((pair) => !pair.isSame || pair.values.length > 0);
	return (
		<>
			<div class="head">
				<h2>Steps</h2>
				<button type="button" class="button small" aria-pressed={all} onClick={() => setAll(!all)}>
					{all ? "Only what differs" : `All ${count(pairs.length, "step")}`}
				</button>
			</div>
			{!(isWhole(a) && isWhole(b)) && (
				<p class="note">Only the first events of these long traces are put side by side.</p>
			)}
			<ol class="pairs">
				{(all ? pairs : differing).slice(0, SHOWN).map((pair) => (
					<Step key={`${pair.a?.event_id} ${pair.b?.event_id}`} pair={pair} />
				))}
			</ol>
			{!all && differing.length === 0 && <p>Every step is in both, with the same values.</p>}
		</>
	);
}

function Head({ name, trace }: { name: string; trace: Trace }) {
	const errors = trace.events.filter((event) => event.severity === "error").length;
	return (
		<div class="card side">
			<p class="note">{name}</p>
			<a href={link(["trace", trace.trace_id])}>
				<strong>{titleOf(trace.events)}</strong>
			</a>
			<p class="facts">
				{errors > 0 ? (
					<Badge status="error" label={count(errors, "error")} />
				) : (
					<Badge status="success" />
				)}
				<span>{count(trace.events.length, "event")}</span>
				<Time at={trace.events[0]!.timestamp} as="clock" />
			</p>
		</div>
	);
}

function Ask() {
	const { query } = route.value;
	const [ids, setIds] = useState({ a: query.get("a") ?? "", b: query.get("b") ?? "" });
	const start = (event: Event): void => {
		event.preventDefault();
		go(link(["compare"], { a: ids.a.trim(), b: ids.b.trim() }));
	};
	return (
		<form class="empty" onSubmit={start}>
			<h1>Compare two traces</h1>
			<p>“Compare with a good one” on a trace's page fills this in.</p>
			{(["a", "b"] as const).map((name) => (
				<p key={name}>
					<label>
						Id of trace {name.toUpperCase()}{" "}
						<input
							required
							value={ids[name]}
							onInput={(event) => setIds({ ...ids, [name]: event.currentTarget.value })}
						/>
					</label>
				</p>
			))}
			<button class="button">Compare</button>
		</form>
	);
}

export function ComparePage() {
	const { query } = route.value;
	const [a, b] = [query.get("a") ?? "", query.get("b") ?? ""];
	const wanted = a !== "" && b !== "";
	const both = useResource(
		wanted ? JSON.stringify([a, b]) : null,
		(signal) => Promise.all([a, b].map((id) => get<Trace>("/api/trace", { trace: id }, signal))),
		(problem) => problem.status === 404 || problem.status === TOO_LARGE,
	);
	const [first, second] = both.data ?? [];
	useEffect(() => {
		document.title = "Compare · DevPulse";
	}, []);
	if (!wanted) return <Ask />;
	if (both.problem?.status === TOO_LARGE)
		return (
			<Empty whole title="One of the traces is too large to be compared">
				<p>{both.problem.message}</p>
			</Empty>
		);
	if (both.problem)
		return (
			<Empty whole title="One of the traces is not there">
				<p>{both.problem.message}. It may have been removed by retention.</p>
			</Empty>
		);
	if (!first || !second) return <Waiting title="Compare" what="both traces" />;
	return (
		<section class="compare">
			<div class="head">
				<h1>Compare</h1>
				<div class="actions">
					<button type="button" class="button" onClick={() => change({ a: b, b: a })}>
						<Icon name="changed" />
						Swap
					</button>
				</div>
			</div>
			<div class="two">
				<Head name="A" trace={first} />
				<Head name="B" trace={second} />
			</div>
			<h2>Stages</h2>
			<Stages stages={stagesOf(first.events, second.events)} />
			<Steps a={first.events} b={second.events} />
		</section>
	);
}
