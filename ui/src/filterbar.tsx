// The line for a filter: a combobox that completes fields and values.

import { useEffect, useRef, useState } from "preact/hooks";
import { complete, type Completion } from "./filter";
import { Icon } from "./parts";
import { knownValues } from "./seen";

const NOTHING: Completion = { from: 0, to: 0, options: [] };

export function FilterBar({
	value,
	problem,
	onChange,
}: {
	value: string;
	problem: string | null;
	onChange: (text: string) => void;
}) {
	const input = useRef<HTMLInputElement>(null);
	const [text, setText] = useState(value);
	const [offer, setOffer] = useState(NOTHING);
	const [chosen, setChosen] = useState(-1);
	useEffect(() => setText(value), [value]);

	const look = (): void => {
		const { value: typed, selectionStart } = input.current!;
		setOffer(complete(typed, selectionStart ?? typed.length, knownValues));
		setChosen(-1);
	};
	const take = (i: number): void => {
		const option = offer.options[i]!;
		const before = text.slice(0, offer.from) + option.insert;
		const gap = option.insert.endsWith("=") ? "" : " ";
		const whole = before + gap + text.slice(offer.to).trimStart();
		setText(whole);
		setOffer(NOTHING);
		const at = before.length + gap.length;
		requestAnimationFrame(() => {
			input.current?.setSelectionRange(at, at);
			if (option.insert.endsWith("=")) look();
			else onChange(whole.trim());
		});
	};
	const onKey = (event: KeyboardEvent): void => {
		const { options } = offer;
		if (event.key === "ArrowDown" || event.key === "ArrowUp") {
			event.preventDefault();
			if (options.length === 0) look();
			else
				setChosen(
					(chosen + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length,
				);
		} else if (event.key === "Tab" && !event.shiftKey && options.length > 0 && chosen >= 0) {
			event.preventDefault();
			take(chosen);
		} else if (event.key === "Enter") {
			event.preventDefault();
			if (chosen >= 0 && options.length > 0) {
				take(chosen);
			} else {
				setOffer(NOTHING);
				onChange(text.trim());
			}
		} else if (event.key === "Escape") {
			if (options.length > 0) setOffer(NOTHING);
			else input.current!.blur();
		}
	};
	const open = offer.options.length > 0;
	return (
		<div class="filter" role="search">
			<input
				ref={input}
				data-search
				type="text"
				value={text}
				spellcheck={false}
				autocomplete="off"
				autocapitalize="off"
				placeholder="Filter: severity=error system=api duration>500ms timeout"
				role="combobox"
				aria-label="Filter"
				aria-expanded={open}
				aria-controls="filter-options"
				aria-autocomplete="list"
				aria-activedescendant={open && chosen >= 0 ? `filter-option-${chosen}` : undefined}
				aria-invalid={problem !== null}
				aria-describedby={problem === null ? undefined : "filter-problem"}
				onInput={(event) => {
					setText(event.currentTarget.value);
					look();
				}}
				onFocus={look}
				onBlur={() => setOffer(NOTHING)}
				onKeyDown={onKey}
			/>
			{text !== "" && (
				<button
					type="button"
					class="clear"
					aria-label="Clear the filter"
					onClick={() => {
						setText("");
						onChange("");
						input.current!.focus();
					}}
				>
					<Icon name="close" />
				</button>
			)}
			<ul id="filter-options" role="listbox" aria-label="Completions" hidden={!open}>
				{offer.options.map((option, i) => (
					<li
						key={option.insert}
						id={`filter-option-${i}`}
						role="option"
						aria-selected={i === chosen}
						onMouseDown={(event) => {
							event.preventDefault();
							take(i);
						}}
					>
						<code>{option.insert}</code>
						{option.note && <span>{option.note}</span>}
					</li>
				))}
			</ul>
			{problem !== null && (
				<p id="filter-problem" class="problem" role="alert">
					{problem}
				</p>
			)}
		</div>
	);
}
