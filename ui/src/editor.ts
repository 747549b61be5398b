// Links that open a source file in the reader's editor. Paths of containers are mapped to the machine's:
// "/app=/home/me/shop", a pair a line, the first that fits.

import { signal } from "@preact/signals";
import { keep, recall } from "./kept";

export interface EditorSettings {
	editor: string; // a key of EDITORS, or "" for none
	template: string; // of the editor "other", with {path} and {line}
	mapping: string;
}

export const EDITORS: Record<string, [name: string, template: string]> = {
	vscode: ["VS Code", "vscode://file/{path}:{line}"],
	cursor: ["Cursor", "cursor://file/{path}:{line}"],
	idea: ["JetBrains", "idea://open?file={path}&line={line}"],
	zed: ["Zed", "zed://file/{path}:{line}"],
};

const STORED = "editor";
const DEFAULT: EditorSettings = { editor: "vscode", template: "", mapping: "" };

function stored(): EditorSettings {
	try {
		return {
			...DEFAULT,
			...(JSON.parse(recall("localStorage", STORED) ?? "{}") as Partial<EditorSettings>),
		};
	} catch {
		return DEFAULT;
	}
}

export const settings = signal(stored());

export function saveSettings(value: EditorSettings): void {
	settings.value = value;
	keep("localStorage", STORED, JSON.stringify(value));
}

export function mapped(path: string, mapping: string): string {
	for (const line of mapping.split("\n")) {
		const [from = "", to] = line.split(/=(.*)/s).map((part) => part.trim());
		if (from === "" || to === undefined) continue;
		const [there, here] = [from, to].map((folder) => folder.replace(/[\\/]$/, ""));
		const rest = path.slice(there!.length);
		if (path.startsWith(there!) && /^(?:[\\/]|$)/.test(rest)) return here! + rest;
	}
	return path;
}

// The address of FILE:LINE in the editor; null where there is none: only absolute paths lead anywhere, and
// only schemes of editors are ever used, whatever an event says.
export function editorLink(
	file: string,
	line: string,
	{ editor, template, mapping }: EditorSettings,
): string | null {
	const path = mapped(file, mapping);
	const form = editor === "other" ? template : EDITORS[editor]?.[1];
	if (
		!form ||
		/^(javascript|data|vbscript|https?|file|blob):/i.test(form.trim()) ||
		!/^(\/|[A-Za-z]:[\\/])/.test(path)
	)
		return null;
	const escaped = path.replace(/^\//, "").split(/[\\/]/).map(encodeURIComponent).join("/");
	const whole =
		form.includes("?") && form.indexOf("?") < form.indexOf("{path}") ? `/${escaped}` : escaped;
	return form
		.replace("{path}", () => whole)
		.replace("{line}", () => (/^\d+$/.test(line) ? line : "1"));
}
