// Following events as long as a page is shown; the header says how the connection is.

import { useEffect, useRef } from "preact/hooks";
import type { Problem, Query } from "./api";
import { follow, type Listener, type Message } from "./sse";
import { complaint, connection, failed, STILL, tokenWanted } from "./state";

export interface Follower {
	message: (message: Message) => void;
	returned: () => void; // the connection, after it was lost
	restarted: () => void; // events were missed
	refused: (problem: Problem) => void;
}

function listenerFor(follower: { current: Follower }): Listener {
	let isLost = false;
	return {
		message: (message) => follower.current.message(message),
		restarted: () => follower.current.restarted(),
		unseen: () => {
			connection.value = { state: "paused", text: "Paused" };
		},
		connected: () => {
			connection.value = { state: "live", text: "Live" };
			if (!isLost) return;
			isLost = false;
			complaint.value = "";
			follower.current.returned();
		},
		refused: (problem) => {
			connection.value = STILL;
			follower.current.refused(problem);
		},
		lost: (problem) => {
			isLost = true;
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

// For a page that is loaded again, whatever came; what is wrong with the query it is told by that.
export function useRefresh(query: Query | null, refresh: () => void): void {
	useFollow(query, {
		message: refresh,
		returned: refresh,
		restarted: refresh,
		refused: () => {},
	});
}
