// The newest traces, live; the events over time above them.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, type Page, type Stats, takeEarly, type TraceSummary } from "../api";
import { Choice, Paging, PauseButton, Pick } from "../controls";
import { tracesAsked } from "../early";
import { FilterBar } from "../filterbar";
import { valueOf } from "../filter";
import { useRefresh } from "../following";
import { count, duration } from "../format";
import { Histogram } from "../histogram";
import { isBeingRead } from "../inview";
import { focusRow, useKeys } from "../keys";
import { Empty, Icon, Loading, Time } from "../parts";
import { useResource } from "../resource";
import { change, route } from "../route";
import { noteEnvironment, noteSystems } from "../seen";
import { complaint, paused } from "../state";
import { TraceTable } from "../tracetable";
import { Welcome } from "../welcome";

const STATUSES = [
	["", "All"],
	["error", "error", "error"],
	["warning", "warning", "warning"],
	["success", "success", "success"],
] as const;
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

function Controls({ live, onPause }: { live: boolean; onPause: () => void }) {
	const { query } = route.value;
	const since = query.get("since") ?? "";
	const isOwn = query.has("until") || !RANGES.some(([value]) => value === since);
	return (
		<div class="controls">
			<Choice
				label="Status"
				options={STATUSES}
				value={query.get("status") ?? ""}
				onChoose={(status) => change({ status, cursor: null })}
			/>
			<Pick
				label="Time"
				options={RANGES}
				value={since}
				other={isOwn ? "Chosen range" : null}
				onChoose={(value) => change({ since: value, until: null, cursor: null })}
			/>
			<Pick
				label="Order"
				options={SORTS}
				value={query.get("sort") ?? ""}
				onChoose={(sort) => change({ sort, cursor: null })}
			/>
			{live && <PauseButton paused={paused.value} onPause={onPause} />}
		</div>
	);
}

function Chart({ stats, ownRange }: { stats: Stats; ownRange: boolean }) {
	const [pointed, setPointed] = useState<number | null>(null);
	const bucket = pointed === null ? undefined : stats.buckets[pointed];
	const { error, warning, info, debug } = bucket ?? stats.totals;
	return (
		<>
			<Histogram
				stats={stats}
				onChoose={(from, to) => change({ since: instant(from), until: instant(to), cursor: null })}
				onPoint={setPointed}
			/>
			<p class="note">
				{count(error + warning + info + debug, "event")}
				<span class="key-error">
					<Icon name="error" />
					{count(error, "error")}
				</span>
				<span class="key-warning">
					<Icon name="warning" />
					{count(warning, "warning")}
				</span>
				{!stats.complete && (
					<span>
						the newest only, since <Time at={stats.counted_since} as="clock" />
					</span>
				)}
				<span class="hint">
					{bucket ? (
						<>
							{duration(stats.bucket_ms)} from <Time at={bucket.time} as="clock" />
						</>
					) : (
						<>{ownRange && "the last hour · "}drag to choose a range</>
					)}
				</span>
			</p>
		</>
	);
}

// What is new but not shown yet, as it would move what is being read.
function useHeld(
	list: { current: HTMLElement | null },
	latest: Page<TraceSummary> | null,
	key: string,
) {
	const [shows, setShows] = useState(0);
	const shown = useRef<{ page: Page<TraceSummary>; key: string; shows: number } | null>(null);
	const page = useMemo(() => {
		const old = shown.current;
		if (!latest) return null;
		const isWanted = old?.key !== key || old.shows !== shows;
		if (isWanted || (!paused.value && !isBeingRead(list.current))) {
			shown.current = { page: latest, key, shows };
		} else {
			const fresh = new Map(latest.items.map((trace) => [trace.trace_id, trace]));
			const items = old.page.items.map((trace) => fresh.get(trace.trace_id) ?? trace);
			shown.current = { page: { ...old.page, items }, key, shows };
		}
		return shown.current.page;
	}, [latest, key, shows, paused.value]);
	const here = new Set(page?.items.map((trace) => trace.trace_id));
	const waiting = latest?.items.filter((trace) => !here.has(trace.trace_id)).length ?? 0;
	return { page, waiting, show: () => setShows(shows + 1) };
}

// What is asked for, as the address says it.
function asked() {
	const all = Object.fromEntries(route.value.query);
	const { filter = "", status = "", cursor = "", since, until } = all;
	return {
		all,
		filter,
		cursor,
		since: since ?? valueOf(filter, "since") ?? CHART,
		until,
		isLive: cursor === "",
		isOwnTime: since === undefined,
		narrowed: filter !== "" || status !== "" || since !== undefined || until !== undefined,
	};
}

type Asked = ReturnType<typeof asked>;

// The traces, and then how many events there were; both kept up to date. Counting takes dp-http much longer than
// the traces, and so is asked for when these are to be seen.
function useTraces({ all, filter, since, until, isLive }: Asked) {
	const key = JSON.stringify(all);
	const [seen, setSeen] = useState("");
	const traces = useResource(
		key,
		(signal) => get<Page<TraceSummary>>(...tracesAsked(), signal),
		(problem) => problem.about("filter") !== null,
		() => takeEarly(...tracesAsked()),
	);
	useEffect(() => setSeen(traces.key), [traces.key]);
	const stats = useResource(
		seen === key ? key : null,
		(signal) =>
			get<Stats>(
				"/api/stats",
				{ filter, since, until, buckets: BUCKETS, durations: "false" },
				signal,
			),
		() => true,
	);
	useRefresh(isLive ? { filter } : null, () => {
		traces.refresh();
		stats.refresh();
	});
	useEffect(() => {
		noteSystems([
			...(traces.data?.items.flatMap((trace) => trace.systems) ?? []),
			...(stats.data?.systems.map((each) => each.system) ?? []),
		]);
		for (const trace of traces.data?.items ?? []) noteEnvironment(trace.environment ?? "");
	}, [traces.data, stats.data]);
	return { traces, stats };
}

function pause(): void {
	paused.value = !paused.value;
}

function useTraceKeys(list: { readonly current: HTMLElement | null }, show: () => void): void {
	const toggleErrors = (): void => {
		const isOn = route.value.query.get("status") === "error";
		change({ status: isOn ? null : "error", cursor: null });
	};
	useKeys("Traces", [
		{ key: "j", does: "next trace", run: () => focusRow(list.current, 1) },
		{ key: "k", does: "previous trace", run: () => focusRow(list.current, -1) },
		{ key: "Enter", does: "open it", run: () => (document.activeElement as HTMLElement).click() },
		{ key: "p", does: "pause, go on", run: pause },
		{ key: ".", does: "show what is new", run: show },
		{ key: "e", does: "only with errors, or all", run: toggleErrors },
	]);
}

function Nothing({ narrowed }: { narrowed: boolean }) {
	const showAll = (): void =>
		change({ filter: null, status: null, since: null, until: null, cursor: null });
	return (
		<Empty title="Nothing matches">
			<p>No trace {narrowed ? "has an event for which all of this holds" : "is older"}.</p>
			<button type="button" class="button" onClick={showAll}>
				Show all traces
			</button>
		</Empty>
	);
}

export function TracesPage() {
	const list = useRef<HTMLDivElement>(null);
	const wanted = asked();
	const { traces, stats } = useTraces(wanted);
	const { page, waiting, show } = useHeld(list, traces.data, traces.key);
	const sort = wanted.all["sort"] ?? "";
	const table = useMemo(
		() => page && <TraceTable key={traces.key} traces={page.items} sort={sort} />,
		[page, sort],
	);
	const showNew = (): void => {
		show();
		scrollTo(0, 0);
	};
	useTraceKeys(list, showNew);
	useEffect(() => {
		document.title = "Traces · DevPulse";
	}, []);
	const problem = traces.problem?.about("filter") ?? null;
	const isFilled = page !== null && page.items.length > 0;
	const { filter, since, narrowed, isLive, isOwnTime } = wanted;
	return (
		<section class="traces" aria-busy={traces.loading}>
			<h1 class="visually-hidden">Traces</h1>
			<FilterBar
				value={filter}
				problem={problem}
				onChange={(text) => change({ filter: text, cursor: null })}
			/>
			<Controls live={isLive} onPause={pause} />
			{(stats.data ?? stats.loading) && (isFilled || narrowed) && (
				<section class="chart" aria-label="Events over time">
					{stats.data && <Chart stats={stats.data} ownRange={since === CHART && isOwnTime} />}
				</section>
			)}
			{waiting > 0 && (
				<button type="button" class="fresh-pill" onClick={showNew}>
					<Icon name="up" />
					{count(waiting, "new trace")}
				</button>
			)}
			<div ref={list}>{isFilled && problem === null && table}</div>
			{!page && !problem && complaint.value === "" && <Loading what="traces" />}
			{page?.items.length === 0 &&
				problem === null &&
				(narrowed || !isLive ? <Nothing narrowed={narrowed} /> : <Welcome />)}
			{page && problem === null && <Paging page={page} />}
		</section>
	);
}
