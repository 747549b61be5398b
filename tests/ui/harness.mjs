// The real programs on free ports, and Chromium before them.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(new URL("../../ui/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axeSource = require("axe-core").source;

const ROOT = new URL("../..", import.meta.url).pathname;
const BIN = join(process.env.DEVPULSE_BUILD, "bin");
const ARGUMENTS = [
	"--no-sandbox",
	"--disable-gpu",
	"--disable-quic",
	"--no-first-run",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
	"--disable-dev-shm-usage",
];
const WAIT_MS = 15000;

async function freePort() {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address();
	server.close();
	await once(server, "close");
	return port;
}

// Tries until it does not throw and gives something true.
export async function until(what, probe) {
	const end = Date.now() + WAIT_MS;
	for (let last = null; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
		try {
			const value = await probe();
			if (value) return value;
		} catch (error) {
			last = error;
		}
		if (Date.now() > end)
			throw new Error(`never came true: ${what}${last ? ` (${last.message})` : ""}`);
	}
}

// dp-ingest | dp-store, and dp-http. `environment` is for dp-http alone.
export async function startPipeline(environment = {}) {
	const folder = await mkdtemp(join(tmpdir(), "devpulse-ui-"));
	const database = `sqlite:///${folder}/devpulse.db`;
	const [ingestPort, httpPort] = [await freePort(), await freePort()];
	const [ingest, url] = [`http://127.0.0.1:${ingestPort}`, `http://127.0.0.1:${httpPort}`];
	const base = { PATH: `${BIN}:${process.env.PATH}`, HOME: folder };
	const run = (command, more = {}) =>
		spawn("sh", ["-c", command], { env: { ...base, ...more }, stdio: "ignore", detached: true });
	const end = async (child) => {
		if (child.exitCode !== null) return;
		process.kill(-child.pid, "SIGTERM");
		await once(child, "exit");
	};
	const pipeline = run(`dp-ingest --listen 127.0.0.1:${ingestPort} | dp-store --db ${database}`);
	let http = null;
	const serve = async () => {
		http = run(`exec dp-http --listen 127.0.0.1:${httpPort} --db ${database}`, environment);
		await until("dp-http is ready", async () => (await fetch(`${url}/readyz`)).ok);
	};
	await until("dp-ingest is ready", async () => (await fetch(`${ingest}/metrics`)).ok);
	await serve();
	return {
		url,
		serve,
		stopHttp: () => end(http),
		// Objects, or lines of JSON.
		send: async (events) => {
			const body = events
				.map((event) => (typeof event === "string" ? event : JSON.stringify(event)))
				.join("\n");
			const headers = { "Content-Type": "application/x-ndjson" };
			const answer = await fetch(`${ingest}/events`, { method: "POST", body, headers });
			if (!answer.ok)
				throw new Error(`dp-ingest answered ${answer.status}: ${await answer.text()}`);
		},
		// The stored events that match.
		events: async (filter) => {
			const query = new URLSearchParams({ n: "all", filter });
			const answer = await fetch(`${url}/api/events?${query}`, {
				headers: { Accept: "application/x-ndjson" },
			});
			return (await answer.text())
				.split("\n")
				.filter(Boolean)
				.map((line) => JSON.parse(line));
		},
		close: async () => {
			await end(http);
			await end(pipeline);
			await rm(folder, { recursive: true });
		},
	};
}

// The traffic of `devpulse demo`: `count` of its traces, the same ones for a seed, until a moment ago.
export async function demoEvents(count, seed = 7) {
	const lines = [];
	for (let n = 1; n <= count; n++) {
		const now = Date.now() / 1000 - 2 * (count - n) - 2;
		const variables = [`n=${n}`, `seed=${seed + n}`, `now=${now.toFixed(3)}`].flatMap((each) => [
			"-v",
			each,
		]);
		const awk = spawn("awk", [...variables, "-f", join(ROOT, "examples/demo.awk")]);
		lines.push(
			...Buffer.concat(await awk.stdout.toArray())
				.toString()
				.trim()
				.split("\n"),
		);
	}
	return lines;
}

export async function startBrowser() {
	return chromium.launch({ executablePath: process.env.CHROMIUM, args: ARGUMENTS });
}

// A page that must not complain in its console nor ask another host; `allowed`: what it may say there.
// `beside`: a page whose tab next to it this one is, `seen`: whether it is the one in front.
export async function open(browser, address, options = {}) {
	const {
		width = 1280,
		height = 860,
		theme = "light",
		allowed = /^$/,
		motion = "no-preference",
		beside = null,
		seen = true,
	} = options;
	const context =
		beside?.context() ??
		(await browser.newContext({
			viewport: { width, height },
			colorScheme: theme,
			reducedMotion: motion,
		}));
	const page = await context.newPage();
	if (!seen) await page.addInitScript(hide);
	const { origin } = new URL(address);
	const wrong = [];
	page.on("console", (message) => {
		if (["error", "warning"].includes(message.type()) && !allowed.test(message.text()))
			wrong.push(`console: ${message.text()}`);
	});
	page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
	page.on("request", (request) => {
		if (!request.url().startsWith("data:") && new URL(request.url()).origin !== origin)
			wrong.push(`request to ${request.url()}`);
	});
	page.setDefaultTimeout(WAIT_MS);
	await page.goto(address);
	return Object.assign(page, {
		// Ends it; throws where something was wrong.
		done: async () => {
			await context.close();
			if (wrong.length > 0) throw new Error(wrong.join("\n"));
		},
	});
}

// Runs in a page: all tabs of a headless browser say that they are seen.
function hide(isHidden = true) {
	Object.defineProperty(document, "hidden", { configurable: true, value: isHidden });
	document.dispatchEvent(new Event("visibilitychange"));
}

export function setSeen(page, isSeen) {
	return page.evaluate(hide, !isSeen);
}

// What axe-core finds, as a text; "" where all is well.
export async function axeFindings(page) {
	await page.evaluate(axeSource);
	return page.evaluate(async () => {
		const only = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
		const { violations } = await globalThis.axe.run(document, { runOnly: only });
		const nodeText = ({ html, failureSummary }) =>
			`    ${html.slice(0, 200)}\n    ${failureSummary.replaceAll("\n", " ")}`;
		return violations
			.map(({ id, help, nodes }) =>
				[`${id}: ${help}`, ...nodes.slice(0, 4).map(nodeText)].join("\n"),
			)
			.join("\n");
	});
}

export function isWiderThanWindow(page) {
	return page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
}
