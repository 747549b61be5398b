// How high the columns of the chart of events are, a list a severity.

import type { Stats } from "./api";

const LEAST = 0.05; // of the highest column: so much of what there is can be seen

// Cumulative, the most severe at the bottom: each is drawn over the one before.
export function columns({ buckets }: Pick<Stats, "buckets">): [number[], number[], number[]] {
	const totals = buckets.map((each) => each.error + each.warning + each.info + each.debug);
	const least = LEAST * Math.max(...totals);
	const seen = (n: number): number => (n === 0 ? 0 : Math.max(n, least));
	const errors = buckets.map((each) => seen(each.error));
	const warnings = buckets.map((each, i) => errors[i]! + seen(each.warning));
	const all = totals.map((total, i) => Math.max(total, warnings[i]!));
	return [all, warnings, errors];
}
