// The page in the system's Chromium, and how long a reader of it waits; bench/ui runs it. A list of ms as
// JSON is printed.
//
//	first URL ROW ROUNDS        from the navigation until the first row is there, with nothing cached
//	scroll URL ROW BOX FRAMES   of each frame while BOX is scrolled
//	walk URL PAGES              from the click on "Older" until the first row of that page is there
//	watch URL SECONDS           of each frame while events come; the line "ready" before they should

import { startBrowser } from "../tests/ui/harness.mjs";

const STEP_PX = 140; // scrolled in a frame
const LOADS = 300e3; // ms until something must be there
const SETTLE_MS = 1500; // until a new window is drawn, which takes both cores

async function open(browser, url) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
	const page = await context.newPage();
	page.setDefaultTimeout(LOADS);
	return Object.assign(page, { load: () => page.goto(url) });
}

// Runs in the page, before all else of it. It tells, as to be asked takes the page a while.
function noteFirst(row) {
	const tell = () => console.debug(performance.now());
	const look = () => requestAnimationFrame(document.querySelector(row) ? tell : look);
	look();
}

async function first(browser, [url, row, rounds]) {
	const times = [];
	for (let n = 0; n <= Number(rounds); n++) {
		const page = await open(browser, url);
		await page.addInitScript(noteFirst, row);
		await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
		const told = page.waitForEvent("console");
		await page.goto(url, { waitUntil: "commit" });
		times.push(Number((await told).text()));
		await page.context().close();
	}
	return times.slice(1); // as the browser, too, does something for the first time
}

// Runs in the page. Goes back at the end of the box.
async function scrollFrames([selector, frames, step]) {
	const box = document.querySelector(selector);
	const times = [];
	let last = await new Promise(requestAnimationFrame);
	for (let way = step; times.length < frames;) {
		const before = box.scrollTop;
		box.scrollTop += way;
		if (box.scrollTop === before) way = -way;
		const now = await new Promise(requestAnimationFrame);
		times.push(now - last);
		last = now;
	}
	return times;
}

async function scroll(browser, [url, row, box, frames]) {
	const page = await open(browser, url);
	await page.load();
	await page.locator(row).first().waitFor();
	return page.evaluate(scrollFrames, [box, Number(frames), STEP_PX]);
}

// Runs in the page.
async function walkPages(pages) {
	const first = () => document.querySelector("tbody a").href;
	const older = () =>
		[...document.querySelectorAll(".paging button")].find((each) => each.textContent === "Older");
	const times = [];
	while (times.length < pages) {
		const before = first();
		const began = performance.now();
		older().click();
		while (first() === before) await new Promise(requestAnimationFrame);
		times.push((await new Promise(requestAnimationFrame)) - began);
	}
	return times;
}

async function walk(browser, [url, pages]) {
	const page = await open(browser, url);
	await page.load();
	await page.getByRole("button", { name: "Older" }).waitFor();
	return page.evaluate(walkPages, Number(pages));
}

// Runs in the page.
async function framesFor(seconds) {
	const times = [];
	const began = await new Promise(requestAnimationFrame);
	for (let last = began; last - began < seconds * 1000;) {
		const now = await new Promise(requestAnimationFrame);
		times.push(now - last);
		last = now;
	}
	return times;
}

async function watch(browser, [url, seconds]) {
	const page = await open(browser, url);
	await page.load();
	await page.locator("#link.live").waitFor();
	console.log("ready");
	return page.evaluate(framesFor, Number(seconds));
}

const [mode, ...args] = process.argv.slice(2);
const browser = await startBrowser();
try {
	console.log(JSON.stringify(await { first, scroll, walk, watch }[mode](browser, args)));
} finally {
	await browser.close();
}
