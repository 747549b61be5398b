// One trace: its steps on one axis of time, the chosen event beside them, and the values that travelled.

import { useEffect, useMemo } from "preact/hooks";
import {
	type DpEvent,
	get,
	type Page,
	Problem,
	TOO_LARGE,
	takeEarly,
	type TraceSummary,
} from "../api";
import { traceAsked } from "../early";
import { Export } from "../export";
import { useRefresh } from "../following";
import { count, duration } from "../format";
import { titleOf } from "../message";
import { modelOf } from "../model";
import { Badge, CopyButton, Empty, Time, Waiting } from "../parts";
import { useResource } from "../resource";
import { go, link, route } from "../route";
import { noteEvents } from "../seen";
import { complaint, failed } from "../state";
import { ValueTable } from "../valuetable";
import { Steps } from "../steps";

interface Trace {
	trace_id: string;
	events: DpEvent[];
}

const TABS = [
	["", "Steps"],
	["flow", "Data flow"],
] as const;

// In a list of values a comma separates, a backslash takes that meaning away.
function oneValue(id: string): string {
	return id.replace(/[\\,]/g, "\\$&");
}

function Facts({ events, lengthUs }: { events: DpEvent[]; lengthUs: number }) {
	const errors = events.filter((event) => event.severity === "error").length;
	const warnings = events.some((event) => event.severity === "warning");
	const systems = new Set(events.map((event) => event.system)).size;
	return (
		<p class="facts">
			{errors > 0 ? (
				<Badge status="error" label={count(errors, "error")} />
			) : (
				<Badge status={warnings ? "warning" : "success"} />
			)}
			<span>{count(events.length, "event")}</span>
			<span>{count(systems, "system")}</span>
			<span>{duration(lengthUs <= 1 ? 0 : lengthUs / 1000)}</span>
			<Time at={events[0]!.timestamp} as="clock" />
		</p>
	);
}

// Opens the comparison with the last trace of the same title that went well.
async function compareWithGood(id: string, title: string): Promise<void> {
	try {
		const page = await get<Page<TraceSummary>>(
			"/api/traces",
			{ title, status: "success", limit: 2 },
			AbortSignal.timeout(10e3),
		);
		const good = page.items.find((trace) => trace.trace_id !== id);
		if (good) go(link(["compare"], { a: good.trace_id, b: id }));
		else complaint.value = `No other trace “${title}” that went well is there to compare with.`;
	} catch (error) {
		failed(error);
	}
}

function Missing({ id, wasThere }: { id: string; wasThere: boolean }) {
	return wasThere ? (
		<Empty whole title="This trace was removed">
			<p>
				<code>{id}</code> was here until a moment ago: retention (DEVPULSE_RETAIN) has removed it.
			</p>
			<a class="button" href="#/">
				All traces
			</a>
		</Empty>
	) : (
		<Empty whole title="No events of this trace">
			<p>
				<code>{id}</code>
			</p>
			<p>
				Either none has arrived yet, then they are shown here as soon as they do; or retention
				(DEVPULSE_RETAIN) has removed them.
			</p>
			<a class="button" href="#/">
				All traces
			</a>
		</Empty>
	);
}

function TooLarge({ id, problem }: { id: string; problem: Problem }) {
	return (
		<Empty whole title="This trace is too large to be shown at once">
			<p>{problem.message}</p>
			<p>
				<a
					class="button"
					href={link(["live"], { filter: `trace=${JSON.stringify(id)} severity>=warning` })}
				>
					Its errors and warnings
				</a>{" "}
				<Export id={id}>All of it as NDJSON</Export>
			</p>
		</Empty>
	);
}

function Tabs({ id, chosen }: { id: string; chosen: string }) {
	const rest = Object.fromEntries(route.value.query);
	return (
		<nav class="tabs" aria-label="Views of the trace">
			{TABS.map(([tab, name]) => (
				<a
					key={tab}
					href={link(["trace", id], { ...rest, tab })}
					aria-current={tab === chosen ? "page" : undefined}
				>
					{name}
				</a>
			))}
		</nav>
	);
}

export function TracePage({ id }: { id: string }) {
	const { query } = route.value;
	const tab = query.get("tab") ?? "";
	const trace = useResource(
		id,
		(signal) => get<Trace>(...traceAsked(id), signal),
		(problem) => problem.status === 404 || problem.status === TOO_LARGE,
		() => takeEarly(...traceAsked(id)),
	);
	const isTooLarge = trace.problem?.status === TOO_LARGE;
	useRefresh(isTooLarge ? null : { trace: oneValue(id) }, trace.refresh);
	const events = trace.data?.events ?? null;
	const title = useMemo(() => (events ? titleOf(events) : id), [events]);
	const wasThere = useMemo(() => ({ yes: false }), [id]);
	wasThere.yes ||= events !== null;
	const model = useMemo(
		() => (events ? modelOf(events, query.get("view") !== "stage") : null),
		[events, query.get("view")],
	);
	useEffect(() => {
		document.title = `${title} · DevPulse`;
		noteEvents(events ?? []);
	}, [events]);

	if (trace.problem && isTooLarge) return <TooLarge id={id} problem={trace.problem} />;
	if (trace.problem?.status === 404) return <Missing id={id} wasThere={wasThere.yes} />;
	if (!events || !model) return <Waiting title="Trace" what="the trace" />;
	return (
		<article class="trace">
			<nav class="crumbs" aria-label="Where">
				<a href="#/">Traces</a> / <code>{id}</code> <CopyButton text={() => id}>Copy id</CopyButton>
			</nav>
			<div class="head">
				<div>
					<h1>{title}</h1>
					<Facts events={events} lengthUs={model.length} />
				</div>
				<div class="actions">
					<button type="button" class="button" onClick={() => void compareWithGood(id, title)}>
						Compare with a good one
					</button>
					<Export id={id}>Export</Export>
				</div>
			</div>
			<Tabs id={id} chosen={tab} />
			{tab === "flow" ? <ValueTable events={events} /> : <Steps model={model} />}
		</article>
	);
}
