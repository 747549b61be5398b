// The steps of a trace: waterfall, minimap, search, and the panel of the chosen event.

import { useMemo, useRef, useState } from "preact/hooks";
import { asSent } from "./api";
import { bySystem, criticalPath, type Segment } from "./critical";
import { EventPanel } from "./eventpanel";
import { count, duration } from "./format";
import { write } from "./json";
import { useKeys } from "./keys";
import { Minimap } from "./minimap";
import { grouped, type Model, type Row, unfolded } from "./model";
import { Icon, System } from "./parts";
import { change, route } from "./route";
import { Waterfall, type Zoom } from "./waterfall";

const FOLD_ABOVE = 2000; // rows: at first only what leads to errors is open

// The row that is shown before one was chosen: the first error, else the first event.
function firstRow(model: Model): number {
	const error = model.rows.findIndex(
		(row) => row.kind === "event" && row.event.severity === "error",
	);
	return error >= 0 ? error : model.rows.findIndex((row) => row.kind === "event");
}

function ancestors(model: Model, row: number): number[] {
	const found: number[] = [];
	for (let at = model.rows[row]?.parent ?? -1; at >= 0; at = model.rows[at]!.parent) found.push(at);
	return found;
}

function search(model: Model, text: string, cache: Map<string, string>): number[] {
	const wanted = text.toLowerCase();
	if (wanted === "") return [];
	return model.rows.flatMap((row, i) => {
		if (row.kind === "stage") return [];
		let whole = cache.get(row.event.event_id);
		if (whole === undefined)
			cache.set(row.event.event_id, (whole = write(asSent(row.event)).toLowerCase()));
		return whole.includes(wanted) ? [i] : [];
	});
}

function Waited({ model, segments }: { model: Model; segments: Segment[] }) {
	const sums = bySystem(model, segments);
	return (
		<p class="waited">
			<span>What it waited for:</span>
			{sums.slice(0, 6).map(([system, us]) => (
				<span key={system}>
					{system === "" ? <i>nothing ran</i> : <System name={system} />} {duration(us / 1000)}{" "}
					<span class="note">({Math.round((100 * us) / model.length)} %)</span>
				</span>
			))}
		</p>
	);
}

export function Steps({ model }: { model: Model }) {
	const { query } = route.value;
	const [fold, setFold] = useState<ReadonlySet<number> | null>(null);
	const [zoom, setZoom] = useState<Zoom | null>(null);
	const [critical, setCritical] = useState(false);
	const [stage, setStage] = useState<Row | null>(null); // where the chosen row is no event
	const panel = useRef<HTMLDivElement>(null);
	const texts = useMemo(() => new Map<string, string>(), [model]);
	const wanted = query.get("q") ?? "";
	const found = useMemo(() => search(model, wanted, texts), [model, wanted]);
	const path = useMemo(() => (critical ? criticalPath(model) : []), [model, critical]);
	const byRow = useMemo(() => grouped(path, (segment) => segment.row), [path]);
	const folded = useMemo(() => fold ?? initialFold(model), [fold, model]);
	const shown = useMemo(() => unfolded(model.rows, folded), [model, folded]);
	const onStage = stage ? model.rows.indexOf(stage) : -1;
	const chosen =
		onStage >= 0 ? onStage : (model.rowOf.get(query.get("event") ?? "") ?? firstRow(model));
	const whole: Zoom = [0, model.length];
	const at = zoom ?? whole;

	const choose = (row: number): void => {
		const hidden = ancestors(model, row).filter((each) => folded.has(each));
		if (hidden.length > 0) setFold(new Set([...folded].filter((each) => !hidden.includes(each))));
		setStage(model.rows[row]!.kind === "stage" ? model.rows[row]! : null);
		change({ event: model.rows[row]!.event.event_id }, true);
	};
	const onFold = (row: number, isFolded: boolean): void => {
		const next = new Set(folded);
		if (isFolded) next.add(row);
		else next.delete(row);
		setFold(next);
	};
	// The next of some rows, around the end.
	const step = (rows: number[], by: 1 | -1): void => {
		const next =
			by > 0
				? (rows.find((row) => row > chosen) ?? rows[0])
				: (rows.findLast((row) => row < chosen) ?? rows.at(-1));
		if (next !== undefined) choose(next);
	};
	const errors = useMemo(
		() =>
			model.rows.flatMap((row, i) =>
				row.kind === "event" && row.event.severity === "error" ? [i] : [],
			),
		[model],
	);
	const scale = (by: number): void => {
		const row = model.rows[chosen];
		const middle = row ? (row.start + row.end) / 2 : (at[0] + at[1]) / 2;
		const length = (at[1] - at[0]) * by;
		const from = Math.min(Math.max(0, middle - length / 2), Math.max(0, model.length - length));
		setZoom(length >= model.length || length < 1 ? null : [from, from + length]);
	};
	const next = (by: number): void => {
		const to = shown[shown.indexOf(chosen) + by];
		if (to !== undefined) choose(to);
	};
	useKeys("Trace", [
		{ key: "n", does: "next error", run: () => step(errors, 1) },
		{ key: "p", does: "previous error", run: () => step(errors, -1) },
		{ key: "j", does: "next step", run: () => next(1) },
		{ key: "k", does: "previous step", run: () => next(-1) },
		{ key: "c", does: "critical path", run: () => setCritical(!critical) },
		{ key: "+", does: "closer", run: () => scale(0.5) },
		{ key: "-", does: "farther", run: () => scale(2) },
		{ key: "0", does: "the whole", run: () => setZoom(null) },
	]);
	const place = found.indexOf(chosen);
	const event = model.rows[chosen]?.event;
	return (
		<div class="steps">
			<div class="left">
				<div class="controls">
					<label class="search">
						<span class="visually-hidden">Search in the trace</span>
						<input
							data-search
							type="search"
							value={wanted}
							placeholder="Search in the trace"
							spellcheck={false}
							onInput={(e) => change({ q: e.currentTarget.value }, true)}
							onKeyDown={(e) => {
								if (e.key === "Enter") step(found, e.shiftKey ? -1 : 1);
								else if (e.key === "Escape") e.currentTarget.blur();
							}}
						/>
					</label>
					{wanted !== "" && (
						<span class="note" role="status">
							{place >= 0 ? `${place + 1} of ` : ""}
							{found.length} found
						</span>
					)}
					{errors.length > 0 && (
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
					)}
					<button
						type="button"
						class="button small"
						aria-pressed={critical}
						onClick={() => setCritical(!critical)}
					>
						Critical path
					</button>
					{model.canNest && (
						<button
							type="button"
							class="button small"
							aria-pressed={query.get("view") === "stage"}
							onClick={() => {
								setFold(null);
								change({ view: query.get("view") === "stage" ? null : "stage" }, true);
							}}
						>
							By system
						</button>
					)}
					{zoom && (
						<button type="button" class="button small" onClick={() => setZoom(null)}>
							Whole time
						</button>
					)}
				</div>
				{critical && <Waited model={model} segments={path} />}
				{model.rows.length > 8 && model.length > 1 && (
					<Minimap model={model} zoom={at} onZoom={setZoom} />
				)}
				<Waterfall
					model={model}
					shown={shown}
					folded={folded}
					chosen={chosen}
					zoom={at}
					found={new Set(found)}
					segments={byRow}
					onChoose={choose}
					onFold={onFold}
					onOpen={() => panel.current?.focus()}
				/>
			</div>
			<div class="right" ref={panel} tabIndex={-1}>
				{event && <EventPanel key={event.event_id} event={event} />}
			</div>
		</div>
	);
}

// A large trace is folded but for what leads to errors.
function initialFold(model: Model): ReadonlySet<number> {
	if (model.rows.length < FOLD_ABOVE) return new Set();
	return new Set(
		model.rows.flatMap((row, i) =>
			row.depth >= 1 && row.next > i + 1 && row.errors === 0 ? [i] : [],
		),
	);
}
