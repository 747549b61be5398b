// The newest traces, live; the events over time above them.

import { useEffect, useRef, useState } from "preact/hooks";
import { get, type Page, type Stats, type TraceSummary } from "../api";
import { FilterBar } from "../filterbar";
import { valueOf } from "../filter";
import { count } from "../format";
import { Histogram } from "../histogram";
import { useKeys } from "../keys";
import { Empty, Icon, Loading } from "../parts";
import { change, route } from "../route";
import { noteEnvironment, noteSystems } from "../seen";
import { complaint, paused, useFollow, useResource } from "../state";
import { TraceTable } from "../tracetable";
import { Welcome } from "../welcome";

const STATUSES = ["", "error", "warning", "success"];
const SORTS = [
	["", "Newest"],
	["duration", "Longest"],
	["errors", "Most errors"],
] as const;
const RANGES = [
	["", "Any time"],
	["15m", "15 minutes"],
	["1h", "1 hour"],
	["6h", "6 hours"],
	["24h", "24 hours"],
	["7d", "7 days"],
] as const;
const BUCKETS = 90;
const CHART = "1h"; // what the chart shows where no time is chosen

function instant(ms: number): string {
	return new Date(ms).toISOString();
}

// Where what is shown would move under the reader's eyes.
function isBeingRead(list: HTMLElement | null): boolean {
	return (
		scrollY > 40 ||
		(list?.matches(":hover") ?? false) ||
		(list?.contains(document.activeElement) ?? false)
	);
}

function Controls({ live, onPause }: { live: boolean; onPause: () => void }) {
	const { query } = route.value;
	const since = query.get("since") ?? "";
	const until = query.get("until") ?? "";
	const isOwn = until !== "" || !RANGES.some(([value]) => value === since);
	return (
		<div class="controls">
			<div class="segments" role="group" aria-label="Status">
				{STATUSES.map((status) => (
					<button
						key={status}
						type="button"
						aria-pressed={(query.get("status") ?? "") === status}
						onClick={() => change({ status, cursor: null })}
					>
						{status !== "" && <Icon name={status} />}
						{status || "All"}
					</button>
				))}
			</div>
			<label class="pick">
				<span class="visually-hidden">Time</span>
				<select
					value={isOwn ? "own" : since}
					onChange={(event) =>
						change({ since: event.currentTarget.value, until: null, cursor: null })
					}
				>
					{RANGES.map(([value, name]) => (
						<option key={value} value={value}>
							{name}
						</option>
					))}
					{isOwn && (
						<option value="own" disabled>
							Chosen range
						</option>
					)}
				</select>
			</label>
			<label class="pick">
				<span class="visually-hidden">Order</span>
				<select
					value={query.get("sort") ?? ""}
					onChange={(event) => change({ sort: event.currentTarget.value, cursor: null })}
				>
					{SORTS.map(([value, name]) => (
						<option key={value} value={value}>
							{name}
						</option>
					))}
				</select>
			</label>
			{live && (
				<button type="button" class="button small" aria-pressed={paused.value} onClick={onPause}>
					<Icon name={paused.value ? "play" : "pause"} />
					{paused.value ? "Go on" : "Pause"}
				</button>
			)}
		</div>
	);
}

function Chart({ stats, ownRange }: { stats: Stats; ownRange: boolean }) {
	const { totals } = stats;
	return (
		<section class="chart" aria-label="Events over time">
			<Histogram
				stats={stats}
				onChoose={(from, to) => change({ since: instant(from), until: instant(to), cursor: null })}
			/>
			<p class="note">
				{count(totals.events, "event")}
				<span class="key-error">
					<Icon name="error" />
					{count(totals.error, "error")}
				</span>
				<span class="key-warning">
					<Icon name="warning" />
					{count(totals.warning, "warning")}
				</span>
				{!stats.complete && (
					<span>the newest only, since {new Date(stats.counted_since).toLocaleTimeString()}</span>
				)}
				<span class="hint">{ownRange && "the last hour · "}drag to choose a range</span>
			</p>
		</section>
	);
}

// What is new but not shown yet, as it would move what is being read.
function useHeld(
	list: { current: HTMLElement | null },
	latest: Page<TraceSummary> | null,
	key: string,
) {
	const [shown, setShown] = useState<{ page: Page<TraceSummary>; key: string } | null>(null);
	useEffect(() => {
		if (!latest) return;
		if (!shown || shown.key !== key || (!paused.value && !isBeingRead(list.current))) {
			setShown({ page: latest, key });
			return;
		}
		const fresh = new Map(latest.items.map((trace) => [trace.trace_id, trace]));
		setShown({
			key,
			page: {
				...shown.page,
				items: shown.page.items.map((trace) => fresh.get(trace.trace_id) ?? trace),
			},
		});
	}, [latest, paused.value]);
	const here = new Set(shown?.page.items.map((trace) => trace.trace_id));
	const waiting =
		latest && shown ? latest.items.filter((trace) => !here.has(trace.trace_id)).length : 0;
	return {
		page: shown?.page ?? null,
		waiting,
		show: () => latest && setShown({ page: latest, key }),
	};
}

function Pages({ page }: { page: Page<TraceSummary> }) {
	return (
		<nav class="paging" aria-label="Pages of the list">
			{route.value.query.get("cursor") !== null && (
				<>
					<button type="button" class="button" onClick={() => change({ cursor: null })}>
						First
					</button>
					{page.prev && (
						<button
							type="button"
							class="button"
							onClick={() => change({ cursor: page.prev ?? null })}
						>
							Newer
						</button>
					)}
				</>
			)}
			{page.next && (
				<button type="button" class="button" onClick={() => change({ cursor: page.next })}>
					Older
				</button>
			)}
			{page.partial && page.next && (
				<span class="note">Searching took long; “Older” goes on from here.</span>
			)}
		</nav>
	);
}

export function TracesPage() {
	const { query } = route.value;
	const list = useRef<HTMLDivElement>(null);
	const asked = Object.fromEntries(query);
	const { filter = "", status = "", cursor = "" } = asked;
	const key = JSON.stringify(asked);
	const since = asked["since"] ?? valueOf(filter, "since") ?? CHART;
	const narrowed =
		filter !== "" || status !== "" || asked["since"] !== undefined || asked["until"] !== undefined;

	const traces = useResource(
		key,
		(signal) => get<Page<TraceSummary>>("/api/traces", { ...asked, limit: 50 }, signal),
		(problem) => problem.about("filter") !== null,
	);
	const stats = useResource(
		`stats ${key}`,
		(signal) =>
			get<Stats>("/api/stats", { filter, since, until: asked["until"], buckets: BUCKETS }, signal),
		() => true,
	);
	const refresh = (): void => {
		traces.refresh();
		stats.refresh();
	};
	const held = useHeld(list, traces.data, traces.key);
	const isLive = cursor === "";
	useFollow(isLive ? { filter } : null, refresh, refresh);
	useEffect(() => {
		document.title = "Traces · DevPulse";
	}, []);
	useEffect(() => {
		noteSystems([
			...(traces.data?.items.flatMap((trace) => trace.systems) ?? []),
			...(stats.data?.systems.map((each) => each.system) ?? []),
		]);
		for (const trace of traces.data?.items ?? []) noteEnvironment(trace.environment ?? "");
	}, [traces.data, stats.data]);

	const step = (by: number): void => {
		const links = [...(list.current?.querySelectorAll<HTMLElement>("a[data-row]") ?? [])];
		const at = links.indexOf(document.activeElement as HTMLElement);
		links[Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
	};
	const pause = (): void => {
		paused.value = !paused.value;
	};
	useKeys("Traces", [
		{ key: "j", does: "next trace", run: () => step(1) },
		{ key: "k", does: "previous trace", run: () => step(-1) },
		{ key: "Enter", does: "open it", run: () => (document.activeElement as HTMLElement).click() },
		{ key: "p", does: "pause, go on", run: pause },
		{
			key: ".",
			does: "show what is new",
			run: () => {
				held.show();
				scrollTo(0, 0);
			},
		},
		{
			key: "e",
			does: "only with errors, or all",
			run: () => change({ status: status === "error" ? null : "error", cursor: null }),
		},
	]);

	const { page } = held;
	const problem = traces.problem?.about("filter") ?? null;
	return (
		<section class="traces" aria-busy={traces.loading}>
			<h1 class="visually-hidden">Traces</h1>
			<FilterBar
				value={filter}
				problem={problem}
				onChange={(text) => change({ filter: text, cursor: null })}
			/>
			<Controls live={isLive} onPause={pause} />
			{stats.data && (page?.items.length || narrowed) && (
				<Chart stats={stats.data} ownRange={since === CHART && !asked["since"]} />
			)}
			{held.waiting > 0 && (
				<button
					type="button"
					class="fresh-pill"
					onClick={() => {
						held.show();
						scrollTo(0, 0);
					}}
				>
					<Icon name="up" />
					{count(held.waiting, "new trace")}
				</button>
			)}
			<div ref={list}>
				{page && page.items.length > 0 && problem === null && (
					<TraceTable traces={page.items} sort={query.get("sort") ?? ""} />
				)}
			</div>
			{!page && !problem && complaint.value === "" && <Loading what="traces" />}
			{page?.items.length === 0 &&
				problem === null &&
				(narrowed || !isLive ? (
					<Empty title="Nothing matches">
						<p>No trace {narrowed ? "has an event for which all of this holds" : "is older"}.</p>
						<button
							type="button"
							class="button"
							onClick={() =>
								change({ filter: null, status: null, since: null, until: null, cursor: null })
							}
						>
							Show all traces
						</button>
					</Empty>
				) : (
					<Welcome />
				))}
			{page && problem === null && <Pages page={page} />}
		</section>
	);
}
