// A stack: the code of each frame with the lines around it, and its locals; the application's frames open
// first, those of libraries folded together.

import { useState } from "preact/hooks";
import { editorLink, settings } from "./editor";
import { count } from "./format";
import { isGiven, isObject, type Json, type JsonObject, plain } from "./json";
import { place } from "./message";
import { Icon } from "./parts";
import { Tree } from "./tree";

interface Where {
	file: Json | undefined;
	line: Json | undefined;
	in?: Json | undefined;
}

// Where in the code.
function Spot({ file, line, in: within }: Where) {
	const whole = place(file, line);
	return (
		<>
			<code class="place" title={whole ?? ""}>
				<bdi dir="ltr">{whole}</bdi>
			</code>
			{isGiven(within) && (
				<span class="function">
					{" "}
					in <code>{plain(within)}</code>
				</span>
			)}
		</>
	);
}

// The way into the editor.
function Edit({ file, line }: Where) {
	const href = isGiven(file)
		? editorLink(plain(file), isGiven(line) ? plain(line) : "1", settings.value)
		: null;
	if (href === null) return null;
	return (
		<a
			class="edit"
			href={href}
			title="Open in the editor"
			aria-label={`Open ${place(file, line) ?? ""} in the editor`}
		>
			<Icon name="editor" />
		</a>
	);
}

export function Place(where: Where) {
	return isGiven(where.file) ? (
		<p class="where">
			<Spot {...where} />
			<Edit {...where} />
		</p>
	) : null;
}

function lines(value: Json | undefined): string {
	return Array.isArray(value) ? value.filter(isGiven).map(plain).join("\n") : "";
}

function Code({ frame }: { frame: JsonObject }) {
	if (!isGiven(frame["code"])) return null;
	const before = lines(frame["pre"]);
	const after = lines(frame["post"]);
	return (
		<pre tabIndex={0}>
			{before && <span>{before}</span>}
			<mark>{plain(frame["code"])}</mark>
			{after && <span>{after}</span>}
		</pre>
	);
}

function hasLocals(frame: JsonObject): boolean {
	return isObject(frame["locals"]) && Object.keys(frame["locals"]).length > 0;
}

function Frame({ frame, open }: { frame: JsonObject; open: boolean }) {
	const [isOpen, setOpen] = useState(open);
	const where = { file: frame["file"], line: frame["line"], in: frame["function"] };
	return (
		<li class={frame["inApp"] === false ? "library" : undefined}>
			<details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
				<summary>
					<Spot {...where} />
				</summary>
				{isOpen && <Code frame={frame} />}
				{isOpen && hasLocals(frame) && (
					<div class="frame-locals">
						<h4>Locals</h4>
						<Tree value={frame["locals"]!} />
					</div>
				)}
			</details>
			<Edit {...where} />
		</li>
	);
}

function isFrame(value: Json): value is JsonObject {
	return isObject(value) && isGiven(value["file"]);
}

// Runs of frames that are, or are not, the application's own.
function runs(frames: JsonObject[]): JsonObject[][] {
	const found: JsonObject[][] = [];
	for (const frame of frames) {
		const last = found.at(-1);
		if (last && (last[0]!["inApp"] === false) === (frame["inApp"] === false)) last.push(frame);
		else found.push([frame]);
	}
	return found;
}

function Frames({ frames }: { frames: JsonObject[] }) {
	const [all, setAll] = useState(false);
	const own = frames.filter((frame) => frame["inApp"] !== false);
	const top = own.at(-1);
	return (
		<>
			<ol class="frames">
				{runs(frames).map((run, i) =>
					run[0]!["inApp"] === false && own.length > 0 && !all ? (
						<li key={i} class="folded">
							<button type="button" class="button small" onClick={() => setAll(true)}>
								{count(run.length, "frame")} of libraries
							</button>
						</li>
					) : (
						run.map((frame, j) => <Frame key={`${i} ${j}`} frame={frame} open={frame === top} />)
					),
				)}
			</ol>
			<p class="note">Most recent call last.</p>
		</>
	);
}

export function Stack({ value }: { value: Json }) {
	const frames = Array.isArray(value) ? value : [value];
	if (frames.every((frame) => typeof frame === "string"))
		return (
			<pre class="stack" tabIndex={0}>
				{frames.join("\n")}
			</pre>
		);
	return frames.every(isFrame) ? <Frames frames={frames} /> : <Tree value={value} />;
}
