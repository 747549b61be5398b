// Elements from plain calls. Text from events only ever becomes a text node.

const SVG = "http://www.w3.org/2000/svg";

// Shapes of 24 by 24, drawn as strokes.
const SHAPES = {
	error: ["M12 8v5", "M12 16.5v.01", "M8 3h8l5 5v8l-5 5H8l-5-5V8z"],
	warning: ["M12 9v4.5", "M12 17v.01", "M12 3.5 2.5 20h19z"],
	success: ["M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18", "m8 12 3 3 5-6"],
	info: ["M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18", "M12 11v5", "M12 8v.01"],
	debug: ["M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18", "M8 12h.01", "M12 12h.01", "M16 12h.01"],
};

// el("a", {class: "x", href: "#/", onclick: f}, child, ...): children are nodes or text.
export function el(tag, attributes, ...children) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes ?? {})) {
		if (typeof value === "function")
			node[name] = value;
		else if (value !== null && value !== undefined && value !== false)
			node.setAttribute(name, value === true ? "" : String(value));
	}
	node.append(...children.filter((child) => child !== null && child !== undefined));
	return node;
}

export function icon(name) {
	const svg = document.createElementNS(SVG, "svg");
	svg.setAttribute("viewBox", "0 0 24 24");
	svg.setAttribute("aria-hidden", "true");
	svg.classList.add("icon");
	for (const shape of SHAPES[name] ?? SHAPES.info) {
		const path = document.createElementNS(SVG, "path");
		path.setAttribute("d", shape);
		svg.append(path);
	}
	return svg;
}

// A status or severity: never by colour alone.
export function badge(status, label = status) {
	return el("span", { class: `badge ${status}` }, icon(status), el("span", null, label));
}

// Makes `parent` hold exactly the nodes, moving and adding only what differs, so that focus, scroll
// position and opened details stay.
export function arrange(parent, nodes) {
	const keep = new Set(nodes);
	for (const node of [...parent.children])
		if (!keep.has(node))
			node.remove();
	nodes.forEach((node, i) => {
		if (parent.children[i] !== node)
			parent.insertBefore(node, parent.children[i] ?? null);
	});
}
