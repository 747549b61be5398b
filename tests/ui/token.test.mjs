// A dp-http that wants a token.

import { test } from "node:test";
import { open, startBrowser, startPipeline, until } from "./harness.mjs";

test("a token is asked for, and used for the stream too", async () => {
	const pipeline = await startPipeline({ DEVPULSE_TOKEN: "0123456789abcdef" });
	const browser = await startBrowser();
	try {
		const page = await open(browser, `${pipeline.url}/`, { allowed: /401/ });
		await page.getByLabel("Token").fill("0123456789abcdef");
		await page.keyboard.press("Enter");
		await page.getByRole("heading", { name: "Waiting for the first event" }).waitFor();
		await until("it is live", async () => (await page.locator("#link").innerText()) === "Live");
		await pipeline.send([{ traceId: "t", details: "just now" }]);
		await until("it is shown", async () =>
			(await page.locator("tbody").innerText()).includes("just now"),
		);
		await page.done();
	} finally {
		await browser.close();
		await pipeline.close();
	}
});
