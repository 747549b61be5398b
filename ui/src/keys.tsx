// The keyboard: pages say what keys do while they are shown; `?` lists them.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

export interface Key {
	key: string; // as KeyboardEvent has it
	shown?: string; // where that is not what is printed on it
	does: string;
	run?: () => void; // not given where what has the focus does it
}

const groups = signal<{ title: string; keys: Key[] }[]>([]);
export const helpShown = signal(false);

// Whether what has the focus takes letters itself.
function isTyping(target: EventTarget | null): boolean {
	return (
		target instanceof HTMLElement &&
		(target.matches("input, textarea, select") || target.isContentEditable)
	);
}

addEventListener("keydown", (event) => {
	if (
		event.ctrlKey ||
		event.metaKey ||
		event.altKey ||
		event.defaultPrevented ||
		isTyping(event.target)
	)
		return;
	if (helpShown.value) return; // the dialog has the keyboard
	for (const group of groups.value.toReversed()) {
		const found = group.keys.find((each) => each.key === event.key && each.run);
		if (found) {
			event.preventDefault();
			found.run!();
			return;
		}
	}
});

// The keys of a page or a part of it, as long as it is shown.
export function useKeys(title: string, keys: Key[]): void {
	const latest = useRef(keys);
	latest.current = keys;
	useEffect(() => {
		const group = {
			title,
			keys: keys.map((each, i) =>
				each.run ? { ...each, run: () => latest.current[i]?.run?.() } : each,
			),
		};
		groups.value = [...groups.value, group];
		return () => {
			groups.value = groups.value.filter((each) => each !== group);
		};
	}, [title]);
}

// Moves the focus along the links that name the rows of a list.
export function focusRow(list: HTMLElement | null, by: number): void {
	const links = [...(list?.querySelectorAll<HTMLElement>("a[data-row]") ?? [])];
	const at = links.indexOf(document.activeElement as HTMLElement) + by;
	links[Math.min(Math.max(at, 0), links.length - 1)]?.focus();
}

export function Help() {
	const dialog = useRef<HTMLDialogElement>(null);
	useEffect(() => {
		if (helpShown.value) dialog.current?.showModal();
		else dialog.current?.close();
	}, [helpShown.value]);
	return (
		<dialog
			ref={dialog}
			class="help"
			aria-labelledby="help-title"
			onClose={() => (helpShown.value = false)}
		>
			<h2 id="help-title">Keyboard</h2>
			{(helpShown.value ? groups.value : []).map((group) => (
				<section key={group.title}>
					<h3>{group.title}</h3>
					<dl>
						{group.keys.map((each) => (
							<div key={each.key}>
								<dt>
									<kbd>{each.shown ?? each.key}</kbd>
								</dt>
								<dd>{each.does}</dd>
							</div>
						))}
					</dl>
				</section>
			))}
			<form method="dialog">
				<button class="button" autofocus>
					Close
				</button>
			</form>
		</dialog>
	);
}
