// The stream of events, as dp-tail shows it. Bounded; sticks to its end only while the reader is there.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type DpEvent, fromStored } from "../api";
import { PauseButton } from "../controls";
import { FilterBar } from "../filterbar";
import { useFollow } from "../following";
import { clock, count, duration } from "../format";
import { useInView } from "../inview";
import { isGiven, type JsonObject, parse } from "../json";
import { useKeys } from "../keys";
import { message, place } from "../message";
import { Icon, System } from "../parts";
import { change, link, route } from "../route";
import { noteEvents } from "../seen";

const ROW = 26; // px; style/live.css has it too
const KEPT = 5000; // events in memory
const MORE = 1000; // at most, until the oldest are let go, as then every row gets another place
const FIRST = "100"; // of the newest events, to begin with
const QUIET = 5; // events a second; above, a screen reader is not told each
const SETTLE_MS = 16; // what arrives within is shown by one change
const SETTLE_FAST_MS = 50; // when many come, and none of them could be read sooner

// Whether more come in a second than one would listen to. `note` is called for each.
function useRate(): { isFast: boolean; note: () => void } {
	const rate = useRef({ second: 0, n: 0, isFast: false });
	const note = (): void => {
		const second = Math.floor(Date.now() / 1000);
		if (rate.current.second !== second)
			rate.current = { second, n: 0, isFast: rate.current.n > QUIET };
		rate.current.n++;
	};
	return { isFast: rate.current.isFast, note };
}

// The newest events that match; `held`: how many more there are while it is paused.
function useEvents(filter: string, isPaused: boolean) {
	const arrived = useRef<DpEvent[]>([]);
	const isStale = useRef(false); // what is shown goes as soon as other events may come in its place
	const timer = useRef(0);
	const { isFast, note } = useRate();
	const [events, setEvents] = useState<DpEvent[]>([]);
	const [held, setHeld] = useState(0);
	const [problem, setProblem] = useState<string | null>(null);

	const flush = (): void => {
		timer.current = 0;
		const batch = arrived.current.slice(-KEPT);
		arrived.current = isPaused ? batch : [];
		setHeld(arrived.current.length);
		if (isPaused) return;
		const goes = isStale.current;
		isStale.current = false;
		noteEvents(batch);
		setEvents((old) => {
			const all = goes ? batch : [...old, ...batch];
			return all.length > KEPT + MORE ? all.slice(-KEPT) : all;
		});
	};
	const soon = (): void => {
		timer.current ||= setTimeout(flush, isFast ? SETTLE_FAST_MS : SETTLE_MS);
	};
	const restart = (): void => {
		arrived.current = [];
		isStale.current = true;
		setProblem(null);
		soon();
	};
	useFollow(
		{ filter, n: FIRST },
		{
			message: (received) => {
				arrived.current.push(fromStored(parse(received.data!) as JsonObject));
				note();
				soon();
			},
			connected: () => {},
			restarted: restart,
			refused: (why) => setProblem(why.about("filter") ?? why.message),
		},
	);
	useEffect(() => {
		setEvents([]);
		restart();
	}, [filter]);
	useEffect(soon, [isPaused]);
	useEffect(() => () => clearTimeout(timer.current), []);
	return { events, held, problem, isFast, clear: () => setEvents([]) };
}

// How long it took, and where in the code.
function after({ data: { durationMs, file, line } }: DpEvent): string {
	const took = typeof durationMs === "number" ? duration(durationMs) : null;
	return [took, place(file, line)?.slice(-60)].filter(isGiven).join(" · ");
}

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
			<span class="after">{after(event)}</span>
		</a>
	);
}

// Where the reader is in the log: who is at its end stays there.
function usePlace(events: DpEvent[]) {
	const box = useRef<HTMLDivElement>(null);
	const isAtEnd = useRef(true);
	const view = useInView(box, events.length, ROW, isAtEnd);
	const onScroll = (): void => {
		if (!box.current) return; // it scrolled as it went away
		const { scrollTop, clientHeight, scrollHeight } = box.current;
		isAtEnd.current = scrollTop + clientHeight > scrollHeight - ROW;
		view.look();
	};
	const toEnd = (): void => {
		isAtEnd.current = true;
		box.current!.scrollTop = events.length * ROW;
		view.look();
	};
	// At the end the rows that are then in sight are there already.
	useLayoutEffect(() => {
		if (isAtEnd.current) toEnd();
		else onScroll(); // there may be less to scroll now
	}, [events]);
	return { box, view, isAway: !isAtEnd.current && events.length > view.last, onScroll, toEnd };
}

function Log({
	events,
	place: { box, view, onScroll },
	isFast,
	children,
}: {
	events: DpEvent[];
	place: ReturnType<typeof usePlace>;
	isFast: boolean;
	children: ComponentChildren; // where there are no events
}) {
	// When many come, a line that goes out of sight becomes one that comes; nobody is told of each then.
	const pool = view.last - view.first;
	return (
		<div
			ref={box}
			class="log card"
			role="log"
			aria-label="Events"
			aria-live={isFast ? "off" : "polite"}
			tabIndex={0}
			onScroll={onScroll}
		>
			{events.length === 0 && children}
			<div style={{ height: `${events.length * ROW}px` }}>
				{events.slice(view.first, view.last).map((event, i) => (
					<Line
						key={isFast ? (view.first + i) % pool : event.event_id + event.trace_id}
						event={event}
						at={view.first + i}
					/>
				))}
			</div>
		</div>
	);
}

export function LivePage() {
	const filter = route.value.query.get("filter") ?? "";
	const [isPaused, setPaused] = useState(false);
	const { events, held, problem, isFast, clear } = useEvents(filter, isPaused);
	const place = usePlace(events);
	const pause = (): void => setPaused(!isPaused);
	const toEnd = (): void => {
		setPaused(false);
		place.toEnd();
	};
	useEffect(() => {
		document.title = "Live · DevPulse";
	}, []);
	useKeys("Live", [
		{ key: "p", does: "pause, go on", run: pause },
		{ key: "G", shown: "Shift G", does: "to the end", run: toEnd },
		{ key: "x", does: "clear", run: clear },
	]);
	return (
		<section class="live">
			<h1 class="visually-hidden">Live events</h1>
			<FilterBar value={filter} problem={problem} onChange={(text) => change({ filter: text })} />
			<div class="controls">
				<PauseButton paused={isPaused} onPause={pause} />
				<button type="button" class="button small" onClick={clear}>
					Clear
				</button>
				<span class="note">
					{count(events.length, "event")}
					{events.length >= KEPT && ", older ones are gone from here"}
					{held > 0 && ` · ${count(held, "new one")} held`}
				</span>
			</div>
			<Log events={events} place={place} isFast={isFast}>
				{problem === null && (
					<p class="note waiting">Waiting for events{filter && " that match"}…</p>
				)}
			</Log>
			{(place.isAway || held > 0) && (
				<button type="button" class="fresh-pill" onClick={toEnd}>
					<Icon name="down" />
					{held > 0 ? count(held, "new event") : "To the end"}
				</button>
			)}
		</section>
	);
}
