// The newest traces.

import { get } from "/api.js";
import { arrange, badge, el } from "/dom.js";
import { age, clock, duration } from "/format.js";

const HEADINGS = ["Status", "Trace", "Systems", "Events", "Errors", "Duration", "Last seen"];

function traceLink(id) {
	return `#/trace/${encodeURIComponent(id)}`;
}

function chips(systems) {
	const shown = systems.slice(0, 4).map((name) => el("span", { class: "chip" }, name));
	if (systems.length > 4)
		shown.push(el("span", { class: "chip more", title: systems.slice(4).join(", ") }, `+${systems.length - 4}`));
	return shown.flatMap((chip) => [chip, " "]);
}

function cell(name, ...children) {
	return el("td", { role: "cell", class: name }, ...children);
}

// The unit is to be seen where the heading of the column is not.
function counted(n, unit) {
	return [String(n), el("span", { class: "unit" }, n === 1 ? ` ${unit}` : ` ${unit}s`)];
}

function row(trace) {
	return el("tr", { role: "row", class: trace.status },
		cell("status", badge(trace.status)),
		cell("title",
			el("a", { href: traceLink(trace.trace_id) }, trace.title || "(no text)"),
			el("code", { class: "id" }, trace.trace_id)),
		cell("systems", ...chips(trace.systems)),
		cell("events number", ...counted(trace.event_count, "event")),
		cell(`errors number${trace.error_count ? "" : " none"}`, ...counted(trace.error_count, "error")),
		cell("duration number", duration(trace.duration_ms)),
		cell("age number", el("time", { datetime: trace.end_time, title: clock(trace.end_time) }, age(trace.end_time))));
}

const EXAMPLE_EVENT = "{\"traceId\":\"abc123\",\"system\":\"shop\",\"severity\":\"error\",\"details\":\"first light\"}";

function sample(label, text) {
	return el("figure", null, el("figcaption", null, label), el("pre", { tabindex: "0" }, text));
}

function emptyState() {
	return el("section", { class: "empty" },
		el("h1", null, "Waiting for the first event"),
		el("p", null, "This page shows it the moment it arrives. Below, 8008 is the usual port for events: ",
			"where yours is another, take the one that ", el("code", null, "./devpulse up"), " printed."),
		sample("In a terminal, in DevPulse's folder: the traffic of a little system, errors included",
			"./devpulse demo"),
		sample("In a terminal: one event by HTTP",
			"curl http://127.0.0.1:8008/events -H 'Content-Type: application/json' \\\n" +
			`  -d '${EXAMPLE_EVENT}'`),
		sample("In a JavaScript file that Node 22 or newer runs: one event by WebSocket",
			"const event = {traceId: \"abc123\", system: \"shop\", details: \"first light\"};\n" +
			"const ws = new WebSocket(\"ws://127.0.0.1:8008/\");\n" +
			"ws.onopen = () => { ws.send(JSON.stringify(event)); ws.close(); };"));
}

// The view at #/ (live) and #/older/CURSOR. `query`: what its stream follows; null: none.
export function listView(main, cursor) {
	const rows = new Map(); // trace id: {text, node}
	const body = el("tbody", { role: "rowgroup" });
	const paging = el("nav", { class: "paging", "aria-label": "Pages" });
	const heading = el("h1", null, cursor ? "Older traces" : "Newest traces");
	const table = el("table", { role: "table", "aria-label": heading.textContent },
		el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...HEADINGS.map((text) =>
			el("th", { role: "columnheader", scope: "col", class: text === "Last seen" ? "age" : text.toLowerCase() }, text)))),
		body);
	const view = el("section", { class: "traces" }, heading, table, paging);
	const empty = cursor ? el("p", { class: "empty" }, "Nothing older.") : emptyState();
	let drawn = false;

	function rowOf(trace) {
		const text = JSON.stringify(trace);
		const old = rows.get(trace.trace_id);
		if (old?.text === text)
			return old.node;
		const node = row(trace);
		if (drawn)
			node.classList.add("fresh");
		if (old?.node.contains(document.activeElement))
			queueMicrotask(() => node.querySelector("a").focus());
		rows.set(trace.trace_id, { text, node });
		return node;
	}

	function draw(page) {
		if (page.items.length === 0) {
			arrange(main, [empty]);
			return;
		}
		arrange(body, page.items.map(rowOf));
		const shown = new Set(page.items.map((trace) => trace.trace_id));
		for (const id of [...rows.keys()])
			if (!shown.has(id))
				rows.delete(id);
		paging.replaceChildren(
			...(cursor ? [el("a", { class: "button", href: "#/" }, "Newest, live")] : []),
			...(page.next ? [el("a", { class: "button", href: `#/older/${page.next}` }, "Older")] : []));
		arrange(main, [view]);
		drawn = true;
	}

	function tick() {
		for (const time of body.querySelectorAll("time"))
			time.textContent = age(time.dateTime);
	}

	const ticking = setInterval(tick, 5000);
	return {
		title: cursor ? "Older traces" : "Traces",
		query: cursor ? null : {},
		close: () => clearInterval(ticking),
		refresh: async (signal) => {
			try {
				draw(await get(cursor ? `/api/traces?cursor=${encodeURIComponent(cursor)}` : "/api/traces", signal));
			} catch (problem) {
				if (problem.status === 503 && !drawn)
					arrange(main, [empty]);
				throw problem;
			}
		},
	};
}
