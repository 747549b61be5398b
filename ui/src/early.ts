// What the page is opened for is asked for before the page is made: the answer comes meanwhile.

import { askEarly, type Query } from "./api";
import { route } from "./route";

// The newest traces, or a page of others, as the address says it.
export function tracesAsked(): [path: string, query: Query] {
	return ["/api/traces", { ...Object.fromEntries(route.value.query), limit: 50 }];
}

export function traceAsked(id: string): [path: string, query: Query] {
	return ["/api/trace", { trace: id }];
}

const [page, id] = route.value.path;
if (page === undefined) askEarly(...tracesAsked());
else if (page === "trace" && id !== undefined) askEarly(...traceAsked(id));
