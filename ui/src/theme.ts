// The theme: the one that was chosen, else that of the system; and its colours, for what is no CSS.

import { computed, signal } from "@preact/signals";
import { keep, recall } from "./kept";

// "" is that of the system.
export type Theme = "" | "light" | "dark";

const THEME = "theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(system.matches);

export const theme = signal((recall("localStorage", THEME) ?? "") as Theme);
export const isDark = computed(() =>
	theme.value === "" ? systemIsDark.value : theme.value === "dark",
);

system.addEventListener("change", () => (systemIsDark.value = system.matches));

export function setTheme(value: Theme): void {
	theme.value = value;
	keep("localStorage", THEME, value);
	applyTheme();
}

export function applyTheme(): void {
	document.documentElement.dataset["theme"] = theme.value;
}

// A custom property of style/theme.css as it is now, in a form that a canvas takes. `node` is borrowed for
// it, as a property alone isn't computed.
export function colour(node: HTMLElement, property: string): string {
	node.style.color = `var(${property})`;
	const { color } = getComputedStyle(node);
	node.style.color = "";
	return color;
}
