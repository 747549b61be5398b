// The values that travelled through the trace, each with its way from system to system.

import { useMemo } from "preact/hooks";
import type { DpEvent } from "./api";
import { SearchField } from "./controls";
import { type Sighting, type Track, tracksOf } from "./flowvalue";
import { count } from "./format";
import { useKeys } from "./keys";
import { Badge, Empty, Icon, System } from "./parts";
import { change, link, route } from "./route";

const SHOWN = 60; // tracks
const STEPS = 40; // of a track

// What is said of a value beside it, where there is something to be said.
function says({ kind, type }: Sighting): string | null {
	if (kind === "retyped") return `now a ${type}`;
	return kind === "changed" || kind === "mentioned" ? kind : null;
}

function Step({ sighting, system }: { sighting: Sighting; system: boolean }) {
	const { event, kind, path, text, times } = sighting;
	const href = link(["trace", event.trace_id], { event: event.event_id });
	const marked = kind === "changed" || kind === "retyped";
	const said = says(sighting);
	return (
		<li class={`sighting ${kind}`}>
			{system && <System name={event.system} />}
			<a
				href={href}
				title={`${path || "in the message"} · ${event.event_type} · ${text.slice(0, 500)}`}
			>
				{marked && <Icon name="changed" />}
				<code>
					{text === "" ? '""' : text.slice(0, 60)}
					{text.length > 60 && "…"}
				</code>
				{said !== null && <span class="says">{said}</span>}
				{times > 1 && <span class="says">×{times}</span>}
			</a>
		</li>
	);
}

function Way({ track }: { track: Track }) {
	const { name, sightings, systems, changes, retypes, also } = track;
	const [status, says] =
		changes > 0
			? ["warning", `changed ${changes === 1 ? "once" : `${changes} times`}`]
			: retypes > 0
				? ["info", "same value, other type"]
				: ["success", "unchanged"];
	return (
		<li class="track-value">
			<div class="what">
				<h2>
					<code>{name}</code>
				</h2>
				<Badge status={status} label={says} />
				<span class="note">
					{count(systems.length, "system")}
					{also.length > 0 && <> · same value as {also.slice(0, 4).join(", ")}</>}
				</span>
			</div>
			<ol>
				{sightings.slice(0, STEPS).map((sighting, i) => (
					<Step
						key={i}
						sighting={sighting}
						system={i === 0 || sightings[i - 1]!.event.system !== sighting.event.system}
					/>
				))}
				{sightings.length > STEPS && (
					<li class="note">and {count(sightings.length - STEPS, "more", "more")}</li>
				)}
			</ol>
		</li>
	);
}

function Nothing() {
	return (
		<Empty title="No value was seen twice">
			<p>
				Values are followed by their names, as <code>order_id</code>: through the locals of events,
				their attributes, and the frames of stacks. Send <code>locals</code>, or wrap the code in{" "}
				<code>devpulse.span("…", order_id=17)</code>.
			</p>
		</Empty>
	);
}

export function ValueTable({ events }: { events: DpEvent[] }) {
	const { query } = route.value;
	const wanted = (query.get("q") ?? "").toLowerCase();
	const onlyChanged = query.get("only") === "changed";
	const tracks = useMemo(() => tracksOf(events), [events]);
	const shown = tracks.filter(
		(track) =>
			(!onlyChanged || track.changes > 0) &&
			(wanted === "" ||
				track.name.includes(wanted) ||
				track.sightings.some((each) => each.text.toLowerCase().includes(wanted))),
	);
	const toggle = (): void => change({ only: onlyChanged ? null : "changed" }, true);
	useKeys("Data flow", [{ key: "c", does: "only what changed, or all", run: toggle }]);
	if (tracks.length === 0) return <Nothing />;
	return (
		<section class="values" aria-label="Data flow">
			<div class="controls">
				<SearchField
					label="Name or value"
					value={query.get("q") ?? ""}
					onInput={(text) => change({ q: text }, true)}
				/>
				<button type="button" class="button small" aria-pressed={onlyChanged} onClick={toggle}>
					<Icon name="changed" />
					Only what changed
				</button>
				<span class="note" role="status">
					{shown.length === tracks.length
						? count(tracks.length, "value")
						: `${shown.length} of ${count(tracks.length, "value")}`}
				</span>
			</div>
			<ul class="ways">
				{shown.slice(0, SHOWN).map((track) => (
					<Way key={track.name} track={track} />
				))}
			</ul>
			{shown.length > SHOWN && <p class="note">The first {SHOWN} are shown; search for others.</p>}
		</section>
	);
}
