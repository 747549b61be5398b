// A layered drawing of a directed graph: each edge leads to a later layer where that is possible. After Sugiyama, Tagawa
// and Toda (1981): cycles broken, layers by longest path, an edge over several of them through a lane in each, order by
// barycentres, and places by least squares in that order.

export interface Edge {
	from: string;
	to: string;
	count: number;
}

export interface Point {
	layer: number;
	place: number; // the middle, across the layers
}

export interface Way {
	points: Point[]; // from the edge's beginning to its end, one a layer
	isBack: boolean; // to an earlier layer
}

export interface Layout {
	nodes: Map<string, Point>;
	ways: Map<string, Way>; // by idOf its edge; not of those from a node to itself, or to none
	layers: number;
	breadth: number; // across them
}

// Across the layers.
export interface Room {
	node: number;
	lane: number;
	most: number; // nodes in a layer
}

const SWEEPS = 16;

// A node, or the lane of an edge.
interface Item extends Point {
	size: number;
	rank: number; // in the layer
	before: Item[]; // in the layer before
	after: Item[];
}

export function idOf({ from, to }: Pick<Edge, "from" | "to">): string {
	return JSON.stringify([from, to]);
}

// The edges as arcs without a circle: those that would close one are turned, the lightest first.
function arcsOf(names: string[], edges: Edge[]): Map<Edge, [from: string, to: string]> {
	const after = new Map(names.map((name) => [name, new Set<string>()]));
	const reaches = (from: string, to: string): boolean => {
		const seen = new Set([from]);
		for (const at of seen) for (const next of after.get(at)!) seen.add(next);
		return seen.has(to);
	};
	const arcs = new Map<Edge, [string, string]>();
	for (const edge of edges.toSorted((a, b) => b.count - a.count)) {
		const { from, to } = edge;
		if (from === to || !after.has(from) || !after.has(to)) continue;
		const arc: [string, string] = reaches(to, from) ? [to, from] : [from, to];
		after.get(arc[0])!.add(arc[1]);
		arcs.set(edge, arc);
	}
	return arcs;
}

function layersOf(names: string[], arcs: [string, string][], most: number): Map<string, number> {
	const depth = new Map(names.map((name) => [name, 0]));
	for (let moved = true; moved;) {
		moved = false;
		for (const [from, to] of arcs)
			if (depth.get(to)! <= depth.get(from)!) {
				depth.set(to, depth.get(from)! + 1);
				moved = true;
			}
	}
	const layer = new Map<string, number>();
	const filled: number[] = [];
	for (const name of names.toSorted((a, b) => depth.get(a)! - depth.get(b)!)) {
		const from = arcs.filter(([, to]) => to === name).map(([before]) => layer.get(before)!);
		let at = Math.max(-1, ...from) + 1;
		while ((filled[at] ?? 0) >= most) at++;
		filled[at] = (filled[at] ?? 0) + 1;
		layer.set(name, at);
	}
	return layer;
}

function mean(values: number[]): number | null {
	return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
}

function number(layer: Item[]): void {
	layer.forEach((item, i) => (item.rank = i));
}

// How many pairs of edges between two layers cross.
function crossings(layers: Item[][]): number {
	let sum = 0;
	for (const layer of layers) {
		const ends = layer.flatMap((item) => item.after.map((to) => to.rank).sort((a, b) => a - b));
		ends.forEach((end, i) => {
			for (let j = i + 1; j < ends.length; j++) if (ends[j]! < end) sum++;
		});
	}
	return sum;
}

// Each item to the middle of those that it has an edge with in the layer before, and then in the one behind, as long as
// that makes fewer edges cross.
function arrange(layers: Item[][]): void {
	layers.forEach(number);
	let [best, least] = [layers.map((layer) => [...layer]), crossings(layers)];
	for (let sweep = 0; sweep < SWEEPS && least > 0; sweep++) {
		const down = sweep % 2 === 0;
		for (const layer of down ? layers : layers.toReversed()) {
			const wishes = new Map(
				layer.map((item) => {
					const near = down ? item.before : item.after;
					return [item, mean(near.map(({ rank }) => rank)) ?? item.rank];
				}),
			);
			layer.sort((a, b) => wishes.get(a)! - wishes.get(b)!);
			number(layer);
		}
		const now = crossings(layers);
		if (now < least) [best, least] = [layers.map((layer) => [...layer]), now];
	}
	best.forEach((layer, i) => (layers[i] = layer));
	layers.forEach(number);
}

function sizeOf(layer: Item[]): number {
	return layer.reduce((sum, { size }) => sum + size, 0);
}

// Places a layer's items as near to where they wish to be as their order, size and the breadth allow: those that would
// overlap share the mean of their wishes ("pool adjacent violators").
function settle(layer: Item[], wishes: number[], breadth: number): void {
	let edge = 0;
	const offsets = layer.map(({ size }) => (edge += size) - size / 2);
	const spare = breadth - edge;
	const pools: { sum: number; items: Item[] }[] = [];
	layer.forEach((item, i) => {
		let pool = { sum: wishes[i]! - offsets[i]!, items: [item] };
		for (let last = pools.at(-1); last; last = pools.at(-1)) {
			if (last.sum / last.items.length < pool.sum / pool.items.length) break;
			pool = { sum: last.sum + pool.sum, items: [...last.items, ...pool.items] };
			pools.pop();
		}
		pools.push(pool);
	});
	for (const { sum, items } of pools) {
		const shift = Math.min(Math.max(sum / items.length, 0), spare);
		for (const item of items) item.place = shift + offsets[item.rank]!;
	}
}

function place(layers: Item[][], breadth: number): void {
	for (const layer of layers)
		settle(
			layer,
			layer.map(() => breadth / 2),
			breadth,
		);
	for (let sweep = 0; sweep < SWEEPS; sweep++)
		for (const layer of sweep % 2 === 0 ? layers : layers.toReversed()) {
			const wishes = layer.map((item) => {
				const near = [...item.before, ...item.after].map((each) => each.place);
				return mean(near) ?? item.place;
			});
			settle(layer, wishes, breadth);
		}
}

export function layout(names: string[], edges: Edge[], room: Room): Layout {
	const arcs = arcsOf(names, edges);
	const layerOf = layersOf(names, [...arcs.values()], room.most);
	const layers: Item[][] = [];
	const add = (layer: number, size: number): Item => {
		const item: Item = { layer, size, place: 0, rank: 0, before: [], after: [] };
		(layers[layer] ??= []).push(item);
		return item;
	};
	const nodes = new Map<string, Item>();
	for (const name of names.toSorted((a, b) => layerOf.get(a)! - layerOf.get(b)!))
		nodes.set(name, add(layerOf.get(name)!, room.node));
	const ways = new Map<string, Way>();
	for (const [edge, [from, to]] of arcs) {
		const points = [nodes.get(from)!];
		const end = nodes.get(to)!;
		while (points.at(-1)!.layer < end.layer - 1)
			points.push(add(points.at(-1)!.layer + 1, room.lane));
		points.push(end);
		points.slice(1).forEach((item, i) => {
			points[i]!.after.push(item);
			item.before.push(points[i]!);
		});
		const isBack = from !== edge.from;
		ways.set(idOf(edge), { points: isBack ? points.toReversed() : points, isBack });
	}
	arrange(layers);
	const breadth = Math.max(0, ...layers.map(sizeOf));
	place(layers, breadth);
	return { nodes, ways, layers: layers.length, breadth };
}
