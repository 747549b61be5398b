// The frames of a stack, where they are objects.

import { isGiven, isObject, type Json, type JsonObject, plain } from "./json";

// One without a file has a function at least: the language's own, or how many the SDK left out.
function isFrame(value: Json): value is JsonObject {
	return isObject(value) && (isGiven(value["file"]) || isGiven(value["function"]));
}

// Stacks are in their language's own order: Python's end with what failed, those of JavaScript, Java and Go begin with
// it. A file's ending tells, as it does in lib/calls.c.
const ENDING = /\.(?:(py)|[cm]?js|jsx|tsx?|java|kt|scala|go)$/;

function endsWithLast(frames: JsonObject[]): boolean {
	for (const frame of frames) {
		const known = ENDING.exec(plain(frame["file"] ?? ""));
		if (known) return known[1] !== undefined;
	}
	return true;
}

// The most recent call first; none where a part of the stack is no frame.
export function framesOf(stack: Json | undefined): JsonObject[] {
	const frames = Array.isArray(stack) ? stack : stack === undefined ? [] : [stack];
	if (!frames.every(isFrame) || !frames.some((frame) => isGiven(frame["file"]))) return [];
	return endsWithLast(frames) ? frames.toReversed() : frames;
}

// The application's own frame that the error came from, or was raised by what it called.
export function ownFrame(frames: JsonObject[]): JsonObject | undefined {
	return frames.find((frame) => frame["inApp"] !== false && isGiven(frame["file"]));
}
