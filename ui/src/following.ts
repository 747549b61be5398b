// Following events as long as a page is shown; the header says how the connection is.

import { useEffect, useRef } from "preact/hooks";
import type { Problem, Query } from "./api";
import { follow, type Listener, type Message } from "./sse";
import { complaint, connection, failed, STILL, tokenWanted } from "./state";

export interface Follower {
	message: (message: Message) => void;
	connected: () => void; // for the first time, or after a loss; not when it was only unseen
	restarted: () => void; // events were missed
	refused: (problem: Problem) => void;
}

function listenerFor(follower: { current: Follower }): Listener {
	let was: "new" | "connected" | "lost" = "new";
	return {
		message: (message) => follower.current.message(message),
		restarted: () => follower.current.restarted(),
		unseen: () => {
			connection.value = { state: "paused", text: "Paused" };
		},
		connected: () => {
			connection.value = { state: "live", text: "Live" };
			if (was === "lost") complaint.value = "";
			if (was !== "connected") follower.current.connected();
			was = "connected";
		},
		refused: (problem) => {
			connection.value = STILL;
			follower.current.refused(problem);
		},
		lost: (problem) => {
			was = "lost";
			const reason = problem?.status === 503 ? "Database away" : "Disconnected";
			connection.value = { state: "away", text: `${reason}, trying again` };
			failed(problem);
		},
	};
}

// `query` null: nothing is followed.
export function useFollow(query: Query | null, follower: Follower): void {
	const latest = useRef(follower);
	latest.current = follower;
	const key = query === null ? null : JSON.stringify(query);
	useEffect(() => {
		if (key === null) {
			connection.value = STILL;
			return;
		}
		connection.value = { state: "waiting", text: "Connecting" };
		return follow(JSON.parse(key) as Query, listenerFor(latest));
	}, [key, tokenWanted.value]);
}

// For a page that is loaded again, whatever came; what is wrong with the query it is told by that. And once it is
// connected: what came since it was asked for, before that, is not told.
export function useRefresh(query: Query | null, refresh: () => void): void {
	useFollow(query, {
		message: refresh,
		connected: refresh,
		restarted: refresh,
		refused: () => {},
	});
}
