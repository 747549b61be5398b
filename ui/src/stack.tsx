// A stack, what failed at its top: the code of each frame with the lines around it, and its locals; the
// application's own last frame is open, those of libraries are folded together.

import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { editorLink, settings } from "./editor";
import { count } from "./format";
import { framesOf, ownFrame } from "./frames";
import { isGiven, isObject, type Json, type JsonObject, plain, write } from "./json";
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
				<bdi dir="ltr">
					{whole?.split(/(?<=[\\/])/).map((part, i) => (
						<Fragment key={i}>
							{part}
							<wbr />
						</Fragment>
					))}
				</bdi>
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

function lines(value: Json | undefined): string[] {
	return Array.isArray(value)
		? value.map((line) => (line === null ? "" : plain(line).replace(/\r?\n$/, "")))
		: [];
}

// Without what all of them are indented by.
export function outdented(code: string[]): string[] {
	const indents = code.filter((line) => line.trim() !== "").map((line) => /^[ \t]*/.exec(line)![0]);
	let common = indents[0] ?? "";
	for (const indent of indents) while (!indent.startsWith(common)) common = common.slice(0, -1);
	return code.map((line) => line.slice(common.length));
}

function Code({ frame }: { frame: JsonObject }) {
	if (!isGiven(frame["code"])) return null;
	const before = lines(frame["pre"]);
	const code = outdented([...before, plain(frame["code"]), ...lines(frame["post"])]);
	const first = isGiven(frame["line"]) ? Number(plain(frame["line"])) - before.length : NaN;
	return (
		<pre tabIndex={0}>
			{code.map((line, i) => {
				const Line = i === before.length ? "mark" : "span";
				return (
					<Line key={i} data-line={Number.isNaN(first) ? undefined : first + i}>
						{line || " "}
					</Line>
				);
			})}
		</pre>
	);
}

function hasLocals(locals: Json | undefined): locals is JsonObject {
	return isObject(locals) && Object.keys(locals).length > 0;
}

// `locals`: those of the frame, where more of them are known than it has.
function Frame({
	frame,
	open,
	locals = frame["locals"],
}: {
	frame: JsonObject;
	open: boolean;
	locals?: Json | undefined;
}) {
	const [isOpen, setOpen] = useState(open);
	const where = { file: frame["file"], line: frame["line"], in: frame["function"] };
	const kind = frame["inApp"] === false ? "library" : undefined;
	if (!isGiven(where.file))
		return (
			<li class={kind}>
				<code>{plain(where.in!)}</code>
			</li>
		);
	return (
		<li class={kind}>
			<details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
				<summary>
					<Spot {...where} />
				</summary>
				{isOpen && <Code frame={frame} />}
				{isOpen && hasLocals(locals) && (
					<div class="frame-locals">
						<h4>Locals</h4>
						<Tree value={locals} />
					</div>
				)}
			</details>
			<Edit {...where} />
		</li>
	);
}

// Whether an event's locals are those of the frame that its stack shows open, and so are shown there.
export function areOfStack(locals: Json | undefined, stack: Json | undefined): boolean {
	const inFrame = ownFrame(framesOf(stack))?.["locals"];
	return (
		hasLocals(locals) &&
		hasLocals(inFrame) &&
		Object.entries(inFrame).every(
			([name, value]) => Object.hasOwn(locals, name) && write(locals[name]!) === write(value),
		)
	);
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

function Frames({ frames, locals }: { frames: JsonObject[]; locals: Json | undefined }) {
	const [all, setAll] = useState(false);
	const own = ownFrame(frames);
	return (
		<>
			<ol class="frames">
				{runs(frames).map((run, i) =>
					run[0]!["inApp"] === false && own && !all ? (
						<li key={i} class="folded">
							<button type="button" class="button small" onClick={() => setAll(true)}>
								{count(run.length, "frame")} of libraries
							</button>
						</li>
					) : (
						run.map((frame, j) => (
							<Frame
								key={`${i} ${j}`}
								frame={frame}
								open={frame === own}
								{...(frame === own && locals !== undefined && { locals })}
							/>
						))
					),
				)}
			</ol>
			<p class="note">Most recent call first.</p>
		</>
	);
}

// `locals`: those of the frame that is open, instead of what it has.
export function Stack({ value, locals }: { value: Json; locals?: Json | undefined }) {
	const frames = framesOf(value);
	if (frames.length > 0) return <Frames frames={frames} locals={locals} />;
	const texts = Array.isArray(value) ? value : [value];
	if (texts.every((each) => typeof each === "string"))
		return (
			<pre class="stack" tabIndex={0}>
				{texts.join("\n")}
			</pre>
		);
	return <Tree value={value} />;
}
