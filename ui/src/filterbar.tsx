// The line for a filter: a combobox that completes fields and values.

import { useEffect, useRef, useState } from "preact/hooks";
import { complete, type Completion, type Option } from "./filter";
import { Icon } from "./parts";
import { knownValues } from "./seen";

const NOTHING: Completion = { from: 0, to: 0, options: [] };

// The text that is typed, and the completions that are offered for it.
function useCompletion(value: string, onChange: (text: string) => void) {
	const input = useRef<HTMLInputElement>(null);
	const [text, setText] = useState(value);
	const [offer, setOffer] = useState(NOTHING);
	const [chosen, setChosen] = useState(-1);
	useEffect(() => setText(value), [value]);
	const { options } = offer;

	const look = (): void => {
		const { value: typed, selectionStart } = input.current!;
		setOffer(complete(typed, selectionStart ?? typed.length, knownValues));
		setChosen(-1);
	};
	const take = (i: number): void => {
		const option = options[i]!;
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
	const move = (by: number): void => {
		if (options.length === 0) look();
		else setChosen((chosen + by + options.length) % options.length);
	};
	const use = (): void => {
		setOffer(NOTHING);
		onChange(text.trim());
	};
	const clear = (): void => {
		setText("");
		onChange("");
		input.current!.focus();
	};
	const close = (): void => setOffer(NOTHING);
	return { input, text, setText, options, chosen, look, take, move, use, clear, close };
}

type Line = ReturnType<typeof useCompletion>;

function onKey(event: KeyboardEvent, line: Line): void {
	if (event.isComposing) return; // Enter takes what an input method offers
	const isChosen = line.chosen >= 0 && line.options.length > 0;
	switch (event.key) {
		case "ArrowDown":
			line.move(1);
			break;
		case "ArrowUp":
			line.move(-1);
			break;
		case "Tab":
			if (event.shiftKey || !isChosen) return;
			line.take(line.chosen);
			break;
		case "Enter":
			if (isChosen) line.take(line.chosen);
			else line.use();
			break;
		case "Escape":
			if (line.options.length > 0) line.close();
			else line.input.current!.blur();
			return;
		default:
			return;
	}
	event.preventDefault();
}

function Options({
	options,
	chosen,
	onTake,
}: {
	options: Option[];
	chosen: number;
	onTake: (i: number) => void;
}) {
	return (
		<ul
			id="filter-options"
			role="listbox"
			aria-label="Completions"
			tabIndex={-1} // or Tab would stop there, as it scrolls, and close it
			hidden={options.length === 0}
		>
			{options.map((option, i) => (
				<li
					key={option.insert}
					id={`filter-option-${i}`}
					role="option"
					aria-selected={i === chosen}
					onMouseDown={(event) => {
						event.preventDefault();
						onTake(i);
					}}
				>
					<code>{option.insert}</code>
					{option.note && <span>{option.note}</span>}
				</li>
			))}
		</ul>
	);
}

export function FilterBar({
	value,
	problem,
	onChange,
}: {
	value: string;
	problem: string | null;
	onChange: (text: string) => void;
}) {
	const line = useCompletion(value, onChange);
	const { text, options, chosen } = line;
	const open = options.length > 0;
	return (
		<div class="filter" role="search">
			<input
				ref={line.input}
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
					line.setText(event.currentTarget.value);
					line.look();
				}}
				onFocus={line.look}
				onBlur={line.close}
				onKeyDown={(event) => onKey(event, line)}
			/>
			{text !== "" && (
				<button type="button" class="clear" aria-label="Clear the filter" onClick={line.clear}>
					<Icon name="close" />
				</button>
			)}
			<Options options={options} chosen={chosen} onTake={line.take} />
			{problem !== null && (
				<p id="filter-problem" class="problem" role="alert">
					{problem}
				</p>
			)}
		</div>
	);
}
