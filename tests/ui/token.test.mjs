// A dp-http that wants a token.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { open, startBrowser, startPipeline, until } from "./harness.mjs";

test("a token is asked for, and used for the stream too; one that is not valid is told", async () => {
	const environment = { DEVPULSE_TOKEN: "0123456789abcdef" };
	const pipeline = await startPipeline(environment);
	const browser = await startBrowser();
	try {
		const page = await open(browser, `${pipeline.url}/`, { allowed: /401|ERR_|Failed to load/ });
		const isRefused = async () => {
			await page.getByText("is not, or no longer, valid").waitFor();
			assert.equal(await page.locator("#banner").count(), 0);
			assert.equal(await page.locator("#link").innerText(), "No token");
		};
		await page.getByLabel("Token").fill("not the one");
		await page.keyboard.press("Enter");
		await isRefused();
		await page.getByLabel("Token").fill("0123456789abcdef");
		await page.keyboard.press("Enter");
		await page.getByRole("heading", { name: "Waiting for the first event" }).waitFor();
		await until("it is live", async () => (await page.locator("#link").innerText()) === "Live");
		await pipeline.send([{ traceId: "t", details: "just now" }]);
		await until("it is shown", async () =>
			(await page.locator("tbody").innerText()).includes("just now"),
		);
		await page.locator("tbody a").click();
		const [file] = await Promise.all([
			page.waitForEvent("download"),
			page.getByRole("link", { name: "Export" }).click(),
		]);
		assert.match(file.suggestedFilename(), /\.ndjson$/);
		assert.match(await readFile(await file.path(), "utf8"), /"details":"just now"/);
		await page.goBack();
		await pipeline.stopHttp();
		await page.locator("#banner").waitFor();
		environment.DEVPULSE_TOKEN = "fedcba9876543210";
		await pipeline.serve();
		await isRefused();
		await page.getByLabel("Token").fill("fedcba9876543210");
		await page.keyboard.press("Enter");
		await page.locator("tbody").waitFor();
		await page.done();
	} finally {
		await browser.close();
		await pipeline.close();
	}
});
