// What there is to see before the first event.

import { CopyButton } from "./parts";

const EVENT = '{"traceId":"abc123","severity":"error","details":"first light"}';

const WAYS: [label: string, text: string][] = [
	[
		"In a terminal, in DevPulse's folder: the traffic of a little system, errors included",
		"./devpulse demo",
	],
	[
		"In a Python application, after pip install ./sdk/python: every error, with its local variables",
		'import devpulse\n\ndevpulse.init(environment="dev")',
	],
	[
		"In a terminal: one event by HTTP",
		`curl http://127.0.0.1:8008/events \\\n  -H 'Content-Type: application/json' \\\n  -d '${EVENT}'`,
	],
	[
		"In a JavaScript file that Node 22 or newer runs: one event by WebSocket",
		'const event = {traceId: "abc123", system: "shop", details: "first light"};\n' +
			'const ws = new WebSocket("ws://127.0.0.1:8008/");\n' +
			"ws.onopen = () => { ws.send(JSON.stringify(event)); ws.close(); };",
	],
];

export function Welcome() {
	return (
		<section class="empty welcome">
			<h2>Waiting for the first event</h2>
			<p>
				This page shows it the moment it arrives. Below, 8008 is the usual port for events: where
				yours is another, take the one that <code>./devpulse up</code> printed.
			</p>
			{WAYS.map(([label, text]) => (
				<figure key={label}>
					<figcaption>{label}</figcaption>
					<div class="sample">
						<pre tabIndex={0}>{text}</pre>
						<CopyButton text={() => text}>Copy</CopyButton>
					</div>
				</figure>
			))}
		</section>
	);
}
