// The chosen event: what it says, where in the code, with which values.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { asSent, type DpEvent } from "./api";
import { EDITORS, saveSettings, settings } from "./editor";
import { duration } from "./format";
import { type Json, type JsonObject, isBranch, isGiven, isObject, plain, write } from "./json";
import { message } from "./message";
import { Badge, CopyButton, System, Time } from "./parts";
import { asCurl, asLine, asMarkdown } from "./snippets";
import { areOfStack, Place, Stack } from "./stack";
import { Scalar, Text, Tree } from "./tree";

// What is shown by itself, and so not again among the other fields.
const SHOWN = new Set([
	"eventId",
	"severity",
	"details",
	"name",
	"file",
	"line",
	"source",
	"locals",
	"stacktrace",
	"causes",
	"durationMs",
]);
const REQUEST = [
	"method",
	"path",
	"route",
	"url",
	"query",
	"status",
	"request",
	"response",
	"headers",
	"body",
	"queueMs",
];

function Part({ title, children }: { title: string; children: ComponentChildren }) {
	return (
		<section class="part">
			<h3>{title}</h3>
			{children}
		</section>
	);
}

function Causes({ causes }: { causes: Json }) {
	if (!Array.isArray(causes) || !causes.every(isObject)) return <Tree value={causes} />;
	return (
		<ol class="causes">
			{causes.map((cause, i) => (
				<li key={i}>
					<p>
						<span class="note">{plain(cause["relation"] ?? "cause")}</span>{" "}
						<strong>{plain(cause["name"] ?? "")}</strong> {plain(cause["details"] ?? "")}
					</p>
					{isGiven(cause["stacktrace"]) && <Stack value={cause["stacktrace"]} />}
				</li>
			))}
		</ol>
	);
}

function pick(data: JsonObject, wanted: (name: string) => boolean): JsonObject {
	return Object.fromEntries(Object.entries(data).filter(([name]) => wanted(name)));
}

function EditorSettings() {
	const now = settings.value;
	return (
		<details class="editor-settings">
			<summary>Editor and paths</summary>
			<label>
				Editor{" "}
				<select
					value={now.editor}
					onChange={(event) => saveSettings({ ...now, editor: event.currentTarget.value })}
				>
					{Object.entries(EDITORS).map(([key, [name]]) => (
						<option key={key} value={key}>
							{name}
						</option>
					))}
					<option value="other">Other</option>
					<option value="">None</option>
				</select>
			</label>
			{now.editor === "other" && (
				<label>
					Its address, with {"{path}"} and {"{line}"}
					<input
						value={now.template}
						placeholder="myeditor://{path}:{line}"
						onInput={(event) => saveSettings({ ...now, template: event.currentTarget.value })}
					/>
				</label>
			)}
			<label>
				Paths there and here, a pair a line
				<textarea
					rows={2}
					value={now.mapping}
					placeholder="/app=/home/me/shop"
					spellcheck={false}
					onInput={(event) => saveSettings({ ...now, mapping: event.currentTarget.value })}
				/>
			</label>
		</details>
	);
}

function Raw({ event }: { event: DpEvent }) {
	const [open, setOpen] = useState(false);
	return (
		<details class="raw" open={open} onToggle={(e) => setOpen(e.currentTarget.open)}>
			<summary>JSON as it was stored</summary>
			{open && <pre tabIndex={0}>{write(asSent(event), "  ")}</pre>}
		</details>
	);
}

function Facts({ event }: { event: DpEvent }) {
	const took = event.data["durationMs"];
	return (
		<p class="facts">
			<Badge status={event.severity} />
			<System name={event.system} />
			<span>{event.event_type}</span>
			<Time at={event.timestamp} as="clock" />
			{typeof took === "number" && <span>took {duration(took)}</span>}
		</p>
	);
}

function Copies({ event }: { event: DpEvent }) {
	return (
		<div class="copies">
			<CopyButton text={() => asMarkdown(event, location.href)}>Copy as Markdown</CopyButton>
			<CopyButton text={() => asLine(event)}>NDJSON</CopyButton>
			<CopyButton text={() => asCurl(event, location.origin)}>curl</CopyButton>
		</div>
	);
}

export function EventPanel({ event }: { event: DpEvent }) {
	const { data } = event;
	const request = pick(data, (name) => REQUEST.includes(name));
	const rest = pick(data, (name) => !SHOWN.has(name) && !REQUEST.includes(name));
	const code = isGiven(data["source"]) ? plain(data["source"]) : "";
	const locals = data["locals"];
	const inStack = areOfStack(locals, data["stacktrace"]);
	return (
		<article class={`event-panel ${event.severity}`} aria-label="The chosen event">
			<Facts event={event} />
			<h2 class="message" dir="auto">
				<Text text={message(event)} most={500} />
			</h2>
			<Place file={data["file"]} line={data["line"]} in={code.includes("\n") ? undefined : code} />
			<Copies event={event} />
			{code.includes("\n") && (
				<Part title="Source">
					<pre tabIndex={0}>{code}</pre>
				</Part>
			)}
			{isBranch(data["details"]) && (
				<Part title="Details">
					<Tree value={data["details"]} />
				</Part>
			)}
			{isGiven(locals) && !inStack && (
				<Part title="Locals">
					{isBranch(locals) ? <Tree value={locals} /> : <Scalar value={locals} />}
				</Part>
			)}
			{isGiven(data["stacktrace"]) && (
				<Part title="Stack">
					<Stack value={data["stacktrace"]} locals={inStack ? locals : undefined} />
				</Part>
			)}
			{isGiven(data["causes"]) && (
				<Part title="Caused by">
					<Causes causes={data["causes"]} />
				</Part>
			)}
			{Object.keys(request).length > 0 && (
				<Part title="Request and response">
					<Tree value={request} />
				</Part>
			)}
			{Object.keys(rest).length > 0 && (
				<Part title="Other fields">
					<Tree value={rest} />
				</Part>
			)}
			<Raw event={event} />
			<EditorSettings />
			<p class="note">
				Event <code>{event.event_id}</code>
			</p>
		</article>
	);
}
