// More tabs than a browser has connections to a host.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, setSeen, startBrowser, startPipeline, until } from "./harness.mjs";

const TABS = 8;

test("eight tabs: who is seen is live, and nothing is missed or shown twice", async () => {
	const pipeline = await startPipeline();
	const browser = await startBrowser();
	const says = (page, wanted) =>
		until(`a tab says ${wanted}`, async () => (await page.locator("#link").innerText()) === wanted);
	const line = (page, text) => page.locator(".line", { hasText: text });
	const send = (traceId, details) => pipeline.send([{ traceId, details }]);
	try {
		await send("old", "came before");
		const live = await open(browser, `${pipeline.url}/#/live`);
		await line(live, "came before").waitFor();
		await says(live, "Live");
		await setSeen(live, false);
		await says(live, "Paused");

		const behind = [];
		for (let n = 1; n < TABS; n++)
			behind.push(
				await open(browser, `${pipeline.url}/#/trace/old`, { beside: live, seen: false }),
			);
		for (const page of behind)
			await page.getByRole("heading", { level: 1, name: "came before" }).waitFor();
		await send("old", "came meanwhile");
		await setSeen(behind.at(-1), true);
		await says(behind.at(-1), "Live");
		await behind.at(-1).locator(".row", { hasText: "came meanwhile" }).waitFor();

		await setSeen(live, true);
		await line(live, "came meanwhile").waitFor();
		await says(live, "Live");
		await send("old", "came at last");
		await line(live, "came at last").waitFor();
		assert.equal(await live.locator(".line").count(), 3);
		await live.done();
	} finally {
		await browser.close();
		await pipeline.close();
	}
});
