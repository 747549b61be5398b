// The pages on real traffic through the real pipeline.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
	axeFindings,
	demoEvents,
	isWiderThanWindow,
	open,
	startBrowser,
	startPipeline,
	until,
} from "./harness.mjs";

let pipeline;
let browser;
let declined; // the id of a trace whose card was declined

const text = (page, selector) => page.locator(selector).first().innerText();
const says = (page, selector, wanted) =>
	until(`${selector} says ${wanted}`, async () => (await text(page, selector)).includes(wanted));
const firstLines = (texts) => texts.map((each) => each.split("\n")[0]);
const hash = (page) => page.evaluate(() => decodeURIComponent(location.hash));
const isLive = (page) => says(page, "#link", "Live");

before(async () => {
	pipeline = await startPipeline();
	browser = await startBrowser();
	await pipeline.send(await demoEvents(24));
	const found = await until("the demo is stored", async () => {
		const errors = await pipeline.events("details~CardDeclined");
		return errors.length > 0 && errors;
	});
	declined = found[0].traceId;
});

after(async () => {
	await browser?.close();
	await pipeline?.close();
});

test("the list of traces: status in words, systems, counts", async () => {
	const page = await open(browser, `${pipeline.url}/`);
	await page.locator("tbody tr").nth(23).waitFor();
	const row = page.locator("tbody tr.error").first();
	assert.match(
		(await row.innerText()).replace(/\s+/g, " "),
		/^error POST \/checkout .*web api worker/,
	);
	assert.equal(await page.title(), "Traces · DevPulse");
	await isLive(page);
	await page.done();
});

test("what is opened is asked for first, and events are counted when its rows are there", async () => {
	const asked = async (address) => {
		const page = await open(browser, `${pipeline.url}/icon.svg`, { allowed: /404/ });
		const paths = [];
		let icons = 0;
		page.on("request", (request) => {
			const path = new URL(request.url()).pathname;
			if (path.startsWith("/api")) paths.push(path);
			if (path === "/icon.svg") icons++;
		});
		await page.route("**/api/events?*", () => {}); // once connected it asks again
		await page.addInitScript(() => {
			const { fetch } = globalThis;
			globalThis.rowsWhenCounted = -1;
			globalThis.fetch = (target, ...rest) => {
				if (target.startsWith("/api/stats"))
					globalThis.rowsWhenCounted = document.querySelectorAll("tbody tr").length;
				return fetch(target, ...rest);
			};
		});
		await page.goto(`${pipeline.url}/#/${address}`);
		await page.locator(".histogram canvas, .row").first().waitFor();
		const rows = await page.evaluate(() => globalThis.rowsWhenCounted);
		await page.done();
		assert.ok(icons <= 1, "the tab has the icon, the header draws it");
		return { paths, rows };
	};
	const list = await asked("");
	assert.deepEqual(list.paths.slice(0, 3), ["/api/traces", "/api/events", "/api/stats"]);
	assert.ok(list.rows > 0);
	assert.equal(list.paths.filter((path) => path === "/api/traces").length, 1);
	const trace = await asked(`trace/${declined}`);
	assert.deepEqual(trace.paths.slice(0, 2), ["/api/trace", "/api/events"]);
	assert.equal(trace.paths.filter((path) => path === "/api/trace").length, 1);
});

test("the first frame is made once: with its rows, and these laid out at once", async () => {
	const page = await open(browser, `${pipeline.url}/icon.svg`, { allowed: /404/ });
	await page.addInitScript(() => {
		const { setTimeout } = globalThis; // SOON_MS of early.ts: here the answer is never late
		globalThis.setTimeout = (run, ms) => setTimeout(run, ms === 100 ? 20000 : ms);
		globalThis.removed = [];
		new MutationObserver((records) => {
			for (const { removedNodes } of records)
				globalThis.removed.push(...[...removedNodes].map((node) => node.className));
		}).observe(document, { childList: true, subtree: true });
		const look = () => {
			const rows = document.querySelectorAll("tbody tr");
			if (rows.length === 0) return requestAnimationFrame(look);
			const styles = [...rows].map((row) => getComputedStyle(row).contentVisibility);
			globalThis.firstFrame = { styles, removed: globalThis.removed };
		};
		look();
	});
	await page.goto(`${pipeline.url}/#/`);
	const { styles, removed } = await (
		await page.waitForFunction(() => globalThis.firstFrame)
	).jsonValue();
	assert.ok(!removed.includes("loading"), "nothing was shown before");
	assert.deepEqual(styles, Array(12).fill("visible"));
	await page.locator("tbody tr").nth(23).waitFor();
	const late = await page
		.locator("tbody tr")
		.evaluateAll((rows) => rows.map((row) => getComputedStyle(row).contentVisibility));
	assert.deepEqual([...new Set(late.slice(12))], ["auto"], "not laid out far out of sight");
	await page.done();
});

test("a document that has not changed is asked for again, but not read", async () => {
	const page = await open(browser, `${pipeline.url}/icon.svg`, { allowed: /404/ });
	let asked = 0;
	page.on("response", (response) => {
		if (new URL(response.url()).pathname === "/api/trace") asked++;
	});
	await page.addInitScript(() => {
		const { text } = Response.prototype;
		globalThis.read = 0;
		Response.prototype.text = function () {
			if (new URL(this.url).pathname === "/api/trace") globalThis.read++;
			return text.call(this);
		};
	});
	await page.goto(`${pipeline.url}/#/trace/${declined}`);
	await page.locator(".row").first().waitFor();
	for (let end = Date.now() + 10_000; asked < 2 && Date.now() < end;) await page.waitForTimeout(50);
	await page.waitForTimeout(200);
	assert.equal(asked, 2, "once connected it asks again");
	assert.equal(await page.evaluate(() => globalThis.read), 1);
	await page.done();
});

test("a trace that is too large is not read to its end", async () => {
	const event = (n) => ({ traceId: "huge", severity: "error", details: `${n} `.repeat(480_000) });
	for (let n = 0; n < 80; n++) await pipeline.send([event(n % 10)]);
	await until("all is stored", async () => {
		const answer = await fetch(`${pipeline.url}/api/traces?filter=trace%3Dhuge`);
		return (await answer.json()).items[0]?.event_count === 80;
	});
	const page = await open(browser, `${pipeline.url}/#/trace/huge`);
	await page.getByText("This trace is too large to be shown at once").waitFor();
	assert.equal(await page.getByRole("link", { name: "All of it as NDJSON" }).count(), 1);
	await page.goto(`${pipeline.url}/#/compare?a=huge&b=${declined}`);
	await page.getByText("One of the traces is too large to be compared").waitFor();
	await page.done();
});

test("what comes after the answer and before the stream is shown too", async () => {
	const addresses = [
		["?filter=system%3Dgap-list", "tbody tr", (n) => ({ traceId: `gap-${n}`, system: "gap-list" })],
		["trace/gap", ".row", () => ({ traceId: "gap", system: "gap" })],
	];
	for (const [address, row, event] of addresses) {
		const send = (n) => pipeline.send([{ ...event(n), details: `event ${n}` }]);
		const { system } = event(1);
		await send(1);
		await until(
			"it is stored",
			async () => (await pipeline.events(`system=${system}`)).length === 1,
		);
		const page = await open(browser, `${pipeline.url}/icon.svg`, { allowed: /404/ });
		let connect;
		const held = new Promise((resolve) => (connect = resolve));
		await page.route("**/api/events?*", async (route) => {
			await held;
			await route.continue();
		});
		await page.goto(`${pipeline.url}/#/${address}`);
		await page.locator(row, { hasText: "event 1" }).waitFor();
		await send(2);
		await until(
			"it is stored",
			async () => (await pipeline.events(`system=${system}`)).length === 2,
		);
		connect();
		await page.locator(row, { hasText: "event 2" }).waitFor();
		await page.done();
	}
});

test("a new trace is shown at once, but does not move what is being read", async () => {
	const page = await open(browser, `${pipeline.url}/`);
	await isLive(page);
	await pipeline.send([{ traceId: "fresh-1", system: "live", details: "first of all" }]);
	await says(page, "tbody tr", "first of all");

	await page.locator("tbody a").nth(3).focus();
	await pipeline.send([{ traceId: "fresh-2", system: "live", details: "second of all" }]);
	await page.getByRole("button", { name: "1 new trace" }).waitFor();
	assert.match(await text(page, "tbody tr"), /first of all/);
	await page.keyboard.press(".");
	await says(page, "tbody tr", "second of all");

	await page.evaluate(() => document.activeElement.blur());
	await page.keyboard.press("p");
	await pipeline.send([{ traceId: "fresh-3", system: "live", details: "third of all" }]);
	await page.getByRole("button", { name: "1 new trace" }).waitFor();
	await page.keyboard.press("p");
	await says(page, "tbody tr", "third of all");
	await page.done();
});

test("the filter completes fields and values; a reload keeps all", async () => {
	const page = await open(browser, `${pipeline.url}/#/live`);
	await page.locator(".line").first().waitFor();
	await page.keyboard.press("/");
	await page.keyboard.type("sev");
	await page.keyboard.press("ArrowDown");
	await page.keyboard.press("Enter");
	await page.getByRole("option", { name: "error" }).waitFor();
	await page.keyboard.type("err");
	await page.keyboard.press("ArrowDown");
	await page.keyboard.press("Enter");
	await until("it is in the address", async () =>
		(await hash(page)).includes("filter=severity=error"),
	);
	await until(
		"only errors are shown",
		async () =>
			(await page.locator(".line:not(.error)").count()) === 0 &&
			(await page.locator(".line.error").count()) > 0,
	);
	const composed = await page.locator("[data-search]").evaluate((input) => {
		input.value = "订单";
		input.dispatchEvent(new InputEvent("input", { bubbles: true }));
		const event = { key: "Enter", isComposing: true, bubbles: true, cancelable: true };
		return input.dispatchEvent(new KeyboardEvent("keydown", event));
	});
	assert.ok(composed, "Enter is left to the input method");
	await page.reload();
	await page.locator(".line.error").first().waitFor();
	assert.equal(await page.locator("[data-search]").inputValue(), "severity=error");
	await page.done();
});

test("events over time: counted, and a range chosen by dragging", async () => {
	const page = await open(browser, `${pipeline.url}/`);
	await page.locator(".histogram canvas").waitFor();
	assert.match(
		await page.locator(".histogram").getAttribute("aria-label"),
		/^Events over time: \d+ events, \d+ errors?, \d+ warnings?$/,
	);
	const { x, y, width, height } = await page.locator(".histogram .u-over").boundingBox();
	const events = async () => parseInt(await text(page, ".chart .note"), 10);
	const all = await events();
	await page.mouse.move(x + 2, y + height / 2);
	await says(page, ".chart .hint", " from 20");
	assert.equal(await events(), 0, "there was nothing an hour ago");
	await page.mouse.move(x + width / 2, y - 40);
	await says(page, ".chart .hint", "drag to choose");
	assert.ok((await events()) >= all);
	await page.mouse.move(x + width * 0.9, y + height / 2);
	await page.mouse.down();
	await page.mouse.move(x + width * 0.99, y + height / 2, { steps: 5 });
	await page.mouse.up();
	await until("it is in the address", async () => /since=20.*until=20/.test(await hash(page)));
	await page.goBack();
	await until("back takes it away", async () => !(await hash(page)).includes("since="));
	await page.done();
});

test("the flow: systems, what calls what, and the way to their traces", async () => {
	const page = await open(browser, `${pipeline.url}/#/flow?filter=env%3Ddev`);
	await page.locator(".node").nth(3).waitFor();
	const edges = (
		await page.getByRole("region", { name: "From system to system" }).locator("tbody").innerText()
	).replace(/\s+/g, " ");
	assert.match(edges, /web api \d+ 0 .*api worker \d+ .*worker billing/);
	const middle = async (name) => {
		const { x, width } = await page.locator(".node", { hasText: name }).boundingBox();
		return x + width / 2;
	};
	const places = await Promise.all(["web", "api", "worker", "billing"].map(middle));
	assert.deepEqual(
		places,
		places.toSorted((a, b) => a - b),
	);
	await page.locator(".node", { hasText: "billing" }).click();
	await until(
		"it leads to its traces",
		async () => (await hash(page)) === "#/?filter=env=dev+system=billing",
	);
	await page.done();
});

// Runs in the page: which lines of the graph lead through a system that they don't belong to, and which overlap.
function tangled() {
	const inner = (box) => ({ l: box.left + 4, r: box.right - 4, t: box.top + 4, b: box.bottom - 4 });
	const nodes = [...document.querySelectorAll(".node")].map((node) => ({
		name: node.querySelector("text").textContent,
		...inner(node.querySelector("rect").getBoundingClientRect()),
	}));
	const holds = (box, { x, y }) => x > box.l && x < box.r && y > box.t && y < box.b;
	const found = [];
	for (const edge of document.querySelectorAll(".edge:has(path)")) {
		const path = edge.querySelector("path");
		const matrix = path.getScreenCTM();
		for (let at = 0; at <= path.getTotalLength(); at += 3) {
			const point = path.getPointAtLength(at).matrixTransform(matrix);
			const node = nodes.find((each) => holds(each, point));
			if (node) found.push(`${edge.querySelector("title").textContent} through ${node.name}`);
		}
	}
	nodes.forEach((one, i) =>
		nodes.slice(i + 1).forEach((two) => {
			if (one.l < two.r && two.l < one.r && one.t < two.b && two.t < one.b)
				found.push(`${one.name} over ${two.name}`);
		}),
	);
	return [...new Set(found)];
}

test("the flow of many systems: no line leads through another system, also on a phone", async () => {
	const calls = {
		edge: "auth cart catalog checkout search images mail",
		cart: "cart-db pricing",
		catalog: "catalog-db images",
		checkout: "pricing payment orders stock",
		payment: "fraud bank",
		orders: "orders-db mail stock",
		stock: "courier",
		courier: "orders",
	};
	const events = [];
	const call = (system, parent) => {
		const spanId = `${events.length}`;
		events.push({
			traceId: "many",
			system,
			type: "span",
			spanId,
			parentSpanId: parent,
			env: "many",
		});
		return spanId;
	};
	const ids = { edge: call("edge") };
	for (const [from, all] of Object.entries(calls))
		for (const to of all.split(" ")) ids[to] = call(to, ids[from]);
	await pipeline.send(events.map((each) => ({ ...each, environment: "many" })));
	await until("they are stored", async () => (await pipeline.events("env=many")).length > 20);
	for (const width of [1280, 390]) {
		const page = await open(browser, `${pipeline.url}/#/flow?filter=env%3Dmany`, { width });
		await page.locator(".node").nth(16).waitFor();
		assert.deepEqual(await page.evaluate(tangled), [], `at ${width}`);
		const graph = await page.locator(".graph > svg").boundingBox();
		if (width === 390) assert.ok(graph.width < 1.25 * width, `${graph.width} px on a phone`);
		assert.equal(await axeFindings(page), "");
		await page.setViewportSize({ width: width === 390 ? 1280 : 390, height: 860 });
		await until("it is drawn for the other width", async () => {
			const now = await page.locator(".graph > svg").boundingBox();
			return now.width > now.height !== graph.width > graph.height;
		});
		await page.done();
	}
});

test("the flow of a crowd of systems: what fails and what is busy is drawn, the tables have all", async () => {
	const event = (i) => ({ traceId: `crowd-${i}`, system: `crowd-${i}`, environment: "crowd" });
	const events = Array.from({ length: 60 }, (_, i) => event(i));
	const more = [event(58), event(58), { ...event(59), severity: "error" }];
	await pipeline.send([...events, ...more]);
	await until("they are stored", async () => (await pipeline.events("env=crowd")).length === 63);
	const page = await open(browser, `${pipeline.url}/#/flow?filter=env%3Dcrowd`);
	await page.getByText("40 of 60 systems are drawn").waitFor();
	assert.equal(await page.locator(".node").count(), 40);
	assert.deepEqual(
		await page
			.locator(".node .name")
			.filter({ hasText: /-5[89]/ })
			.allTextContents(),
		["crowd-59", "crowd-58"],
	);
	await until(
		"the table has all",
		async () => (await page.locator("[aria-label=Systems] tbody tr").count()) === 60,
	);
	await page.done();
});

test("a trace: nested steps, the error's code and locals, the address", async () => {
	const page = await open(browser, `${pipeline.url}/#/trace/${declined}`);
	await page.locator(".row.chosen.error").waitFor();
	assert.equal(await text(page, "h1"), "POST /checkout");
	assert.match(await text(page, ".event-panel h2"), /^CardDeclined: insufficient funds/);
	const red = (selector) =>
		page.locator(selector).evaluate((node) => getComputedStyle(node).stroke);
	assert.equal(
		await red(".row.chosen .icon path"),
		await red(".event-panel .badge.error .icon path"),
		"an error's icon is of its colour",
	);
	assert.match(await text(page, ".event-panel .part"), /^Stack\s+\/app\/billing\/charge\.py:74/);
	assert.equal(await text(page, ".frames mark"), "    raise CardDeclined(reply.reason)");
	assert.deepEqual(
		await page.locator(".frames [data-line]").evaluateAll((all) => all.map((a) => a.dataset.line)),
		["72", "73", "74", "75"],
	);
	assert.match(await text(page, ".frames .tree"), /order_id\s+\d+.*gateway/s);
	assert.equal(await page.locator(".event-panel .tree", { hasText: "order_id" }).count(), 1);
	assert.equal(await page.locator(".frames .folded").count(), 1);
	const whole = await page.locator(".row .track").first().boundingBox();
	const charge = await page
		.locator(".row", { hasText: "charge order" })
		.locator(".bar")
		.boundingBox();
	assert.ok(
		charge.x > whole.x + whole.width * 0.1 && charge.x + charge.width <= whole.x + whole.width + 1,
	);

	await page.locator(".rows").focus();
	await page.keyboard.press("Home");
	await page.keyboard.press("ArrowDown");
	await says(page, ".event-panel h2", "create order");
	const address = await hash(page);
	assert.match(address, /event=/);
	await page.reload();
	await says(page, ".event-panel h2", "create order");
	assert.equal(await hash(page), address);
	await page.keyboard.press("n");
	await says(page, ".event-panel h2", "CardDeclined");

	await page.keyboard.press("c");
	assert.match(await text(page, ".waited"), /billing/);
	await page.keyboard.press("/");
	await page.keyboard.type("insufficient_funds");
	await says(page, ".controls .note", "1 found");
	await page.done();
});

test("a value twenty levels deep can be read on a phone", async () => {
	let nest = { leaf: true };
	for (let level = 20; level > 0; level--) nest = { [`level${level}`]: nest };
	await pipeline.send([{ traceId: "nest", severity: "error", locals: nest }]);
	const page = await open(browser, `${pipeline.url}/#/trace/nest`, { width: 390 });
	for (let level = 1; level <= 20; level++)
		await page
			.locator(".tree summary .key", { hasText: `level${level}` })
			.last()
			.click();
	const leaf = await page.locator(".tree li", { hasText: /^leaf/ }).boundingBox();
	assert.ok(leaf.width > 120 && leaf.height < 30, `${leaf.width} by ${leaf.height} px`);
	assert.equal(await isWiderThanWindow(page), false);
	await page.done();
});

test("a search in a trace finds a text as it reads, and as it stands in JSON", async () => {
	const details = 'can\'t open "C:\\temp\\x"\nat all';
	await pipeline.send([{ traceId: "quotes", severity: "error", details, locals: { id: 7 } }]);
	const page = await open(browser, `${pipeline.url}/#/trace/quotes`);
	for (const wanted of ['open "C:\\TEMP', '\\"C:', '"id":7']) {
		await page.locator("[data-search]").fill(`not ${wanted}`);
		await says(page, ".controls .note", "0 found");
		await page.locator("[data-search]").fill(wanted);
		await says(page, ".controls .note", "1 found");
	}
	await page.done();
});

test("a stack of JavaScript begins with what failed", async () => {
	const frame = (file, line, code, more = {}) => ({ file, line, function: "f", code, ...more });
	const stacktrace = [
		frame("/app/node_modules/pg/client.js", 7, "throw error;", { inApp: false }),
		frame("/app/cart.js", 12, "await db.query(sql);", { locals: { sql: "SELECT 1" } }),
		frame("/app/server.js", 3, "await load(cart);"),
	];
	await pipeline.send([{ traceId: "js", system: "js", severity: "error", stacktrace }]);
	const page = await open(browser, `${pipeline.url}/#/trace/js`);
	await page.locator(".frames details[open]").waitFor();
	assert.deepEqual(await page.locator(".frames > li").allInnerTexts().then(firstLines), [
		"1 frame of libraries",
		"/app/cart.js:12 in f",
		"/app/server.js:3 in f",
	]);
	assert.equal(await text(page, ".frames mark"), "await db.query(sql);");
	await page.done();
});

test("a stack of which the SDK left out the middle has its code", async () => {
	const frame = (file, line, code, more = {}) => ({ file, line, function: "f", code, ...more });
	const stacktrace = [
		frame("/app/main.py", 3, "serve(app)"),
		frame("/lib/uvicorn/main.py", 7, "run()", { inApp: false }),
		{ function: "… 13 more", inApp: false },
		frame("/app/cart.py", 12, "return total / pieces", { locals: { pieces: 0 } }),
	];
	await pipeline.send([{ traceId: "cut", system: "cut", severity: "error", stacktrace }]);
	const page = await open(browser, `${pipeline.url}/#/trace/cut`);
	await says(page, ".frames mark", "return total / pieces");
	await page.getByRole("button", { name: "2 frames of libraries" }).click();
	assert.deepEqual(
		firstLines(await page.locator(".frames > li").allInnerTexts()).map((each) => each.trim()),
		["/app/cart.py:12 in f", "… 13 more", "/lib/uvicorn/main.py:7 in f", "/app/main.py:3 in f"],
	);
	await page.done();
});

test("a trace of failed spans shows the error with the stack", async () => {
	const span = (spanId, parentSpanId, more = {}) => ({
		traceId: "failed-spans",
		system: "otlp",
		type: "span",
		severity: "error",
		name: `span ${spanId}`,
		spanId,
		durationMs: 5,
		...(parentSpanId && { parentSpanId }),
		...more,
	});
	const raised = { type: "error", name: "KeyError", details: "'x'", stacktrace: "KeyError: 'x'" };
	await pipeline.send([span("a", ""), span("b", "a"), span("", "b", raised)]);
	const page = await open(browser, `${pipeline.url}/#/trace/failed-spans`);
	await page.locator(".row").nth(2).waitFor();
	await says(page, ".event-panel h2", "KeyError: 'x'");
	await page.keyboard.press("p");
	await says(page, ".event-panel h2", "span b");
	await page.done();
});

test("a trace's page goes on live and keeps what was chosen", async () => {
	const two =
		'{"traceId":"growing","system":"a","details":"two","locals":{"big":12345678901234567890123,"five":5.0}}';
	await pipeline.send([{ traceId: "growing", system: "a", details: "one" }, two]);
	const page = await open(browser, `${pipeline.url}/#/trace/growing`);
	await page.locator(".row", { hasText: "two" }).click();
	await isLive(page);
	await pipeline.send([{ traceId: "growing", system: "b", severity: "error", details: "three" }]);
	await page.locator(".row", { hasText: "three" }).waitFor();
	assert.equal(await text(page, ".event-panel h2"), "two");
	assert.match(await text(page, ".event-panel .tree"), /big 12345678901234567890123\s+five 5\.0/);

	await page.locator(".row.stage .fold").first().click();
	assert.equal(await page.locator(".row", { hasText: "two" }).count(), 0);
	const earlier = new Date(Date.now() - 60e3).toISOString();
	await pipeline.send([{ traceId: "growing", system: "z", timestamp: earlier, details: "zero" }]);
	await page.locator(".row", { hasText: "zero" }).waitFor();
	assert.deepEqual(await page.locator(".row .label").allInnerTexts(), [
		"z",
		"zero",
		"a",
		"b",
		"three",
	]);
	await page.done();
});

test("a trace's rows and its event stay where they are read, until another is asked for", async () => {
	const event = (i, more = {}) => ({
		traceId: "read",
		system: i % 2 === 0 ? "a" : "b",
		timestamp: new Date(Date.now() - 60e3 + i).toISOString(),
		details: `event ${i}`,
		...more,
	});
	await pipeline.send(Array.from({ length: 200 }, (_, i) => event(i)));
	const page = await open(browser, `${pipeline.url}/#/trace/read`);
	await page.locator(".row").first().waitFor();
	await isLive(page);
	await page.locator(".event-panel h2").hover();
	const error = { severity: "error", details: "it failed" };
	await pipeline.send([event(198, error)]);
	await page.getByRole("button", { name: "Next of 1 error" }).waitFor();
	assert.equal(await text(page, ".event-panel h2"), "event 0");

	const top = () => page.locator(".rows").evaluate((rows) => rows.scrollTop);
	const toEnd = () =>
		page.locator(".rows").evaluate((rows) => {
			rows.scrollTop = rows.scrollHeight;
			return rows.scrollTop;
		});
	await page.locator(".row", { hasText: "event 2" }).first().click();
	const end = await toEnd();
	await pipeline.send([event(-2), event(-4)]);
	await says(page, ".head .facts", "203 events");
	assert.equal(await top(), end);
	await page.keyboard.press("n");
	await says(page, ".event-panel h2", "it failed");
	await page.locator(".rows").evaluate((rows) => (rows.scrollTop = 0));
	await page.locator(".row.stage .fold").first().click();
	await page.locator(".row.stage[aria-expanded=false]").waitFor();
	assert.equal(await top(), 0);
	await toEnd();
	await page.keyboard.press("n");
	await until("it is brought into sight", () => page.locator(".row.chosen").isVisible());
	await page.done();
});

test("a trace that becomes large while it is read is not folded", async () => {
	const span = (n, parent) => ({
		traceId: "becoming-large",
		system: "a",
		type: "span",
		name: `span ${n}`,
		spanId: `${n}`,
		...(parent !== undefined && { parentSpanId: `${parent}` }),
	});
	const child = (n) => span(n, n % 2 === 1 ? 0 : n - 1);
	const children = Array.from({ length: 2010 }, (_, i) => child(i + 1));
	await pipeline.send([span(0), ...children.slice(0, 1980)]);
	await until(
		"all is stored",
		async () => (await pipeline.events("trace=becoming-large")).length === 1981,
	);
	const page = await open(browser, `${pipeline.url}/#/trace/becoming-large`);
	await isLive(page);
	await page.locator(".row[aria-level='3']").first().waitFor();
	await pipeline.send(children.slice(1980));
	await says(page, ".head .facts", "2,011 events");
	assert.ok((await page.locator(".row[aria-level='3']").count()) > 0);
	await page.reload();
	await page.locator(".row").nth(9).waitFor();
	assert.equal(await page.locator(".row[aria-level='3']").count(), 0, "opened anew it is");
	await page.done();
});

test("a trace that is not there is waited for", async () => {
	const page = await open(browser, `${pipeline.url}/#/trace/later`, { allowed: /404/ });
	await page.getByRole("heading", { name: "No events of this trace" }).waitFor();
	await isLive(page);
	await pipeline.send([{ traceId: "later", details: "there it is" }]);
	await says(page, "h1", "there it is");
	await page.done();
});

test("the data flow: which value travelled, and where it changed", async () => {
	const page = await open(browser, `${pipeline.url}/#/trace/${declined}?tab=flow`);
	const track = (name) =>
		page.locator(".track-value", { has: page.locator("h2", { hasText: new RegExp(`^${name}$`) }) });
	await track("amount").waitFor();
	assert.match(await track("amount").innerText(), /changed once/);
	assert.equal(await track("amount").locator(".sighting.changed").count(), 1);
	const order = (await track("order_id").innerText()).replace(/\s+/g, " ");
	assert.match(
		order,
		/same value, other type.*api \d+ worker \d+ billing \d+ now a string \d+ now a number/,
	);
	await page.keyboard.press("c");
	await until(
		"only what changed is left",
		async () => (await page.locator(".track-value").count()) === 1,
	);
	await track("amount").locator(".changed a").click();
	await says(page, ".event-panel h2", "CardDeclined");
	await page.goBack();
	await track("amount").waitFor();
	await page.done();
});

test("compared with a trace of the same title that went well", async () => {
	const page = await open(browser, `${pipeline.url}/#/trace/${declined}`);
	await page.getByRole("button", { name: "Compare with a good one" }).click();
	await page.getByRole("heading", { name: "Compare" }).waitFor();
	await page.locator(".side").nth(1).waitFor(); // the heading is there while it loads, too
	const sides = await page.locator(".side").allInnerTexts();
	assert.match(sides[0], /success/);
	assert.match(sides[1], /1 error/);
	assert.match(await page.locator("tbody tr", { hasText: "billing" }).innerText(), /1 more error/);
	assert.match(await page.locator(".pair.only-b").first().innerText(), /not in A/);
	assert.ok(
		(await page.locator(".pair.both .differences").first().innerText()).includes("locals.order_id"),
	);
	const before = await hash(page);
	await page.getByRole("button", { name: "Swap" }).click();
	await until("the address has them swapped", async () => (await hash(page)) !== before);
	await until("and so the page", async () =>
		(await page.locator(".side").first().innerText()).includes("1 error"),
	);
	await page.done();
});

test("errors: groups, one of them with its values and its traces", async () => {
	const page = await open(browser, `${pipeline.url}/#/errors?filter=env%3Ddev`);
	await page.locator("tbody tr").nth(1).waitFor();
	const group = page.locator("tbody tr", { hasText: "CardDeclined" });
	assert.match(
		(await group.innerText()).replace(/\s+/g, " "),
		/CardDeclined: .* billing dev .*ago/,
	);
	assert.match(await group.locator(".sparkline").getAttribute("aria-label"), /^1 error since/);
	assert.match(await group.locator("a").innerText(), /for order \*$/);
	assert.match(
		await group.locator(".said").innerText(),
		/^last: insufficient funds for order \d+$/,
		"what the pattern hides",
	);
	const plain = page.locator("tbody tr", { hasText: "division by zero" });
	assert.equal(await plain.locator(".said").count(), 0, "a message without a pattern is told once");
	await group.locator("a").click();
	await page.locator(".distribution", { hasText: "gateway.reason" }).waitFor();
	assert.match(
		(await page.locator(".distribution", { hasText: "currency" }).innerText()).replace(/\s+/g, " "),
		/currency always the same EUR 1/,
	);
	assert.match(await text(page, ".event-panel h2"), /^CardDeclined/);
	await page.getByRole("link", { name: "Open its trace" }).click();
	await page.locator(".row.chosen.error").waitFor();
	await page.goBack();
	await page.locator(".distribution").first().waitFor();
	await page.getByRole("link", { name: "Its traces" }).click();
	await until(
		"only its traces are shown",
		async () => (await page.locator("tbody tr").count()) === 1,
	);
	await page.done();
});

test("errors: where there are none in the time that is chosen, older ones are not denied", async () => {
	const timestamp = new Date(Date.now() - 20 * 864e5).toISOString();
	const event = { traceId: "bygone", system: "bygone", severity: "error", timestamp };
	await pipeline.send([{ ...event, name: "Bygone", details: "long ago" }]);
	await until("it is stored", async () => (await pipeline.events("trace=bygone")).length === 1);
	const page = await open(browser, `${pipeline.url}/#/errors?filter=system%3Dbygone`);
	await page.getByRole("heading", { name: "Nothing matches in this time" }).waitFor();
	await page.getByRole("button", { name: "The last year" }).click();
	await says(page, "tbody tr", "Bygone: long ago");
	await page.done();
});

test("errors: from one occurrence of a group to the other", async () => {
	const event = (order) => ({
		traceId: `twice-${order}`,
		system: "twice",
		severity: "error",
		name: "Twice",
		details: "twice",
		locals: { order_id: order },
	});
	await pipeline.send([event(4711), event(4712)]);
	const { fingerprint } = await until("both are stored", async () => {
		const answer = await fetch(`${pipeline.url}/api/errors?filter=system%3Dtwice`);
		return (await answer.json()).items.find((group) => group.count === 2);
	});
	const page = await open(browser, `${pipeline.url}/#/errors/${fingerprint}`);
	await says(page, ".right [role=status]", "1 of 2 occurrences");
	await page.getByRole("button", { name: "Last hour" }).click();
	await until("the bars are of an hour", async () => (await hash(page)).includes("since=1h"));
	await until("they are shown", async () => {
		const at = await page.locator(".trend time").getAttribute("datetime");
		return Date.now() - Date.parse(at) < 2 * 3600e3;
	});
	const newest = await text(page, ".event-panel .tree");
	await page.getByRole("button", { name: "Older occurrence" }).click();
	await says(page, ".right [role=status]", "2 of 2 occurrences");
	assert.notEqual(await text(page, ".event-panel .tree"), newest);
	assert.match(await hash(page), /event=/);
	await page.keyboard.press("p");
	await says(page, ".right [role=status]", "1 of 2 occurrences");
	assert.match(await text(page, ".distribution"), /4711 to 4712/);
	await page.done();

	const phone = await open(browser, `${pipeline.url}/#/errors/${fingerprint}`, { width: 390 });
	await phone.locator(".occurrences button").last().click();
	await says(phone, ".right [role=status]", "2 of 2 occurrences");
	const [header, { y, height }] = await Promise.all(
		[".top", ".right"].map((selector) => phone.locator(selector).boundingBox()),
	);
	assert.ok(y >= header.height && y + Math.min(height, 300) <= 860, `it is in sight, at ${y}`);
	await phone.done();
});

test("errors: the chosen occurrence is among those that are listed, however many there are", async () => {
	const event = { traceId: "often", system: "often", severity: "error", details: "often" };
	await pipeline.send(Array(32).fill(event));
	const { fingerprint } = await until("all are stored", async () => {
		const answer = await fetch(`${pipeline.url}/api/errors?filter=system%3Doften`);
		return (await answer.json()).items.find((group) => group.count === 32);
	});
	const page = await open(browser, `${pipeline.url}/#/errors/${fingerprint}`);
	await page.locator(".occurrences button").last().click();
	await says(page, ".right [role=status]", "30 of 32 occurrences");
	await page.keyboard.press("n");
	await says(page, "h2 .note >> nth=-1", "31 to 32");
	assert.equal(await page.locator(".occurrences [aria-pressed=true]").count(), 1);
	await page.done();
});

test("a filter that is wrong is told where it is wrong", async () => {
	const page = await open(browser, `${pipeline.url}/#/?filter=severity%3Dnonsense`, {
		allowed: /400/,
	});
	await page.locator("#filter-problem").waitFor();
	assert.match(await text(page, "#filter-problem"), /character \d+/);
	await until("nothing is awaited", async () => (await text(page, "#link")) === "");
	assert.equal(await page.locator("#banner").count(), 0);
	await page.getByRole("button", { name: "Clear the filter" }).click();
	await page.locator("tbody tr").first().waitFor();
	await page.locator("[data-search]").fill("severity=error system=billing");
	await page.keyboard.press("Enter");
	await until(
		"only what matches is shown",
		async () => (await page.locator("tbody tr").count()) === 1,
	);
	await page.goto(`${pipeline.url}/#/live?filter=severity%3Dnonsense`);
	await says(page, "#filter-problem", "character 10");
	await page.done();
});

test("live: pause holds, and the end is followed only from the end", async () => {
	const page = await open(browser, `${pipeline.url}/#/live`);
	const line = (details) => page.locator(".line", { hasText: details });
	const atEnd = () =>
		page
			.locator(".log")
			.evaluate((node) => node.scrollTop + node.clientHeight > node.scrollHeight - 30);
	await page.locator(".line").first().waitFor();
	await pipeline.send([
		{
			traceId: "live-1",
			system: "live",
			details: "at the end",
			durationMs: 5.5,
			file: "a.py",
			line: 7,
		},
	]);
	await line("at the end").waitFor();
	assert.match(await line("at the end").innerText(), /5\.5 ms · a\.py:7$/);
	assert.ok(await atEnd());
	await page.keyboard.press("p");
	await pipeline.send([{ traceId: "live-1", system: "live", details: "held back" }]);
	await page.getByRole("button", { name: "1 new event" }).waitFor();
	assert.equal(await line("held back").count(), 0);
	await page.keyboard.press("p");
	await line("held back").waitFor();
	await page.locator(".log").evaluate((node) => (node.scrollTop = 0));
	await pipeline.send([{ traceId: "live-1", system: "live", details: "below" }]);
	await page.getByRole("button", { name: "To the end" }).waitFor();
	assert.equal(await atEnd(), false);
	await page.done();
});

test("live: both ends are there at once where nothing comes, and who clears it is at its end", async () => {
	const sendFrom = (n) =>
		pipeline.send(
			Array.from({ length: 100 }, (_, i) => ({
				traceId: "quiet",
				system: "quiet",
				details: `quiet ${n + i}.`,
			})),
		);
	const page = await open(browser, `${pipeline.url}/#/live?filter=system%3Dquiet`);
	const line = (n) => page.locator(".line", { hasText: `quiet ${n}.` });
	const toStart = () => page.locator(".log").evaluate((node) => (node.scrollTop = 0));
	await isLive(page);
	await page.locator(".log .waiting").waitFor();
	await sendFrom(0);
	await line(99).waitFor();
	await toStart();
	await line(0).waitFor();
	await page.getByRole("button", { name: "To the end" }).click();
	await line(99).waitFor();
	await toStart();
	await line(0).waitFor();
	await page.keyboard.press("Shift+G");
	await line(99).waitFor();
	await toStart();
	await line(0).waitFor();
	await page.keyboard.press("x");
	await page.locator(".log .waiting").waitFor();
	await sendFrom(100);
	await line(199).waitFor();
	await page.done();
});

test("live: many at once are all there, in order, in few lines of the document", async () => {
	const page = await open(browser, `${pipeline.url}/#/live?filter=system%3Drush`);
	await page.locator(".log .waiting").waitFor();
	const shown = () => page.locator(".line .message").allInnerTexts();
	const sendFrom = (n, count) =>
		pipeline.send(
			Array.from({ length: count }, (_, i) => ({
				traceId: "rush",
				system: "rush",
				details: `rush ${n + i}`,
				timestamp: new Date(Date.UTC(2026, 0, 1) + n + i).toISOString(),
			})),
		);
	let sent = 0;
	const isOff = () => page.locator(".log[aria-live=off]").count();
	await until("it is fast", async () => {
		await sendFrom(sent, 40);
		sent += 40;
		return isOff();
	});
	await sendFrom(sent, 300);
	sent += 300;
	const atEnd = async () => (await shown()).some((text) => text === `rush ${sent - 1}`);
	await until("the last is there", atEnd);
	const inOrder = (texts, last) => {
		const numbers = texts.map((text) => Number(text.slice(5))).sort((a, b) => a - b);
		assert.deepEqual(
			numbers,
			numbers.map((_, i) => last - numbers.length + 1 + i),
		);
	};
	inOrder(await shown(), sent - 1);
	assert.ok((await page.locator(".line").count()) < 80);
	const lines = (probe) => page.locator(".line").evaluateAll(probe);
	await until("lines that go out of sight are those that come", async () => {
		await lines((all) => all.forEach((line) => (line.isOld = true)));
		await sendFrom(sent, 10);
		sent += 10;
		await until("the last is there", atEnd);
		return lines((all) => all.every((line) => line.isOld));
	});
	inOrder(await shown(), sent - 1);
	await page.locator(".log").evaluate((node) => (node.scrollTop = 26 * 100));
	await until("others are in sight", async () => !(await atEnd()));
	const texts = await shown();
	inOrder(texts, Math.max(...texts.map((text) => Number(text.slice(5)))));
	const [y, box] = await Promise.all([
		page.locator(".line", { hasText: "rush 100" }).first().boundingBox(),
		page.locator(".log").boundingBox(),
	]);
	assert.ok(Math.abs(y.y - box.y) < 30);
	await page.done();
});

test("a long list is walked by pages, each trace once", async () => {
	const ids = Array.from({ length: 130 }, (_, i) => `far-${String(i).padStart(3, "0")}`);
	await pipeline.send(ids.map((traceId) => ({ traceId, system: "far", details: traceId })));
	await until("all are stored", async () => (await pipeline.events("system=far")).length === 130);
	const page = await open(browser, `${pipeline.url}/#/?filter=system%3Dfar`);
	const table = page.locator("table[aria-label]");
	const other = async (before) =>
		until("another page is there, with all of its rows", async () => {
			const wanted = parseInt(await table.getAttribute("aria-label"), 10);
			const now = await page.locator("tbody a").allTextContents();
			return now.length === wanted && now[0] !== before[0] && now;
		});
	const pages = [await other([])];
	while (await page.getByRole("button", { name: "Older" }).count()) {
		await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
		await page.getByRole("button", { name: "Older" }).click();
		pages.push(await other(pages.at(-1)));
		assert.equal(await page.evaluate(() => scrollY), 0, "its beginning is what is seen");
	}
	assert.deepEqual(
		pages.map((all) => all.length),
		[50, 50, 30],
	);
	assert.deepEqual(pages.flat().sort(), ids);
	await page.getByRole("button", { name: "Newer" }).click();
	assert.deepEqual(await other(pages[2]), pages[1]);
	await page.goBack();
	assert.deepEqual(await other(pages[1]), pages[2]);
	await page.done();
});

test("who comes back to a list is where it was left", async () => {
	const many = Array.from({ length: 60 }, (_, i) => ({
		traceId: `left-${i}`,
		system: "left",
		severity: "error",
		type: "error",
		name: `Left${String.fromCharCode(65 + (i % 26), 65 + i / 26)}`,
		details: "behind",
	}));
	await pipeline.send(many);
	await until("all are stored", async () => (await pipeline.events("system=left")).length === 60);
	const lists = [
		["?filter=system%3Dleft", ".row"],
		["errors?filter=system%3Dleft", ".error-group"],
	];
	for (const [address, opened] of lists) {
		const page = await open(browser, `${pipeline.url}/#/${address}`, { width: 390 });
		const row = page.locator("tbody a").nth(40);
		await row.scrollIntoViewIfNeeded();
		const top = () => row.evaluate((link) => Math.round(link.getBoundingClientRect().top));
		const [name, before] = [await row.textContent(), await top()];
		await row.focus();
		await page.keyboard.press("Enter");
		await page.locator(opened).first().waitFor();
		await page.goBack();
		await until(
			"the row has the focus",
			async () => (await page.evaluate(() => document.activeElement.textContent)) === name,
		);
		assert.ok(Math.abs((await top()) - before) < 4, `it is at ${await top()}, was at ${before}`);
		await page.keyboard.press("j");
		assert.notEqual(await page.evaluate(() => document.activeElement.textContent), name);
		await page.getByRole("link", { name: "Flow" }).click();
		await page.getByRole("link", { name: "Traces" }).click();
		await page.locator("tbody a").first().waitFor();
		assert.equal(await page.evaluate(() => scrollY), 0, "by a link it begins anew");
		await page.done();
	}
});

test("by keyboard alone, with the focus to be seen", async () => {
	const page = await open(browser, `${pipeline.url}/`);
	const focused = (probe) => page.evaluate(`(${probe})(document.activeElement)`);
	await page.locator("tbody tr").first().waitFor();
	assert.equal(await page.locator("dialog dd").count(), 0, "nothing is made before it is wanted");
	await page.keyboard.press("?");
	await page.getByRole("heading", { name: "Keyboard" }).waitFor();
	await page.keyboard.press("Escape");
	await page.locator("dialog").waitFor({ state: "hidden" });
	for (const key of ["j", "j", "k"]) await page.keyboard.press(key);
	assert.equal(
		await focused((node) => node.textContent),
		await page.locator("tbody a").first().textContent(),
	);
	assert.equal(await focused((node) => getComputedStyle(node.closest("tr")).outlineStyle), "solid");
	await page.keyboard.press("/");
	await page.getByRole("option").first().waitFor();
	await page.keyboard.press("Tab");
	assert.equal(await focused((node) => node.textContent), "All", "what is behind the filter");
	await page.goto(`${pipeline.url}/#/trace/${declined}`);
	await page.locator(".row").first().waitFor();
	assert.equal(await focused((node) => node.id), "main");
	for (let i = 0; i < 30 && !(await focused((node) => node.matches(".rows"))); i++)
		await page.keyboard.press("Tab");
	await page.keyboard.press("?");
	await page.locator("dialog dd", { hasText: "in the steps: to the event" }).waitFor();
	await page.keyboard.press("Escape");
	assert.ok(await focused((node) => node.matches(".rows")), "where it was");
	await page.keyboard.press("End");
	const last = await text(page, ".event-panel h2");
	await page.keyboard.press("Home");
	await until("another step is shown", async () => (await text(page, ".event-panel h2")) !== last);
	await page.keyboard.press("ArrowLeft");
	assert.equal(await page.locator(".row").count(), 1);
	await page.keyboard.press("Enter");
	assert.ok(await focused((node) => node.matches(".right")));
	await page.keyboard.press("4");
	await page.locator(".log").waitFor();
	await page.goBack();
	await page.locator(".row").first().waitFor();
	await page.done();
});

test("axe finds nothing and nothing is too wide: each page, in both themes and widths, and while it loads", async () => {
	const [{ fingerprint }] = (await (await fetch(`${pipeline.url}/api/errors`)).json()).items;
	const good = (
		await (await fetch(`${pipeline.url}/api/traces?status=success&title=POST+/checkout`)).json()
	).items[0].trace_id;
	const pages = [
		["", "tbody tr"],
		[`trace/${declined}`, ".row"],
		[`trace/${declined}?tab=flow`, ".track-value"],
		[`compare?a=${good}&b=${declined}`, ".pair"],
		["errors", "tbody tr"],
		[`errors/${fingerprint}`, ".event-panel"],
		["flow", "tbody tr"],
		["live", ".line"],
		["?filter=nothing-has-this", ".empty"],
		["trace/none-has-this", ".empty"],
		["errors/0000000000000000", ".empty"],
		[`compare?a=${good}&b=none-has-this`, ".empty"],
	];
	const blank = `${pipeline.url}/icon.svg`;
	const looks = [
		["light", 1280],
		["dark", 390],
	];
	for (const [theme, width] of looks) {
		const allowed = /404/;
		const page = await open(browser, blank, { width, theme, motion: "reduce", allowed });
		for (const [address, content] of pages) {
			await page.goto(blank); // What is waited for is this page's.
			await page.goto(`${pipeline.url}/#/${address}`);
			await page.locator(content).first().waitFor();
			assert.equal(await axeFindings(page), "", `${address} ${theme} ${width}`);
			assert.equal(await isWiderThanWindow(page), false, `${address} ${width}`);
		}
		await page.done();
	}
	for (const [address] of pages.filter(([, content]) => content !== ".empty")) {
		const page = await open(browser, blank);
		await page.route("**/api/**", () => {});
		await page.goto(`${pipeline.url}/#/${address}`);
		await page.locator("main h1").waitFor({ state: "attached" });
		assert.equal(await axeFindings(page), "", `${address}, loading`);
		await page.done();
	}
});

test("the theme is switched and remembered", async () => {
	const page = await open(browser, `${pipeline.url}/`);
	const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	const light = await paper();
	await page.getByRole("button", { name: /^Theme/ }).click();
	await page.getByRole("button", { name: "Theme: light" }).click();
	await page.getByRole("button", { name: "Theme: dark" }).waitFor();
	assert.notEqual(await paper(), light);
	await page.reload();
	await page.getByRole("button", { name: "Theme: dark" }).waitFor();
	assert.notEqual(await paper(), light);
	await page.done();
});

test("where the browser may keep nothing the page is there all the same", async () => {
	const page = await open(browser, `${pipeline.url}/icon.svg`, { allowed: /404/ });
	await page.addInitScript(() => {
		const get = () => {
			throw new DOMException("not allowed", "SecurityError");
		};
		for (const name of ["localStorage", "sessionStorage"])
			Object.defineProperty(globalThis, name, { get });
	});
	await page.goto(`${pipeline.url}/#/`);
	await page.locator("tbody tr").first().waitFor();
	await page.getByRole("button", { name: "Theme: as the system" }).click();
	await page.getByRole("button", { name: "Theme: light" }).waitFor();
	await page.done();
});

test("what events say stays text", async () => {
	const bad = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';
	const event = {
		traceId: "<b>x/..\\,&?#%41",
		system: bad,
		type: bad,
		severity: "error",
		name: "javascript:window.pwned=1",
		details: `\u202e${bad}`,
		file: "javascript:window.pwned=1//",
		line: 1,
		source: bad,
		[bad]: bad,
		locals: {
			[bad]: bad,
			deep: { [bad]: [bad] },
			url: "javascript:window.pwned=1",
			big: "x".repeat(900000),
		},
		stacktrace: [{ file: `/${bad}`, line: 2, function: bad, code: bad, locals: { [bad]: bad } }],
	};
	const line = JSON.stringify(event).replace('"locals":{', '"locals":{"__proto__":{"polluted":1},');
	await pipeline.send([line, line.replace('"line":1', '"line":2')]);
	const page = await open(browser, `${pipeline.url}/`);
	await page.locator("tbody a", { hasText: "javascript:" }).click();
	await page.locator(".event-panel").waitFor();
	const folded = page.locator(".event-panel .part details:not([open]) > summary");
	while ((await folded.count()) > 0) await folded.first().click();
	assert.equal(await page.locator("main img, main script, main b:not(.name b)").count(), 0);
	const schemes = await page.locator("main a").evaluateAll((all) => all.map((a) => a.protocol));
	assert.deepEqual(
		schemes.filter((scheme) => scheme !== "http:" && scheme !== "vscode:"),
		[],
	);
	assert.ok((await page.locator(".event-panel").innerText()).includes("__proto__"));
	await page.getByRole("link", { name: "Data flow" }).click();
	await page.locator(".track-value").first().waitFor();
	await page.goto(`${pipeline.url}/#/live`);
	await page.locator(".line.error").last().waitFor();
	assert.equal(await page.evaluate(() => [window.pwned, {}.polluted].join()), ",");
	assert.equal(await isWiderThanWindow(page), false);
	await page.done();
});

test("a text that is cut shows its beginning, also from right to left", async () => {
	const arabic = "تعذر حفظ الطلب: المبلغ سالب ".repeat(8);
	const event = { traceId: "arabic", system: "خدمة", severity: "error", details: arabic };
	await pipeline.send([event, { ...event, details: "plain text ".repeat(20) }]);
	const areBeginningsSeen = (nodes) =>
		nodes.map((node) => {
			const range = document.createRange();
			range.setStart(node.firstChild, 0);
			range.setEnd(node.firstChild, 1);
			const [first, box] = [range.getBoundingClientRect(), node.getBoundingClientRect()];
			const isCut = node.scrollWidth > node.clientWidth;
			return isCut && first.left >= box.left - 1 && first.right <= box.right + 1;
		});
	const page = await open(browser, `${pipeline.url}/`, { width: 390 });
	for (const [address, selector] of [
		["?filter=trace%3Darabic", "td.title a, td.title .last-error"],
		["trace/arabic", ".row.event .label"],
		["live?filter=trace%3Darabic", ".line .message"],
	]) {
		await page.goto(`${pipeline.url}/#/${address}`);
		await page.locator(selector).nth(1).waitFor();
		const seen = await page.locator(selector).evaluateAll(areBeginningsSeen);
		assert.deepEqual(seen, [true, true], address);
	}
	await page.done();
});

test("a text of a megabyte names its trace by its beginning", async () => {
	const details = "ä long story ".repeat(72000);
	await pipeline.send([{ traceId: "long-story", system: "a", severity: "error", details }]);
	const { title } = await until("it is in the list", async () => {
		const answer = await fetch(`${pipeline.url}/api/traces?filter=trace%3Dlong-story`);
		return (await answer.json()).items[0];
	});
	const page = await open(browser, `${pipeline.url}/#/trace/long-story`);
	await page.locator(".event-panel").waitFor();
	assert.equal(await page.locator("h1").textContent(), title, "as the list has it");
	assert.ok((await text(page, ".event-panel h2")).length < 600);
	await page.getByRole("button", { name: "all 936,000 characters" }).click();
	assert.equal(
		await page.locator(".event-panel h2").evaluate((node) => node.textContent.length),
		936000,
	);
	await page.getByRole("button", { name: "Compare with a good one" }).click();
	await says(page, "[role=alert]", "went well");
	await page.done();
});

test("the server goes away and comes back", async () => {
	const page = await open(browser, `${pipeline.url}/`, { allowed: /ERR_|Failed to load/ });
	await isLive(page);
	await pipeline.stopHttp();
	await says(page, "#link", "Disconnected");
	assert.match(await text(page, "[role=alert]"), /dp-http does not answer/);
	await pipeline.send([{ traceId: "meanwhile", details: "while it was away" }]);
	await pipeline.serve();
	await isLive(page);
	await says(page, "tbody", "while it was away");
	await page.done();
});

test("10,000 events: soon there, and smooth", async (t) => {
	const events = Array.from({ length: 10000 }, (_, i) => ({
		traceId: "ten-thousand",
		timestamp: new Date(Date.now() - 60e3 + i * 5).toISOString(),
		system: `service-${i % 12}`,
		severity: i % 997 === 5 ? "error" : "info",
		type: "span",
		name: `step ${i}`,
		spanId: `s${i}`,
		...(i > 0 && { parentSpanId: `s${Math.floor((i - 1) / 6)}` }),
		durationMs: 10 + (i % 300),
		locals: { order_id: 17, i },
	}));
	for (let i = 0; i < events.length; i += 1000) await pipeline.send(events.slice(i, i + 1000));
	await until(
		"all are stored",
		async () => (await pipeline.events("trace=ten-thousand")).length === 10000,
	);
	const page = await open(browser, `${pipeline.url}/`);
	await page.locator("tbody tr").first().waitFor();
	const firstRow = await page.evaluate(async () => {
		const began = performance.now();
		location.hash = "#/trace/ten-thousand";
		while (!document.querySelector(".row")) await new Promise(requestAnimationFrame);
		return performance.now() - began;
	});
	assert.ok((await page.locator(".row").count()) < 120, "only what is in sight is in the document");
	const frames = await page.evaluate(async () => {
		const rows = document.querySelector(".rows");
		const times = [];
		let last = await new Promise(requestAnimationFrame);
		for (let i = 0; i < 120; i++) {
			rows.scrollTop += 140;
			const now = await new Promise(requestAnimationFrame);
			times.push(now - last);
			last = now;
		}
		return times.sort((a, b) => a - b);
	});
	t.diagnostic(
		`first row after ${Math.round(firstRow)} ms; frames while scrolling: ` +
			`median ${frames[60].toFixed(1)} ms, p95 ${frames[114].toFixed(1)} ms`,
	);
	assert.ok(frames[60] < 34, `median frame ${frames[60]} ms`); // 16.7 on a quiet machine
	await page.keyboard.press("n");
	await page.locator(".row.chosen.error").waitFor();
	await page.done();
});
