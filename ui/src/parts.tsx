// Small things that every page uses. What events say only ever becomes a text node.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { age, clock } from "./format";
import { complaint, now } from "./state";

// Shapes of 24 by 24, drawn as strokes; each is one path, as there are many in a list.
const SHAPES: Record<string, string> = {
	error: "M12 8v5M12 16.5v.01M8 3h8l5 5v8l-5 5H8l-5-5V8z",
	warning: "M12 9v4.5M12 17v.01M12 3.5 2.5 20h19z",
	success: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M8 12l3 3 5-6",
	info: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M12 11v5M12 8v.01",
	debug: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M8 12h.01M12 12h.01M16 12h.01",
	pause: "M8 5v14M16 5v14",
	play: "M7 4.5v15l12-7.5z",
	close: "M6 6l12 12M18 6 6 18",
	right: "m9 6 6 6-6 6",
	down: "m6 9 6 6 6-6",
	up: "m6 15 6-6 6 6",
	sun:
		"M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2" +
		"M5 5l1.4 1.4M17.6 17.6l1.4 1.4M5 19l1.4-1.4M17.6 6.4 19 5",
	moon: "M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5",
	system: "M4 5h16v11H4zM9 20h6M12 16v4",
	changed: "M4 9h13l-3-3M20 15H7l3 3",
	editor: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
};

export function Icon({ name }: { name: string }) {
	return (
		<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
			<path d={SHAPES[name] ?? SHAPES["info"]} />
		</svg>
	);
}

// A status or severity: never by colour alone.
export function Badge({ status, label = status }: { status: string; label?: string }) {
	return (
		<span class={`badge ${status}`}>
			<Icon name={status} />
			<span>{label}</span>
		</span>
	);
}

// One of the colours of systems, always the same for a name.
export function hueOf(system: string): number {
	let hash = 0;
	for (const character of system) hash = (hash * 31 + character.codePointAt(0)!) >>> 0;
	return hash % 10;
}

export function System({ name }: { name: string }) {
	return (
		<span class={`system hue${hueOf(name)}`} title={name}>
			{name}
		</span>
	);
}

// Stages in miniature, in the order in which they came.
export function Systems({ names, most = 4 }: { names: string[]; most?: number }) {
	const rest = names.slice(most);
	return (
		<span class="systems">
			{names.slice(0, most).map((name) => (
				<System key={name} name={name} />
			))}
			{rest.length > 0 && (
				<span class="more" title={rest.join(", ")}>
					+{rest.length}
				</span>
			)}
		</span>
	);
}

// An instant: as its age or the reader's own time; UTC when pointed at.
export function Time({ at, as = "age" }: { at: string; as?: "age" | "clock" }) {
	const utc = at.replace("T", " ").replace("Z", " UTC");
	return (
		<time dateTime={at} title={as === "age" ? `${clock(at)} · ${utc}` : utc}>
			{as === "age" ? age(at, now.value) : clock(at)}
		</time>
	);
}

export async function copy(text: string): Promise<void> {
	await navigator.clipboard.writeText(text);
}

export function CopyButton({
	text,
	children,
	class: name = "button small",
}: {
	text: () => string;
	children: ComponentChildren;
	class?: string;
}) {
	const [said, setSaid] = useState("");
	const run = async (): Promise<void> => {
		try {
			await copy(text());
			setSaid("Copied");
		} catch {
			setSaid("Not allowed here");
		}
		setTimeout(() => setSaid(""), 1500);
	};
	return (
		<button type="button" class={name} aria-live="polite" onClick={() => void run()}>
			{said || children}
		</button>
	);
}

// Instead of what is not there: in a place of a page, or as the whole of it.
export function Empty({
	title,
	whole = false,
	children,
}: {
	title: string;
	whole?: boolean;
	children?: ComponentChildren;
}) {
	return (
		<section class="empty">
			{whole ? <h1>{title}</h1> : <h2>{title}</h2>}
			{children}
		</section>
	);
}

export function Loading({ what }: { what: string }) {
	return (
		<p class="loading" role="status">
			Loading {what}…
		</p>
	);
}

// A whole page until it has something to show; a complaint stands above it.
export function Waiting({ title, what }: { title: string; what: string }) {
	return (
		<>
			<h1 class="visually-hidden">{title}</h1>
			{complaint.value === "" && <Loading what={what} />}
		</>
	);
}
