// Long lists have only those rows in the document that are in sight, and a few around them.

import { useEffect, useState } from "preact/hooks";

export const OVERSCAN = 12; // rows

export interface InView {
	width: number; // px, of the box
	page: number; // rows that fit
	first: number;
	last: number; // the row behind the last one
	look: () => void; // to be called when the box was scrolled, or its rows became others
}

// Of `count` rows of `height` px in a box that scrolls. `isAtEnd`: it is, whatever it was when it was looked at.
export function useInView(
	box: { readonly current: HTMLElement | null },
	count: number,
	height: number,
	isAtEnd = false,
): InView {
	const [view, setView] = useState({ top: 0, page: 22, width: 1000 });
	const look = (): void => {
		if (!box.current) return; // it scrolled or was resized as it went away
		const { scrollTop, clientHeight, clientWidth: width } = box.current;
		const top = Math.floor(scrollTop / height);
		const page = Math.ceil(clientHeight / height);
		setView((old) =>
			old.top === top && old.page === page && old.width === width ? old : { top, page, width },
		);
	};
	useEffect(() => {
		const watch = new ResizeObserver(look);
		watch.observe(box.current!);
		return () => watch.disconnect();
	}, []);
	const top = isAtEnd ? count - view.page : Math.min(view.top, count);
	return {
		width: view.width,
		page: view.page,
		first: Math.max(0, top - (isAtEnd ? 2 : OVERSCAN)),
		last: Math.min(count, top + view.page + OVERSCAN),
		look,
	};
}
