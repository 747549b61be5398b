// What the lines above lists are made of.

import type { Page } from "./api";
import { Icon } from "./parts";
import { change, route } from "./route";

// One of a few, all of them to be seen. The third part of an option is its icon.
export function Choice({
	label,
	options,
	value,
	onChoose,
}: {
	label: string;
	options: readonly (readonly [value: string, name: string, icon?: string])[];
	value: string;
	onChoose: (value: string) => void;
}) {
	return (
		<div class="segments" role="group" aria-label={label}>
			{options.map(([key, name, icon]) => (
				<button key={key} type="button" aria-pressed={key === value} onClick={() => onChoose(key)}>
					{icon && <Icon name={icon} />}
					{name}
				</button>
			))}
		</div>
	);
}

// One of several. Where `value` is none of them, `other` names it.
export function Pick({
	label,
	options,
	value,
	other = null,
	onChoose,
}: {
	label: string;
	options: readonly (readonly [value: string, name: string])[];
	value: string;
	other?: string | null;
	onChoose: (value: string) => void;
}) {
	return (
		<label class="pick">
			<span class="visually-hidden">{label}</span>
			<select
				value={other === null ? value : "other"}
				onChange={(event) => onChoose(event.currentTarget.value)}
			>
				{options.map(([key, name]) => (
					<option key={key} value={key}>
						{name}
					</option>
				))}
				{other !== null && (
					<option value="other" disabled>
						{other}
					</option>
				)}
			</select>
		</label>
	);
}

export function PauseButton({ paused, onPause }: { paused: boolean; onPause: () => void }) {
	return (
		<button type="button" class="button small" aria-pressed={paused} onClick={onPause}>
			<Icon name={paused ? "play" : "pause"} />
			{paused ? "Go on" : "Pause"}
		</button>
	);
}

// A search in what is shown already; Escape leaves it.
export function SearchField({
	label,
	value,
	onInput,
	onEnter = () => {},
}: {
	label: string;
	value: string;
	onInput: (text: string) => void;
	onEnter?: (backwards: boolean) => void;
}) {
	return (
		<label class="search">
			<span class="visually-hidden">{label}</span>
			<input
				data-search
				type="search"
				value={value}
				placeholder={label}
				spellcheck={false}
				onInput={(event) => onInput(event.currentTarget.value)}
				onKeyDown={(event) => {
					if (event.key === "Enter") onEnter(event.shiftKey);
					else if (event.key === "Escape") event.currentTarget.blur();
				}}
			/>
		</label>
	);
}

// The ways to the pages of a list before and behind this one.
export function Paging({ page }: { page: Page<unknown> }) {
	const open = (cursor: string | null): void => {
		change({ cursor });
		scrollTo(0, 0);
	};
	const to = (cursor: string | null, name: string) => (
		<button type="button" class="button" onClick={() => open(cursor)}>
			{name}
		</button>
	);
	const isFirst = !route.value.query.has("cursor");
	return (
		<nav class="paging" aria-label="Pages of the list">
			{!isFirst && to(null, "First")}
			{!isFirst && page.prev && to(page.prev, "Newer")}
			{page.next && to(page.next, "Older")}
			{page.partial && page.next && (
				<span class="note">Searching took long; “Older” goes on from here.</span>
			)}
		</nav>
	);
}
