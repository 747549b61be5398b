// A value as a tree of disclosures; the children are made when it is opened.

import { useState } from "preact/hooks";
import { count } from "./format";
import { Digits, distinct, isBranch, type Json, type JsonObject, plain, preview } from "./json";

const CHILDREN = 200; // of one node, at first and at each "more"
const INDENTED = 8; // levels; those below would leave no room on a phone
const LONGEST = 2000; // characters of a string, before it is asked for

// A text, and of a long one the beginning.
export function Text({ text, most = LONGEST }: { text: string; most?: number }) {
	const [whole, setWhole] = useState(false);
	if (text.length <= most || whole) return <>{text}</>;
	return (
		<>
			{text.slice(0, most)}…{" "}
			<button type="button" class="button small" onClick={() => setWhole(true)}>
				all {count(text.length, "character")}
			</button>
		</>
	);
}

export function Scalar({ value }: { value: Json }) {
	if (typeof value === "string")
		return (
			<span class="value string">
				<Text text={distinct(value)} />
			</span>
		);
	if (value instanceof Digits) return <span class="value number">{value.text}</span>;
	const kind = value === null ? "null" : typeof value;
	return <span class={`value ${kind}`}>{plain(value)}</span>;
}

function Branch({
	name,
	value,
	depth,
}: {
	name: string;
	value: Json[] | JsonObject;
	depth: number;
}) {
	const [open, setOpen] = useState(false);
	return (
		<details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
			<summary>
				<span class="key">{name}</span>{" "}
				<span class="note">
					{open
						? Array.isArray(value)
							? count(value.length, "item")
							: count(Object.keys(value).length, "field")
						: preview(value)}
				</span>
			</summary>
			{open && <Leaves value={value} depth={depth + 1} />}
		</details>
	);
}

function Leaves({ value, depth }: { value: Json[] | JsonObject; depth: number }) {
	const [shown, setShown] = useState(CHILDREN);
	const entries = Object.entries(value);
	return (
		<ul class={depth > INDENTED ? "deep" : undefined}>
			{entries.slice(0, shown).map(([name, child]) => (
				<li key={name}>
					{isBranch(child) ? (
						<Branch name={name} value={child} depth={depth} />
					) : (
						<>
							<span class="key">{name}</span> <Scalar value={child} />
						</>
					)}
				</li>
			))}
			{entries.length > shown && (
				<li>
					<button type="button" class="button small" onClick={() => setShown(shown + CHILDREN)}>
						{count(entries.length - shown, "more", "more")}
					</button>
				</li>
			)}
		</ul>
	);
}

export function Tree({ value }: { value: Json }) {
	return (
		<div class="tree">
			{isBranch(value) ? <Leaves value={value} depth={0} /> : <Scalar value={value} />}
		</div>
	);
}
