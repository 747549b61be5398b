// The stream of events, as dp-tail shows it. Bounded; sticks to its end only while the reader is there.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type DpEvent, fromStored } from "../api";
import { FilterBar } from "../filterbar";
import { clock, count } from "../format";
import { parse, type JsonObject } from "../json";
import { useKeys } from "../keys";
import { message } from "../message";
import { Icon, System } from "../parts";
import { change, link, route } from "../route";
import { noteEvents } from "../seen";
import { useFollow } from "../state";

const ROW = 26; // px; style/live.css has it too
const KEPT = 5000; // events in memory
const OVERSCAN = 10;
const FIRST = "100"; // of the newest events, to begin with
const QUIET = 5; // events a second; above, a screen reader is not told each

function Line({ event, at }: { event: DpEvent; at: number }) {
	return (
		<a
			class={`line ${event.severity}`}
			href={link(["trace", event.trace_id], { event: event.event_id })}
			style={{ transform: `translateY(${at * ROW}px)` }}
		>
			<time dateTime={event.timestamp} title={event.timestamp}>
				{clock(event.timestamp).slice(11)}
			</time>
			<span class="severity">
				<Icon name={event.severity} />
				{event.severity}
			</span>
			<System name={event.system} />
			<span class="type">{event.event_type}</span>
			<span class="message">{message(event).slice(0, 400)}</span>
		</a>
	);
}

export function LivePage() {
	const { query } = route.value;
	const filter = query.get("filter") ?? "";
	const box = useRef<HTMLDivElement>(null);
	const arrived = useRef<DpEvent[]>([]);
	const frame = useRef(0);
	const stuck = useRef(true);
	const [events, setEvents] = useState<DpEvent[]>([]);
	const [isPaused, setPaused] = useState(false);
	const [held, setHeld] = useState(0);
	const [view, setView] = useState({ top: 0, height: 600 });
	const rate = useRef({ since: 0, n: 0, fast: false });

	// All that came within a frame is shown by one change.
	const flush = (): void => {
		frame.current = 0;
		const batch = arrived.current;
		if (isPaused) {
			arrived.current = batch.slice(-KEPT);
			setHeld(arrived.current.length);
			return;
		}
		arrived.current = [];
		noteEvents(batch);
		setHeld(0);
		setEvents((old) => [...old, ...batch].slice(-KEPT));
	};
	const soon = (): void => {
		frame.current ||= requestAnimationFrame(flush);
	};
	useFollow(
		{ filter, n: FIRST },
		(received) => {
			arrived.current.push(fromStored(parse(received.data!) as JsonObject));
			const second = Math.floor(Date.now() / 1000);
			if (rate.current.since !== second)
				rate.current = { since: second, n: 0, fast: rate.current.n > QUIET };
			rate.current.n++;
			soon();
		},
		() => {},
	);
	useEffect(() => {
		document.title = "Live · DevPulse";
		return () => cancelAnimationFrame(frame.current);
	}, []);
	useEffect(() => {
		arrived.current = [];
		setEvents([]);
	}, [filter]);
	useEffect(() => soon(), [isPaused]);

	const look = (): void => {
		if (!box.current) return; // it scrolled as it went away
		const { scrollTop, clientHeight, scrollHeight } = box.current;
		stuck.current = scrollTop + clientHeight > scrollHeight - ROW;
		setView((old) => {
			const top = Math.floor(scrollTop / ROW);
			return old.top === top && old.height === clientHeight ? old : { top, height: clientHeight };
		});
	};
	useLayoutEffect(() => {
		if (stuck.current) box.current!.scrollTop = box.current!.scrollHeight;
		look();
	}, [events]);
	const toEnd = (): void => {
		setPaused(false);
		stuck.current = true;
		box.current!.scrollTop = box.current!.scrollHeight;
	};
	useKeys("Live", [
		{ key: "p", does: "pause, go on", run: () => setPaused(!isPaused) },
		{ key: "G", shown: "Shift G", does: "to the end", run: toEnd },
		{ key: "x", does: "clear", run: () => setEvents([]) },
	]);
	const first = Math.max(0, view.top - OVERSCAN);
	const last = Math.min(events.length, view.top + Math.ceil(view.height / ROW) + OVERSCAN);
	const away = !stuck.current && events.length > last;
	return (
		<section class="live">
			<h1 class="visually-hidden">Live events</h1>
			<FilterBar value={filter} problem={null} onChange={(text) => change({ filter: text })} />
			<div class="controls">
				<button
					type="button"
					class="button small"
					aria-pressed={isPaused}
					onClick={() => setPaused(!isPaused)}
				>
					<Icon name={isPaused ? "play" : "pause"} />
					{isPaused ? "Go on" : "Pause"}
				</button>
				<button type="button" class="button small" onClick={() => setEvents([])}>
					Clear
				</button>
				<span class="note">
					{count(events.length, "event")}
					{events.length === KEPT && ", older ones are gone from here"}
					{held > 0 && ` · ${count(held, "new one")} held`}
				</span>
			</div>
			<div
				ref={box}
				class="log card"
				role="log"
				aria-label="Events"
				aria-live={rate.current.fast ? "off" : "polite"}
				tabIndex={0}
				onScroll={look}
			>
				{events.length === 0 && (
					<p class="note waiting">Waiting for events{filter && " that match"}…</p>
				)}
				<div style={{ height: `${events.length * ROW}px` }}>
					{events.slice(first, last).map((event, i) => (
						<Line key={event.event_id + event.trace_id} event={event} at={first + i} />
					))}
				</div>
			</div>
			{(away || held > 0) && (
				<button type="button" class="fresh-pill" onClick={toEnd}>
					<Icon name="down" />
					{held > 0 ? count(held, "new event") : "To the end"}
				</button>
			)}
		</section>
	);
}
