// The whole trace in miniature; a part of it is chosen by dragging.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Model, Zoom } from "./model";
import { hueOf } from "./parts";
import { colour, isDark } from "./theme";

const HEIGHT = 44;
const SMALLEST = 0.004; // of the width: less is a click

function draw(canvas: HTMLCanvasElement, model: Model): void {
	const scale = devicePixelRatio;
	const width = canvas.clientWidth;
	const context = canvas.getContext("2d")!;
	const colours = Array.from({ length: 10 }, (_, i) => colour(canvas, `--hue${i}`));
	const error = colour(canvas, "--error-bar");
	const lines = model.rows.filter((row) => row.kind === "event" || model.rows.length < 200);
	const step = (HEIGHT - 4) / Math.max(lines.length, 8);
	canvas.width = width * scale;
	canvas.height = HEIGHT * scale;
	context.scale(scale, scale);
	lines.forEach((row, i) => {
		const isError = row.kind === "event" && row.event.severity === "error";
		context.fillStyle = isError ? error : colours[hueOf(row.system)]!;
		context.fillRect(
			(row.start / model.length) * width,
			2 + i * step,
			Math.max(isError ? 2.5 : 1.5, ((row.end - row.start) / model.length) * width),
			Math.max(isError ? 2 : 1, Math.min(step - 0.5, 4)),
		);
	});
}

export function Minimap({
	model,
	zoom,
	onZoom,
}: {
	model: Model;
	zoom: Zoom;
	onZoom: (zoom: Zoom | null) => void;
}) {
	const canvas = useRef<HTMLCanvasElement>(null);
	const [drag, setDrag] = useState<[from: number, to: number] | null>(null); // parts of the width
	useEffect(() => {
		const node = canvas.current!;
		const paint = (): void => draw(node, model);
		const watch = new ResizeObserver(paint);
		watch.observe(node);
		return () => watch.disconnect();
	}, [model, isDark.value]);

	const part = (event: PointerEvent): number => {
		const { left, width } = canvas.current!.getBoundingClientRect();
		return Math.min(Math.max((event.clientX - left) / width, 0), 1);
	};
	const finish = (): void => {
		if (drag) {
			const [from, to] = [Math.min(...drag), Math.max(...drag)];
			onZoom(to - from < SMALLEST ? null : [from * model.length, to * model.length]);
		}
		setDrag(null);
	};
	const [from, to] = drag
		? [Math.min(...drag), Math.max(...drag)]
		: [zoom[0] / model.length, zoom[1] / model.length];
	return (
		<div
			class="minimap"
			aria-hidden="true"
			onPointerDown={(event) => {
				event.currentTarget.setPointerCapture(event.pointerId);
				setDrag([part(event), part(event)]);
			}}
			onPointerMove={(event) => drag && setDrag([drag[0], part(event)])}
			onPointerUp={finish}
			onPointerCancel={() => setDrag(null)}
		>
			<canvas ref={canvas} height={HEIGHT} />
			<span class="outside" style={{ left: "0", width: `${from * 100}%` }} />
			<span class="outside" style={{ left: `${to * 100}%`, right: "0" }} />
		</div>
	);
}
