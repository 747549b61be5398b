// The way to a trace as a file.

import type { ComponentChildren } from "preact";
import { headers, refusal, token, url } from "./api";
import { failed } from "./state";

// What a link leads to the browser asks for without the token.
async function save(target: string): Promise<void> {
	try {
		const response = await fetch(target, { headers: headers({}) });
		if (!response.ok) throw await refusal(response);
		const said = response.headers.get("Content-Disposition") ?? "";
		const link = document.createElement("a");
		link.href = URL.createObjectURL(await response.blob());
		link.download = /filename="([^"]+)"/.exec(said)?.[1] ?? "trace.ndjson";
		link.click();
		setTimeout(() => URL.revokeObjectURL(link.href), 60e3);
	} catch (error) {
		failed(error);
	}
}

export function Export({ id, children }: { id: string; children: ComponentChildren }) {
	const target = url("/api/trace/export", { trace: id });
	const follow = (event: Event): void => {
		if (token.get() === null) return; // nor is the file held in memory then
		event.preventDefault();
		void save(target);
	};
	return (
		<a class="button" href={target} download onClick={follow}>
			{children}
		</a>
	);
}
