// Counts over time as small bars.

import type { ErrorGroup } from "./api";
import { clock, count } from "./format";

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
