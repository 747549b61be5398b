// The steps of a trace: waterfall, minimap, search, and the panel of the chosen event.

import { useMemo, useRef, useState } from "preact/hooks";
import { SearchField } from "./controls";
import { bySystem, criticalPath, type Segment } from "./critical";
import { EventPanel } from "./eventpanel";
import { count, duration } from "./format";
import { useKeys } from "./keys";
import { Minimap } from "./minimap";
import { grouped, type Model, type Zoom } from "./model";
import { Icon, System } from "./parts";
import { change, route } from "./route";
import { errorRows, scaled, type Step, useChosen, useFolding, useSearch } from "./stepstate";
import { Waterfall } from "./waterfall";

const SYSTEMS = 6; // that are named as waited for

function Waited({ model, segments }: { model: Model; segments: Segment[] }) {
	const sums = bySystem(model, segments);
	return (
		<p class="waited">
			<span>What it waited for:</span>
			{sums.slice(0, SYSTEMS).map(([system, us]) => (
				<span key={system}>
					{system === "" ? <i>nothing ran</i> : <System name={system} />} {duration(us / 1000)}{" "}
					<span class="note">({Math.round((100 * us) / model.length)} %)</span>
				</span>
			))}
		</p>
	);
}

function Search({ found, chosen, step }: { found: number[]; chosen: number; step: Step }) {
	const wanted = route.value.query.get("q") ?? "";
	const place = found.indexOf(chosen);
	return (
		<>
			<SearchField
				label="Search in the trace"
				value={wanted}
				onInput={(text) => change({ q: text }, true)}
				onEnter={(backwards) => step(found, backwards ? -1 : 1)}
			/>
			{wanted !== "" && (
				<span class="note" role="status">
					{place >= 0 ? `${place + 1} of ` : ""}
					{found.length} found
				</span>
			)}
		</>
	);
}

function ErrorButtons({ errors, step }: { errors: number[]; step: Step }) {
	return (
		<span class="segments">
			<button
				type="button"
				title="Previous error (p)"
				aria-label="Previous error"
				onClick={() => step(errors, -1)}
			>
				<Icon name="up" />
			</button>
			<button
				type="button"
				title="Next error (n)"
				aria-label={`Next of ${count(errors.length, "error")}`}
				onClick={() => step(errors, 1)}
			>
				<Icon name="down" />
				<Icon name="error" />
				{errors.length}
			</button>
		</span>
	);
}

function Toggle({ name, on, onToggle }: { name: string; on: boolean; onToggle: () => void }) {
	return (
		<button type="button" class="button small" aria-pressed={on} onClick={onToggle}>
			{name}
		</button>
	);
}

function Whole({ onChoose }: { onChoose: () => void }) {
	return (
		<button type="button" class="button small" onClick={onChoose}>
			Whole time
		</button>
	);
}

function ByStage({ onChange }: { onChange: () => void }) {
	const on = route.value.query.get("view") === "stage";
	const toggle = (): void => {
		onChange();
		change({ view: on ? null : "stage" }, true);
	};
	return <Toggle name="By system" on={on} onToggle={toggle} />;
}

function useCritical(model: Model) {
	const [on, setOn] = useState(false);
	const path = useMemo(() => (on ? criticalPath(model) : []), [model, on]);
	const segments = useMemo(() => grouped(path, (segment) => segment.row), [path]);
	return { on, path, segments, toggle: () => setOn(!on) };
}

export function Steps({ model }: { model: Model }) {
	const folding = useFolding(model);
	const box = useRef<HTMLDivElement>(null);
	const { chosen, choose, step, move, asked } = useChosen(model, folding, box);
	const found = useSearch(model, route.value.query.get("q") ?? "");
	const marked = useMemo(() => new Set(found), [found]);
	const errors = useMemo(() => errorRows(model), [model]);
	const [zoom, setZoom] = useState<Zoom | null>(null);
	const critical = useCritical(model);
	const panel = useRef<HTMLDivElement>(null);
	const at = zoom ?? ([0, model.length] satisfies Zoom);
	const event = model.rows[chosen]?.event;

	const scale = (by: number): void => setZoom(scaled(model, at, model.rows[chosen], by));
	useKeys("Trace", [
		{ key: "n", does: "next error", run: () => step(errors, 1) },
		{ key: "p", does: "previous error", run: () => step(errors, -1) },
		{ key: "j", does: "next step", run: () => move(1) },
		{ key: "k", does: "previous step", run: () => move(-1) },
		{ key: "c", does: "critical path", run: critical.toggle },
		{ key: "+", does: "closer", run: () => scale(0.5) },
		{ key: "-", does: "farther", run: () => scale(2) },
		{ key: "0", does: "the whole", run: () => setZoom(null) },
		{ key: "ArrowLeft", shown: "←", does: "in the steps: fold, to what is above" },
		{ key: "ArrowRight", shown: "→", does: "in the steps: unfold, to what is below" },
		{ key: "Enter", does: "in the steps: to the event beside them" },
	]);
	return (
		<div class="steps" ref={box}>
			<div class="left">
				<div class="controls">
					<Search found={found} chosen={chosen} step={step} />
					{errors.length > 0 && <ErrorButtons errors={errors} step={step} />}
					<Toggle name="Critical path" on={critical.on} onToggle={critical.toggle} />
					{model.canNest && <ByStage onChange={folding.reset} />}
					{zoom && <Whole onChoose={() => setZoom(null)} />}
				</div>
				{critical.on && <Waited model={model} segments={critical.path} />}
				{model.rows.length > 8 && model.length > 1 && (
					<Minimap model={model} zoom={at} onZoom={setZoom} />
				)}
				<Waterfall
					model={model}
					folding={folding}
					chosen={chosen}
					asked={asked}
					zoom={at}
					found={marked}
					segments={critical.segments}
					onChoose={choose}
					onOpen={() => panel.current?.focus()}
				/>
			</div>
			<div class="right" ref={panel} tabIndex={-1}>
				{event && <EventPanel key={event.event_id} event={event} />}
			</div>
		</div>
	);
}
