// Counts over time as small bars.

import type { ErrorGroup } from "./api";
import { Choice } from "./controls";
import { clock, count } from "./format";
import { change, route } from "./route";

const RANGES = [
	["1h", "Last hour"],
	["24h", "Last 24 hours"],
	["7d", "Last 7 days"],
] as const;

// The time of the bars, as the address says it.
export function barsSince(): string {
	return route.value.query.get("since") ?? "24h";
}

export function nameOfBars(since: string): string {
	return RANGES.find(([value]) => value === since)?.[1] ?? "Since then";
}

export function TimeOfBars({ since }: { since: string }) {
	return (
		<Choice
			label="Time"
			options={RANGES}
			value={since}
			onChoose={(value) => change({ since: value, cursor: null })}
		/>
	);
}

export function Sparkline({
	recent,
	height = 24,
}: {
	recent: NonNullable<ErrorGroup["recent"]>;
	height?: number;
}) {
	const { counts } = recent;
	const most = Math.max(1, ...counts);
	const sum = counts.reduce((a, b) => a + b, 0);
	return (
		<svg
			class="sparkline"
			viewBox={`0 0 ${counts.length * 4} ${height}`}
			preserveAspectRatio="none"
			role="img"
			aria-label={`${count(sum, "error")} since ${clock(recent.since)}${recent.partial ? ", the newest only" : ""}`}
		>
			<line x1="0" x2={counts.length * 4} y1={height - 0.5} y2={height - 0.5} />
			{counts.map(
				(n, i) =>
					n > 0 && (
						<rect
							key={i}
							x={i * 4}
							width="3"
							y={height - Math.max(2, (height * n) / most)}
							height={Math.max(2, (height * n) / most)}
						/>
					),
			)}
		</svg>
	);
}
