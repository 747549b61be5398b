// Following events as long as a page is shown; the header says how the connection is.

import { useEffect, useRef } from "preact/hooks";
import type { Query } from "./api";
import { follow, type Message } from "./sse";
import { connection, failed, tokenWanted } from "./state";

export interface Follower {
	message: (message: Message) => void;
	returned: () => void; // the connection, after it was lost
	restarted: () => void; // events were missed
}

const HIDDEN_MS = 5000; // a page that nobody sees gives its stream back: a browser has six a host

// Follows events while the page is seen. `query` null: nothing is followed.
export function useFollow(query: Query | null, follower: Follower): void {
	const handlers = useRef(follower);
	handlers.current = follower;
	const key = query === null ? null : JSON.stringify(query);

	useEffect(() => {
		if (key === null) {
			connection.value = { state: "still", text: "" };
			return;
		}
		let stop: (() => void) | null = null;
		let hiding = 0;
		let lost = false;

		const start = (): void => {
			connection.value = { state: "waiting", text: "Connecting" };
			stop = follow(JSON.parse(key) as Query, {
				message: (message) => handlers.current.message(message),
				restarted: () => handlers.current.restarted(),
				connected: () => {
					connection.value = { state: "live", text: "Live" };
					if (lost) handlers.current.returned();
					lost = false;
				},
				lost: (problem) => {
					lost = true;
					connection.value = {
						state: "away",
						text:
							problem?.status === 503
								? "Database away, trying again"
								: "Disconnected, trying again",
					};
					failed(problem);
				},
			});
		};
		const end = (): void => {
			stop?.();
			stop = null;
		};
		const onVisibility = (): void => {
			clearTimeout(hiding);
			if (document.hidden) {
				hiding = setTimeout(() => {
					end();
					connection.value = { state: "paused", text: "Paused" };
				}, HIDDEN_MS);
			} else if (!stop) {
				start();
				handlers.current.restarted();
			}
		};
		start();
		document.addEventListener("visibilitychange", onVisibility);
		return () => {
			clearTimeout(hiding);
			document.removeEventListener("visibilitychange", onVisibility);
			end();
		};
	}, [key, tokenWanted.value]);
}

// For a page that is loaded again, whatever came.
export function useRefresh(query: Query | null, refresh: () => void): void {
	useFollow(query, { message: refresh, returned: refresh, restarted: refresh });
}
