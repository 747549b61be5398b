// The page: which view, its live updates, and what is said when something is away.

import { follow, token } from "/api.js";
import { el } from "/dom.js";
import { listView } from "/list.js";
import { traceView } from "/trace.js";

const SETTLE_MS = 250; // events that arrive within are shown by one refresh
const HIDDEN_MS = 5000; // a page nobody sees gives its stream back: a browser has six a host

const main = document.getElementById("main");
const link = document.getElementById("link");
const banner = document.getElementById("banner");

let view = null;
let stopFollowing = null;
let refreshing = null; // the refresh under way, as its AbortController
let wanted = false; // another refresh, when that one is done
let timer = null;
let took = 0; // the last refresh, in milliseconds

function say(state, text) {
	link.className = state;
	link.textContent = text;
}

function complain(text) {
	banner.hidden = !text;
	banner.textContent = text;
}

function askToken() {
	const input = el("input", { type: "password", id: "token", autocomplete: "off", required: true });
	const form = el("form", { class: "empty" },
		el("h1", null, "A token is wanted"),
		el("p", null, "dp-http was started with one: in its --token-file or DEVPULSE_TOKEN."),
		el("label", { for: "token" }, "Token "), input, " ",
		el("button", { class: "button" }, "Use it"));
	form.onsubmit = (event) => {
		event.preventDefault();
		token.set(input.value.trim());
		show();
	};
	stop();
	main.replaceChildren(form);
	input.focus();
}

function failed(problem) {
	if (problem?.status === 401) {
		askToken();
		return;
	}
	complain(problem?.status ? problem.message : "dp-http does not answer. Is it running? ./devpulse status tells.");
}

async function refresh() {
	if (refreshing) {
		wanted = true;
		return;
	}
	const own = new AbortController();
	const shown = view;
	const began = performance.now();
	refreshing = own;
	wanted = false;
	try {
		await shown.refresh(own.signal);
		if (view === shown)
			complain("");
	} catch (problem) {
		if (!own.signal.aborted)
			failed(problem);
	}
	took = performance.now() - began;
	if (refreshing === own) {
		refreshing = null;
		if (wanted)
			soon();
	}
}

// A large trace is not loaded over and over again.
function soon() {
	timer ??= setTimeout(() => {
		timer = null;
		if (view)
			refresh();
	}, Math.max(SETTLE_MS, 4 * took));
}

function start() {
	let lost = false;
	if (stopFollowing || !view?.query)
		return;
	say("waiting", "Connecting");
	stopFollowing = follow(view.query, {
		event: soon,
		restarted: soon,
		connected: () => {
			say("live", "Live");
			if (lost)
				soon();
			lost = false;
		},
		lost: (problem) => {
			lost = true;
			say("away", problem?.status === 503 ? "Database away, trying again" : "Disconnected, trying again");
			failed(problem);
		},
	});
}

function stop() {
	stopFollowing?.();
	stopFollowing = null;
	refreshing?.abort();
	refreshing = null;
	clearTimeout(timer);
	timer = null;
}

function viewOf(hash) {
	const [, kind, rest] = /^#\/(older|trace)\/(.+)$/.exec(hash) ?? [];
	try {
		if (kind === "trace")
			return traceView(main, decodeURIComponent(rest));
		return listView(main, kind === "older" ? rest : null);
	} catch {
		return listView(main, null); // an address that cannot be decoded
	}
}

function show() {
	stop();
	view?.close();
	view = viewOf(location.hash);
	document.title = `${view.title} · DevPulse`;
	complain("");
	say("still", view.query ? "" : "Not live");
	start();
	refresh();
}

let hiding = null;
document.addEventListener("visibilitychange", () => {
	clearTimeout(hiding);
	if (document.hidden) {
		hiding = setTimeout(() => {
			stop();
			say("waiting", "Paused");
		}, HIDDEN_MS);
	} else if (!stopFollowing && view) {
		start();
		refresh();
	}
});
window.addEventListener("hashchange", () => {
	show();
	main.focus({ preventScroll: true });
	window.scrollTo(0, 0);
});
show();
