// What the browser keeps for the page; for who does not allow that, until the page is left.

type Area = "localStorage" | "sessionStorage"; // for ever, or until the tab is closed

const here = new Map<string, string>();

export function recall(area: Area, name: string): string | null {
	try {
		return window[area].getItem(name);
	} catch {
		return here.get(name) ?? null;
	}
}

export function keep(area: Area, name: string, value: string): void {
	here.set(name, value);
	try {
		window[area].setItem(name, value);
	} catch {
		// it is here
	}
}
