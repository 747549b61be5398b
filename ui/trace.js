// One trace: its stages on one axis of time, and its events in order.

import { Digits, get } from "/api.js";
import { arrange, badge, el } from "/dom.js";
import { clock, count, duration, micros } from "/format.js";

const PAGE = 300; // events in the document at first, and at each "more"
const NODES = 200; // children of one node of a tree

// What an event shows by itself, and so not again among its other fields.
const SHOWN = new Set(["eventId", "severity", "details", "name", "file", "line", "source", "locals", "stacktrace"]);

function scalar(value) {
	if (value instanceof Digits)
		return el("span", { class: "value number" }, value.text);
	if (typeof value === "string")
		return el("span", { class: "value string" }, value);
	return el("span", { class: `value ${value === null ? "null" : typeof value}` }, String(value));
}

function isBranch(value) {
	return value !== null && typeof value === "object" && !(value instanceof Digits);
}

function summary(value) {
	return Array.isArray(value) ? `[${count(value.length, "item")}]` : `{${count(Object.keys(value).length, "field")}}`;
}

// A value as a tree of disclosures; the children are made when it is opened.
function branch(name, value, open) {
	const children = el("ul");
	const node = el("details", { open },
		el("summary", null, el("span", { class: "key" }, name), " ", el("span", { class: "note" }, summary(value))),
		children);
	const fill = () => {
		if (node.open && children.childElementCount === 0)
			children.append(...leaves(value));
	};
	node.ontoggle = fill;
	fill();
	return node;
}

function leaves(value) {
	const entries = Object.entries(value);
	const nodes = entries.slice(0, NODES).map(([name, child]) => el("li", null,
		...(isBranch(child) ? [branch(name, child, false)]
			: [el("span", { class: "key" }, name), " ", scalar(child)])));
	if (entries.length > NODES)
		nodes.push(el("li", { class: "note" }, `and ${entries.length - NODES} more`));
	return nodes;
}

function tree(label, value) {
	return el("section", { class: "tree" }, el("h4", null, label),
		isBranch(value) ? el("ul", null, ...leaves(value)) : scalar(value));
}

function text(value) {
	return value instanceof Digits ? value.text : isBranch(value) ? JSON.stringify(value) : String(value);
}

function isGiven(value) {
	return value !== undefined && value !== null && value !== "";
}

// The name and the details, where these do not say the name again.
function message(event) {
	const { details, name, source } = event.data;
	const given = [name, details, source].filter(isGiven);
	if (given.length === 0)
		return event.event_type;
	if (!isGiven(name) || !isGiven(details) || isBranch(details))
		return text(given[0]);
	return text(details).startsWith(text(name)) ? text(details) : `${text(name)}: ${text(details)}`;
}

// What the list of traces calls a trace that begins with this event.
const NO_TEXT = "(no text)";

function title({ data: { name, details } }) {
	const found = [name, details].find((value) => typeof value === "string" && value !== "");
	return found ?? NO_TEXT;
}

// As the list has it: that of the first request, else of the first event that has one.
function titleOf(events) {
	const named = events.filter((event) => title(event) !== NO_TEXT);
	const first = named.find((event) => event.event_type === "request") ?? named[0];
	return first ? title(first) : NO_TEXT;
}

function place({ file, line }) {
	if (file === undefined)
		return null;
	const whole = line === undefined ? text(file) : `${text(file)}:${text(line)}`;
	return el("code", { class: "place", title: whole }, el("bdi", { dir: "ltr" }, whole));
}

function stack(frames) {
	const lines = Array.isArray(frames) ? frames : [frames];
	if (lines.every((line) => typeof line === "string"))
		return el("section", null, el("h4", null, "Stack"),
			el("pre", { class: "stack", tabindex: "0" }, lines.join("\n")));
	if (!lines.every((line) => isBranch(line) && isGiven(line.file)))
		return tree("Stack", frames);
	const last = lines.findLastIndex((line) => line.inApp !== false);
	return el("section", null, el("h4", null, "Stack, most recent call last"),
		el("ol", { class: "frames" }, ...lines.map((line, i) => el("li", null, frame(line, i === last)))));
}

// A frame of a stack that says more than a line: its code, with the lines around it, and its locals.
function frame(data, open) {
	const where = isGiven(data.function) ? ` in ${text(data.function)}` : "";
	const around = [data.pre, [data.code], data.post].map((lines) =>
		Array.isArray(lines) ? lines.filter(isGiven).map(text).join("\n") : "");
	const parts = [];
	if (around[1] !== "")
		parts.push(el("pre", { tabindex: "0" },
			...around.map((lines, i) => lines === "" ? null : el(i === 1 ? "mark" : "span", null, lines))));
	if (isBranch(data.locals) && Object.keys(data.locals).length > 0)
		parts.push(tree("Locals", data.locals));
	return el("details", { class: data.inApp === false ? "library" : null, open },
		el("summary", null, place(data), where), ...parts);
}

function source(code) {
	return el("section", null, el("h4", null, "Source"),
		code.includes("\n") ? el("pre", { tabindex: "0" }, code) : el("code", null, code));
}

function body(event) {
	const { data } = event;
	const rest = Object.fromEntries(Object.entries(data).filter(([name]) => !SHOWN.has(name)));
	const parts = [];
	if (data.details !== undefined && isBranch(data.details))
		parts.push(tree("Details", data.details));
	if (data.source !== undefined)
		parts.push(source(text(data.source)));
	if (data.locals !== undefined)
		parts.push(tree("Locals", data.locals));
	if (data.stacktrace !== undefined)
		parts.push(stack(data.stacktrace));
	if (Object.keys(rest).length > 0)
		parts.push(tree("Fields", rest));
	parts.push(el("p", { class: "note" }, clock(event.timestamp), " · ", el("code", null, event.event_id)));
	return el("div", { class: "body" }, ...parts);
}

// An event's element; what is inside is made when it is opened.
function eventNode(event, startUs) {
	const open = event.severity === "error";
	const node = el("details", { class: `event ${event.severity}`, open, id: `e-${event.event_id}` },
		el("summary", null,
			el("time", { class: "offset", datetime: event.timestamp, title: clock(event.timestamp) },
				`+${duration((micros(event.timestamp) - startUs) / 1000)}`),
			badge(event.severity),
			el("span", { class: "chip" }, event.system),
			el("span", { class: "type" }, event.event_type),
			el("span", { class: "message" }, message(event)),
			place(event.data)));
	const fill = () => {
		if (node.open && !node.querySelector(".body"))
			node.append(body(event));
	};
	node.ontoggle = fill;
	fill();
	return node;
}

// Places an element on the axis; through the object model, which the page's policy allows.
function put(node, fromUs, toUs, axis) {
	node.style.left = `${(100 * (fromUs - axis.from)) / axis.length}%`;
	if (toUs !== null)
		node.style.width = `${(100 * (toUs - fromUs)) / axis.length}%`;
	return node;
}

function stageRow(stage, axis, onPick) {
	const from = micros(stage.start_time);
	const marks = stage.events.slice(0, NODES).map((event) =>
		put(el("i", { class: `mark ${event.severity}` }), micros(event.timestamp), null, axis));
	const first = stage.events.find((event) => event.severity === "error") ?? stage.events[0];
	return el("li", { class: stage.status },
		el("button", { type: "button", class: "stage", onclick: () => onPick(first.event_id) },
			el("span", { class: "name", title: stage.system }, badge(stage.status, stage.system)),
			el("span", { class: "visually-hidden" }, ` ${stage.status},`),
			el("span", { class: "track", "aria-hidden": "true" },
				put(el("span", { class: "bar" }), from, micros(stage.end_time), axis), ...marks),
			el("span", { class: "facts" },
				`${duration(stage.duration_ms)} · ${count(stage.event_count, "event")}`)));
}

// Marks at round distances, at most five.
function ticks(axis) {
	const ms = axis.length / 1000;
	const raw = ms / 4;
	const power = 10 ** Math.floor(Math.log10(raw));
	const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw);
	const nodes = [];
	for (let at = 0; at <= ms * 0.97; at += step)
		nodes.push(put(el("span", null, at === 0 ? "0" : duration(at)), axis.from + at * 1000, null, axis));
	return el("div", { class: "ticks", "aria-hidden": "true" }, ...nodes);
}

function drawStages(section, timeline, onPick) {
	const from = Math.min(...timeline.stages.map((stage) => micros(stage.start_time)));
	const axis = { from, length: Math.max(timeline.total_duration_ms * 1000, 1) };
	section.replaceChildren(
		el("h2", null, "Stages"),
		...(timeline.total_duration_ms > 0 ? [ticks(axis)] : []),
		el("ol", { class: "stages" }, ...timeline.stages.map((stage) => stageRow(stage, axis, onPick))));
}

function inOrder(timeline) {
	return timeline.stages.flatMap((stage) => stage.events)
		.map((event) => ({ event, us: micros(event.timestamp) }))
		.sort((a, b) => a.us - b.us || (a.event.event_id < b.event.event_id ? -1 : 1))
		.map(({ event }) => event);
}

function factLine(timeline, events) {
	const errors = events.filter((event) => event.severity === "error").length;
	const status = timeline.has_errors ? "error"
		: timeline.stages.some((stage) => stage.status === "warning") ? "warning" : "success";
	return el("p", { class: "facts" },
		badge(status, timeline.has_errors ? count(errors, "error") : status),
		el("span", null, count(events.length, "event")),
		el("span", null, `${count(timeline.total_stages, "system")}`),
		el("span", null, duration(timeline.total_duration_ms)),
		el("time", { datetime: events[0].timestamp }, clock(events[0].timestamp)));
}

// The view at #/trace/ID.
export function traceView(main, id) {
	const nodes = new Map(); // event id: element
	const heading = el("h1");
	const facts = el("div");
	const stages = el("section", { class: "timeline", "aria-label": "Stages" });
	const list = el("div", { class: "event-list" });
	const more = el("button", { type: "button", class: "button", hidden: true });
	const copy = el("button", { type: "button", class: "button small", onclick: () => copyId() }, "Copy id");
	const view = el("article", { class: "trace" },
		el("nav", { class: "crumbs", "aria-label": "Where" }, el("a", { href: "#/" }, "Traces"), " / "),
		heading,
		el("p", { class: "id" }, el("code", null, id), " ", copy),
		facts, stages, el("h2", null, "Events"), list, more);
	const missing = el("section", { class: "empty" },
		el("h1", null, "No events of this trace yet"),
		el("p", null, el("code", null, id)),
		el("p", null, "They are shown here as soon as they arrive. ", el("a", { href: "#/" }, "Back to the traces")));
	let shown = PAGE;
	let latest = null;

	async function copyId() {
		await navigator.clipboard.writeText(id);
		copy.textContent = "Copied";
		setTimeout(() => { copy.textContent = "Copy id"; }, 1500);
	}

	function pick(eventId) {
		while (!nodes.has(eventId) && shown < latest.length)
			grow();
		const node = nodes.get(eventId);
		node.open = true;
		node.scrollIntoView({ block: "start", behavior: "smooth" });
		node.querySelector("summary").focus({ preventScroll: true });
	}

	function drawEvents() {
		const startUs = micros(latest[0].timestamp);
		arrange(list, latest.slice(0, shown).map((event) => {
			if (!nodes.has(event.event_id) || nodes.get(event.event_id).dataset.start !== String(startUs)) {
				nodes.set(event.event_id, eventNode(event, startUs));
				nodes.get(event.event_id).dataset.start = String(startUs);
			}
			return nodes.get(event.event_id);
		}));
		more.hidden = latest.length <= shown;
		more.textContent = `Show more of ${count(latest.length, "event")}`;
	}

	function grow() {
		shown += PAGE;
		drawEvents();
	}

	function draw(timeline) {
		latest = inOrder(timeline);
		heading.textContent = titleOf(latest);
		facts.replaceChildren(factLine(timeline, latest));
		drawStages(stages, timeline, pick);
		drawEvents();
		arrange(main, [view]);
	}

	more.onclick = grow;
	return {
		title: id,
		// In a filter a comma separates values, a backslash takes that meaning away.
		query: { trace: id.replace(/[\\,]/g, "\\$&") },
		close: () => {},
		refresh: async (signal) => {
			try {
				draw(await get(`/api/trace/timeline?${new URLSearchParams({ trace: id })}`, signal));
			} catch (problem) {
				if (problem.status !== 404)
					throw problem;
				arrange(main, [missing]);
			}
		},
	};
}
