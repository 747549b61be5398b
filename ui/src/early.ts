// What the page is opened for is asked for before the page is made, and is there when it is: a frame without it, and
// one more with it, would take longer.

import { askEarly, type Query } from "./api";
import { route } from "./route";

// The newest traces, or a page of others, as the address says it.
export function tracesAsked(): [path: string, query: Query] {
	return ["/api/traces", { ...Object.fromEntries(route.value.query), limit: 50 }];
}

export function traceAsked(id: string): [path: string, query: Query] {
	return ["/api/trace", { trace: id }];
}

const SOON_MS = 100; // a page without it is shown then

function asked(): Promise<void> {
	const [page, id] = route.value.path;
	if (page === undefined) return askEarly(...tracesAsked());
	if (page === "trace" && id !== undefined) return askEarly(...traceAsked(id));
	return Promise.resolve();
}

export const answered = Promise.race([
	asked(),
	new Promise<void>((resolve) => setTimeout(resolve, SOON_MS)),
]);
