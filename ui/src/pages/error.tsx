// One group of errors: how often, where, with which values, in which traces.

import { useEffect, useMemo, useRef } from "preact/hooks";
import { type DpEvent, type ErrorGroup, get, type Page, type Problem } from "../api";
import { distributions, type Distribution } from "../distribution";
import { EventPanel } from "../eventpanel";
import { useRefresh } from "../following";
import { count, number } from "../format";
import { useKeys } from "../keys";
import { Badge, CopyButton, Empty, Icon, Systems, Time, Waiting } from "../parts";
import { useResource } from "../resource";
import { change, link, route } from "../route";
import { barsSince, Sparkline, TimeOfBars } from "../sparkline";

const SAMPLE = 100; // errors whose locals are counted
const SHOWN = 40; // of the locals
const NONE: DpEvent[] = [];

type Step = (by: 1 | -1) => void;

// A number that may be an id: with all of its digits, but no noise of fractions.
function figure(n: number): string {
	return String(Number.isInteger(n) ? n : Number(n.toPrecision(6)));
}

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
						` · ${figure(value.range.least)} to ${figure(value.range.most)}, half below ${figure(value.range.median)}`}
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

const LISTED = 30;

// As many as are listed, of which one is chosen.
function Occurrences({
	events,
	at,
	onChoose,
}: {
	events: DpEvent[];
	at: number;
	onChoose: (event: DpEvent) => void;
}) {
	const from = at - (at % LISTED);
	const listed = events.slice(from, from + LISTED);
	return (
		<>
			<h2>
				Occurrences{" "}
				{listed.length < events.length && (
					<span class="note">
						{from + 1} to {from + listed.length}
					</span>
				)}
			</h2>
			<ul class="occurrences">
				{listed.map((event) => (
					<li key={event.event_id}>
						<button
							type="button"
							aria-pressed={event === events[at]}
							onClick={() => onChoose(event)}
						>
							<Time at={event.timestamp} /> <code>{event.trace_id.slice(0, 16)}</code>
						</button>
						<a href={link(["trace", event.trace_id], { event: event.event_id })}>its trace</a>
					</li>
				))}
			</ul>
		</>
	);
}

function Gone() {
	return (
		<Empty whole title="No such group of errors">
			<p>Nothing with this fingerprint is stored: its errors may have been removed by retention.</p>
			<a class="button" href="#/errors">
				All errors
			</a>
		</Empty>
	);
}

function titleOf(group: ErrorGroup | null): string {
	if (!group) return "Error";
	return `${group.type ? `${group.type}: ` : ""}${group.message || group.title}`;
}

function Head({ group }: { group: ErrorGroup }) {
	return (
		<div class="head">
			<div>
				<h1>{titleOf(group)}</h1>
				<p class="facts">
					<Badge status="error" label={count(group.count, "error")} />
					{group.place && <code>{group.place}</code>}
					<Systems names={group.systems} />
					<span>{group.environments.join(", ")}</span>
					<span>
						last <Time at={group.last_seen} />
					</span>
					<span>
						first <Time at={group.first_seen} />
					</span>
				</p>
			</div>
			<div class="actions">
				<a class="button" href={link([], { filter: `fingerprint=${group.fingerprint}` })}>
					Its traces
				</a>
			</div>
		</div>
	);
}

function Trend({ recent, since }: { recent: NonNullable<ErrorGroup["recent"]>; since: string }) {
	return (
		<div class="card trend">
			<Sparkline recent={recent} height={48} />
			<div class="controls">
				<TimeOfBars since={since} />
				<span class="note">
					since <Time at={recent.since} as="clock" />
					{recent.partial && `, the newest ${number(10000)} only`}
				</span>
			</div>
		</div>
	);
}

// Which of the errors is shown, and the ways to the others and to its trace.
function Occurrence({ events, at, step }: { events: DpEvent[]; at: number; step: Step }) {
	const chosen = events[at]!;
	return (
		<div class="controls">
			<span class="segments">
				<button
					type="button"
					title="Newer occurrence (p)"
					aria-label="Newer occurrence"
					onClick={() => step(-1)}
				>
					<Icon name="up" />
				</button>
				<button
					type="button"
					title="Older occurrence (n)"
					aria-label="Older occurrence"
					onClick={() => step(1)}
				>
					<Icon name="down" />
				</button>
			</span>
			<span class="note" role="status">
				{at + 1} of {count(events.length, "occurrence")}
			</span>
			<a class="button small" href={link(["trace", chosen.trace_id], { event: chosen.event_id })}>
				Open its trace
			</a>
		</div>
	);
}

// What some errors of the group have in their locals, and one of them.
function Sample({ events }: { events: DpEvent[] }) {
	const values = useMemo(() => distributions(events), [events]);
	const asked = route.value.query.get("event");
	const at = Math.max(
		events.findIndex((event) => event.event_id === asked),
		0,
	);
	const chosen = events[at];
	const panel = useRef<HTMLDivElement>(null);
	const choose = (event: DpEvent): void => {
		change({ event: event.event_id }, true);
		panel.current?.scrollIntoView({ block: "nearest" }); // on a phone it is below all of them
	};
	const step: Step = (by) => {
		const next = events[at + by];
		if (next) change({ event: next.event_id }, true);
	};
	useKeys("Error", [
		{ key: "n", does: "older occurrence", run: () => step(1) },
		{ key: "p", does: "newer occurrence", run: () => step(-1) },
	]);
	return (
		<div class="steps">
			<div class="left">
				<h2>
					Values of its locals{" "}
					<span class="note">
						in {events.length > 1 && "the newest "}
						{count(events.length, "occurrence")}
					</span>
				</h2>
				{values.length === 0 ? (
					<p class="note">These errors have no locals.</p>
				) : (
					<ul class="distributions">
						{values.slice(0, SHOWN).map((value) => (
							<Values key={value.name} value={value} of={events.length} />
						))}
					</ul>
				)}
				<Occurrences events={events} at={at} onChoose={choose} />
			</div>
			<div class="right" ref={panel}>
				{chosen && <Occurrence events={events} at={at} step={step} />}
				{chosen && <EventPanel key={chosen.event_id} event={chosen} />}
			</div>
		</div>
	);
}

export function ErrorPage({ fingerprint }: { fingerprint: string }) {
	const since = barsSince();
	const path = `/api/errors/${encodeURIComponent(fingerprint)}`;
	const isGone = (problem: Problem): boolean => problem.status === 404;
	const group = useResource(
		`${fingerprint} ${since}`,
		(signal) => get<ErrorGroup>(path, { buckets: 60, since }, signal),
		isGone,
	);
	const events = useResource(
		fingerprint,
		(signal) => get<Page<DpEvent>>(`${path}/events`, { limit: SAMPLE }, signal),
		isGone,
	);
	useRefresh({ filter: `fingerprint=${fingerprint}` }, () => {
		group.refresh();
		events.refresh();
	});
	const title = titleOf(group.data);
	useEffect(() => {
		document.title = `${title} · DevPulse`;
	}, [title]);
	if (group.problem?.status === 404) return <Gone />;
	if (!group.data) return <Waiting title="Error" what="the error" />;
	return (
		<article class="error-group">
			<nav class="crumbs" aria-label="Where">
				<a href={link(["errors"], { since: route.value.query.get("since") })}>Errors</a> /{" "}
				<code>{fingerprint}</code> <CopyButton text={() => fingerprint}>Copy id</CopyButton>
			</nav>
			<Head group={group.data} />
			{group.data.recent && <Trend recent={group.data.recent} since={since} />}
			<Sample events={events.data?.items ?? NONE} />
		</article>
	);
}
