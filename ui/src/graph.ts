// A layered drawing of a directed graph: sources at the left, edges to the right where that is possible.
// After Sugiyama, Tagawa and Toda (1981): cycles broken, layers by longest path, order by barycentres.

export interface Placed {
	name: string;
	layer: number;
	order: number; // within the layer
	x: number; // the middle
	y: number;
}

export interface Layout {
	nodes: Map<string, Placed>;
	width: number;
	height: number;
}

export interface Edge {
	from: string;
	to: string;
	count: number;
}

const SWEEPS = 8;

// The edges without those that close a cycle, the heaviest kept first.
function acyclic(names: string[], edges: Edge[]): Edge[] {
	const after = new Map(names.map((name) => [name, new Set<string>()]));
	const reaches = (from: string, to: string): boolean => {
		const seen = new Set([from]);
		const open = [from];
		for (let at = open.pop(); at !== undefined; at = open.pop()) {
			if (at === to) return true;
			for (const next of after.get(at)!)
				if (!seen.has(next)) {
					seen.add(next);
					open.push(next);
				}
		}
		return false;
	};
	return edges
		.toSorted((a, b) => b.count - a.count)
		.filter(({ from, to }) => {
			if (from === to || reaches(to, from)) return false;
			after.get(from)!.add(to);
			return true;
		});
}

function layersOf(names: string[], edges: Edge[]): Map<string, number> {
	const layer = new Map(names.map((name) => [name, 0]));
	for (let moved = true, round = 0; moved && round <= names.length; round++) {
		moved = false;
		for (const { from, to } of edges)
			if (layer.get(to)! <= layer.get(from)!) {
				layer.set(to, layer.get(from)! + 1);
				moved = true;
			}
	}
	return layer;
}

function mean(values: number[]): number | null {
	return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
}

// Moves each node towards the middle of its neighbours, from left to right and back.
function arrange(columns: string[][], edges: Edge[]): void {
	const at = new Map<string, number>();
	const note = (column: string[]): void =>
		column.forEach((name, i) => at.set(name, i - (column.length - 1) / 2));
	columns.forEach(note);
	for (let sweep = 0; sweep < SWEEPS; sweep++)
		for (const column of sweep % 2 === 0 ? columns : columns.toReversed()) {
			const wish = new Map(
				column.map((name) => {
					const near = edges.flatMap(({ from, to }) =>
						from === name ? [at.get(to)!] : to === name ? [at.get(from)!] : [],
					);
					return [name, mean(near) ?? at.get(name)!];
				}),
			);
			column.sort((a, b) => wish.get(a)! - wish.get(b)!);
			note(column);
		}
}

export function layout(
	names: string[],
	edges: Edge[],
	cell: { width: number; height: number },
): Layout {
	const known = new Set(names);
	const kept = acyclic(
		names,
		edges.filter(({ from, to }) => known.has(from) && known.has(to)),
	);
	const layers = layersOf(names, kept);
	const columns: string[][] = [];
	for (const name of names) (columns[layers.get(name)!] ??= []).push(name);
	arrange(columns, kept);
	const tallest = Math.max(1, ...columns.map((column) => column.length));
	const nodes = new Map<string, Placed>();
	columns.forEach((column, layer) =>
		column.forEach((name, order) =>
			nodes.set(name, {
				name,
				layer,
				order,
				x: (layer + 0.5) * cell.width,
				y: (order + 0.5 + (tallest - column.length) / 2) * cell.height,
			}),
		),
	);
	return { nodes, width: columns.length * cell.width, height: tallest * cell.height };
}
