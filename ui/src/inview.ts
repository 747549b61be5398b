// Long lists have only those rows in the document that are in sight, and a few around them.

import { useEffect, useState } from "preact/hooks";

const OVERSCAN = 12; // rows

export interface InView {
	width: number; // px, of the box
	page: number; // rows that fit
	first: number;
	last: number; // the row behind the last one
	look: () => void; // to be called when the box was scrolled, its rows or `isAtEnd` became others
}

const NEVER = { current: false };
const END = Infinity; // the first row in sight of who is at the end, however many rows there are

// Of `count` rows of `height` px in a box that scrolls. `isAtEnd`: the last rows are in sight, also of those to come.
export function useInView(
	box: { readonly current: HTMLElement | null },
	count: number,
	height: number,
	isAtEnd: { readonly current: boolean } = NEVER,
): InView {
	const [view, setView] = useState({ top: isAtEnd.current ? END : 0, page: 22, width: 1000 });
	const look = (): void => {
		if (!box.current) return; // it scrolled or was resized as it went away
		const { scrollTop, clientHeight, clientWidth: width } = box.current;
		const top = isAtEnd.current ? END : Math.floor(scrollTop / height);
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
	const follows = view.top === END;
	const top = follows ? count - view.page : Math.min(view.top, count);
	return {
		width: view.width,
		page: view.page,
		first: Math.max(0, top - (follows ? 2 : OVERSCAN)),
		last: Math.min(count, top + view.page + OVERSCAN),
		look,
	};
}

// Whether what is shown there would move under the reader's eyes.
export function isBeingRead(box: HTMLElement | null): boolean {
	return (
		scrollY > 40 ||
		(box?.matches(":hover") ?? false) ||
		(box?.contains(document.activeElement) ?? false)
	);
}
