// What all pages share: the connection, the problem in the banner, whether a token is wanted, the time.

import { signal } from "@preact/signals";
import { Problem } from "./api";

export type Connection = "still" | "waiting" | "live" | "paused" | "away";

export const STILL: { state: Connection; text: string } = { state: "still", text: "" };
export const connection = signal(STILL);
export const complaint = signal("");
export const tokenWanted = signal(false);
export const paused = signal(false);
export const now = signal(Date.now());

setInterval(() => {
	now.value = Date.now();
}, 5000);

export function failed(error: unknown): void {
	if (error instanceof Problem && error.status === 401) {
		complaint.value = "";
		connection.value = { state: "away", text: "No token" };
		tokenWanted.value = true;
	} else if (error instanceof Problem) complaint.value = error.message;
	else complaint.value = "dp-http does not answer. Is it running? ./devpulse status tells.";
}
