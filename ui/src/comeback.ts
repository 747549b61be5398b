// Who comes back to a list from what was opened in it finds the row where it was, with the focus on it. It is kept with
// the list's own entry in the browser's history.

import { useEffect } from "preact/hooks";

interface Left {
	row: string; // where it leads
	top: number; // px, of the window
}

// For clicks in a list.
export function leave({ target }: Event): void {
	const link = (target as Element).closest<HTMLAnchorElement>("a[data-row]");
	if (!link) return;
	const left: Left = { row: link.hash, top: link.getBoundingClientRect().top };
	history.replaceState(left, "");
}

// To be used where the rows are shown; `isWhole`: all of them.
export function useComeback(
	list: { readonly current: HTMLElement | null },
	isWhole: boolean,
): void {
	useEffect(() => {
		if (!isWhole) return;
		const left = history.state as Left | null;
		const links = list.current?.querySelectorAll<HTMLAnchorElement>("a[data-row]") ?? [];
		const link = left && [...links].find((each) => each.hash === left.row);
		if (!link) return;
		history.replaceState(null, "");
		link.focus({ preventScroll: true });
		scrollBy(0, link.getBoundingClientRect().top - left.top);
	}, [isWhole]);
}
