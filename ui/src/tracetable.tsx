// Traces as rows; on a narrow screen as cards.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { TraceSummary } from "./api";
import { leave, useComeback } from "./comeback";
import { count, duration } from "./format";
import { Badge, Systems, Time } from "./parts";
import { link } from "./route";

// The unit is to be seen where the heading of the column is not.
function Counted({ n, unit }: { n: number; unit: string }) {
	return (
		<>
			{String(n)}
			<span class="unit">{n === 1 ? ` ${unit}` : ` ${unit}s`}</span>
		</>
	);
}

function Row({ trace, longest }: { trace: TraceSummary; longest: number }) {
	const share = 100 * Math.sqrt(trace.duration_ms / longest);
	return (
		<tr role="row" class={trace.status}>
			<td role="cell" class="status">
				<Badge status={trace.status} />
			</td>
			<td role="cell" class="title">
				<a data-row href={link(["trace", trace.trace_id])}>
					{trace.title || "(no text)"}
				</a>
				{trace.last_error ? (
					<span class="last-error">{trace.last_error}</span>
				) : (
					<code class="id">{trace.trace_id}</code>
				)}
			</td>
			<td role="cell" class="stages">
				<Systems names={trace.systems} />
			</td>
			<td role="cell" class="events number">
				<Counted n={trace.event_count} unit="event" />
			</td>
			<td role="cell" class={`errors number${trace.error_count ? "" : " none"}`}>
				<Counted n={trace.error_count} unit="error" />
			</td>
			<td role="cell" class="duration number">
				{duration(trace.duration_ms)}
				<span class="share" style={{ backgroundSize: `${share}%` }} aria-hidden="true" />
			</td>
			<td role="cell" class="age number">
				<Time at={trace.end_time} />
			</td>
		</tr>
	);
}

const FIRST = 12; // rows: about as many as a window has; list.css knows them, too
const LATER_MS = 50;

// Rows are known by their place: under much traffic all of them are other ones at once, and only their texts
// are changed. Who reads in the list has it held (pages/traces.tsx).
function rowsOf(traces: TraceSummary[], from: number, until: number) {
	const longest = Math.max(1, ...traces.map((trace) => trace.duration_ms));
	return traces
		.slice(from, until)
		.map((trace, i) => <Row key={from + i} trace={trace} longest={longest} />);
}

// The first rows, and when these are seen the others: all of them take longer than a frame.
function useRows(traces: TraceSummary[]) {
	const [late, setLate] = useState<TraceSummary[]>([]);
	useEffect(() => {
		const timer = setTimeout(() => setLate(traces), LATER_MS);
		return () => clearTimeout(timer);
	}, [traces]);
	return {
		first: useMemo(() => rowsOf(traces, 0, FIRST), [traces]),
		others: useMemo(() => rowsOf(late, FIRST, Infinity), [late]),
		isWhole: late.length > 0,
	};
}

export function TraceTable({ traces, sort }: { traces: TraceSummary[]; sort: string }) {
	const body = useRef<HTMLTableSectionElement>(null);
	const { first, others, isWhole } = useRows(traces);
	useComeback(body, isWhole);
	const sorted = (name: string): "descending" | undefined =>
		sort === name ? "descending" : undefined;
	return (
		<table role="table" aria-label={count(traces.length, "trace")}>
			<thead role="rowgroup">
				<tr role="row">
					<th role="columnheader">Status</th>
					<th role="columnheader">Trace</th>
					<th role="columnheader">Systems</th>
					<th role="columnheader" class="number">
						Events
					</th>
					<th role="columnheader" class="number" aria-sort={sorted("errors")}>
						Errors
					</th>
					<th role="columnheader" class="number" aria-sort={sorted("duration")}>
						Duration
					</th>
					<th role="columnheader" class="number" aria-sort={sorted("")}>
						Last seen
					</th>
				</tr>
			</thead>
			<tbody role="rowgroup" ref={body} onClick={leave}>
				{first}
				{others}
			</tbody>
		</table>
	);
}
