// What the page shows is in the hash of its address: #/PATH/…?QUERY. The server never sees it.

import { signal } from "@preact/signals";

export interface Route {
	path: string[];
	query: URLSearchParams;
}

export function parseHash(hash: string): Route {
	const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split(/\?(.*)/s);
	try {
		return {
			path: path
				.split("/")
				.filter((part) => part !== "")
				.map(decodeURIComponent),
			query: new URLSearchParams(query),
		};
	} catch {
		return { path: [], query: new URLSearchParams() }; // an address that cannot be decoded
	}
}

export type Params = Record<string, string | null | undefined>;

// The address of a page; parameters without a value are left out.
export function link(path: string[], params: Params = {}): string {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(params))
		if (value !== null && value !== undefined && value !== "") query.set(name, value);
	return `#/${path.map(encodeURIComponent).join("/")}${query.size > 0 ? `?${query}` : ""}`;
}

export const route = signal(parseHash(location.hash));

addEventListener("hashchange", () => {
	route.value = parseHash(location.hash);
});

export function go(hash: string): void {
	location.hash = hash;
}

// The same page with some parameters changed: a step that "back" undoes, or with `replace` none.
export function change(params: Params, replace = false): void {
	const { path, query } = route.value;
	const hash = link(path, { ...Object.fromEntries(query), ...params });
	if (!replace) {
		go(hash);
		return;
	}
	history.replaceState(null, "", hash);
	route.value = parseHash(hash);
}
