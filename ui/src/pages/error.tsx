// One group of errors: how often, where, with which values, in which traces.

import { useEffect, useMemo } from "preact/hooks";
import { type DpEvent, type ErrorGroup, get, type Page } from "../api";
import { distributions, type Distribution } from "../distribution";
import { EventPanel } from "../eventpanel";
import { count, number, short } from "../format";
import { useKeys } from "../keys";
import { Badge, CopyButton, Empty, Systems, Time, Waiting } from "../parts";
import { change, link, route } from "../route";
import { Sparkline } from "../sparkline";
import { useFollow, useResource } from "../state";

const SAMPLE = 100; // errors whose locals are counted

function Values({ value, of }: { value: Distribution; of: number }) {
	return (
		<li class="distribution">
			<h3>
				<code>{value.name}</code>{" "}
				<span class="note">
					{value.distinct === 1 ? "always the same" : count(value.distinct, "value")}
					{value.events < of && `, in ${value.events} of ${of}`}
					{value.range &&
						value.distinct > 1 &&
						` · ${short(value.range.least)} to ${short(value.range.most)}, half below ${short(value.range.median)}`}
				</span>
			</h3>
			<ul>
				{value.top.map((each) => (
					<li key={each.text}>
						<span
							class="share"
							style={{ width: `${(100 * each.count) / value.events}%` }}
							aria-hidden="true"
						/>
						<code>{each.text === "" ? '""' : each.text.slice(0, 120)}</code>
						<span class="number">{each.count}</span>
					</li>
				))}
				{value.distinct > value.top.length && (
					<li class="note">and {count(value.distinct - value.top.length, "other")}</li>
				)}
			</ul>
		</li>
	);
}

function Occurrences({ events, chosen }: { events: DpEvent[]; chosen: DpEvent | undefined }) {
	return (
		<ul class="occurrences">
			{events.slice(0, 30).map((event) => (
				<li key={event.event_id}>
					<button
						type="button"
						aria-pressed={event === chosen}
						onClick={() => change({ event: event.event_id }, true)}
					>
						<Time at={event.timestamp} /> <code>{event.trace_id.slice(0, 16)}</code>
					</button>
					<a href={link(["trace", event.trace_id], { event: event.event_id })}>its trace</a>
				</li>
			))}
		</ul>
	);
}

export function ErrorPage({ fingerprint }: { fingerprint: string }) {
	const { query } = route.value;
	const since = query.get("since") ?? "24h";
	const path = `/api/errors/${encodeURIComponent(fingerprint)}`;
	const group = useResource(
		`${fingerprint} ${since}`,
		(signal) => get<ErrorGroup>(path, { buckets: 60, since }, signal),
		(problem) => problem.status === 404,
	);
	const events = useResource(
		fingerprint,
		(signal) => get<Page<DpEvent>>(`${path}/events`, { limit: SAMPLE }, signal),
		(problem) => problem.status === 404,
	);
	const refresh = (): void => {
		group.refresh();
		events.refresh();
	};
	useFollow({ filter: `fingerprint=${fingerprint}` }, refresh, refresh);
	const items = events.data?.items ?? [];
	const values = useMemo(() => distributions(items), [events.data]);
	const found = items.findIndex((event) => event.event_id === query.get("event"));
	const at = Math.max(found, 0);
	const title = group.data
		? `${group.data.type ? `${group.data.type}: ` : ""}${group.data.message || group.data.title}`
		: "Error";
	useEffect(() => {
		document.title = `${title} · DevPulse`;
	}, [title]);
	const step = (by: number): void => {
		const next = items[at + by];
		if (next) change({ event: next.event_id }, true);
	};
	useKeys("Error", [
		{ key: "n", does: "older occurrence", run: () => step(1) },
		{ key: "p", does: "newer occurrence", run: () => step(-1) },
	]);
	if (group.problem?.status === 404)
		return (
			<Empty whole title="No such group of errors">
				<p>
					Nothing with this fingerprint is stored: its errors may have been removed by retention.
				</p>
				<a class="button" href="#/errors">
					All errors
				</a>
			</Empty>
		);
	if (!group.data) return <Waiting title="Error" what="the error" />;
	const { data } = group;
	return (
		<article class="error-group">
			<nav class="crumbs" aria-label="Where">
				<a href="#/errors">Errors</a> / <code>{fingerprint}</code>{" "}
				<CopyButton text={() => fingerprint}>Copy id</CopyButton>
			</nav>
			<div class="head">
				<div>
					<h1>{title}</h1>
					<p class="facts">
						<Badge status="error" label={count(data.count, "error")} />
						{data.place && <code>{data.place}</code>}
						<Systems names={data.systems} />
						<span>{data.environments.join(", ")}</span>
						<span>
							last <Time at={data.last_seen} />
						</span>
						<span>
							first <Time at={data.first_seen} />
						</span>
					</p>
				</div>
				<div class="actions">
					<a class="button" href={link([], { filter: `fingerprint=${fingerprint}` })}>
						Its traces
					</a>
				</div>
			</div>
			{data.recent && (
				<div class="card trend">
					<Sparkline recent={data.recent} height={48} />
					<p class="note">
						since {new Date(data.recent.since).toLocaleString()}
						{data.recent.partial && `, the newest ${number(10000)} only`}
					</p>
				</div>
			)}
			<div class="steps">
				<div class="left">
					<h2>
						Values of its locals{" "}
						<span class="note">in the newest {count(items.length, "occurrence")}</span>
					</h2>
					{values.length === 0 ? (
						<p class="note">These errors have no locals.</p>
					) : (
						<ul class="distributions">
							{values.slice(0, 40).map((value) => (
								<Values key={value.name} value={value} of={items.length} />
							))}
						</ul>
					)}
					<h2>Occurrences</h2>
					<Occurrences events={items} chosen={items[at]} />
				</div>
				<div class="right">
					{items[at] && <EventPanel key={items[at].event_id} event={items[at]} />}
				</div>
			</div>
		</article>
	);
}
