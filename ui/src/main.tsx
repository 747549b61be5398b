// The frame around the pages: where to go, the connection, the theme, the token.

import { answered } from "./early"; // before all that takes time
import "./style/theme.css";
import "./style/base.css";
import "./style/list.css";
import "./style/trace.css";
import "./style/values.css";
import "./style/compare.css";
import "./style/errors.css";
import "./style/flow.css";
import "./style/live.css";
import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { token } from "./api";
import { Help, helpShown, useKeys } from "./keys";
import { ComparePage } from "./pages/compare";
import { ErrorPage } from "./pages/error";
import { ErrorsPage } from "./pages/errors";
import { FlowPage } from "./pages/flow";
import { LivePage } from "./pages/live";
import { TracePage } from "./pages/trace";
import { TracesPage } from "./pages/traces";
import { Icon } from "./parts";
import { go, link, route } from "./route";
import { complaint, connection, tokenWanted } from "./state";
import { applyTheme, setTheme, theme, type Theme } from "./theme";

const PAGES = [
	{ name: "Traces", path: "" },
	{ name: "Errors", path: "errors" },
	{ name: "Flow", path: "flow" },
	{ name: "Live", path: "live" },
];

const NEXT: Record<Theme, Theme> = { "": "light", light: "dark", dark: "" };
const THEME_SAYS: Record<Theme, [icon: string, says: string]> = {
	"": ["system", "Theme: as the system"],
	light: ["sun", "Theme: light"],
	dark: ["moon", "Theme: dark"],
};

function Page() {
	const [first = "", second] = route.value.path;
	switch (first) {
		case "trace":
			return <TracePage key={second ?? ""} id={second ?? ""} />;
		case "errors":
			return second === undefined ? (
				<ErrorsPage />
			) : (
				<ErrorPage key={second} fingerprint={second} />
			);
		case "flow":
			return <FlowPage />;
		case "live":
			return <LivePage />;
		case "compare":
			return <ComparePage />;
		default:
			return <TracesPage />;
	}
}

// icon.svg, without another request and another document before the first frame.
function Mark() {
	return (
		<svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
			<rect width="32" height="32" rx="8" />
			<path d="M4 17h6l3-8 6 15 3-7h6" />
		</svg>
	);
}

function Header() {
	const at = route.value.path[0] ?? "";
	const current = at === "trace" || at === "compare" ? "" : at;
	const [icon, says] = THEME_SAYS[theme.value];
	return (
		<header class="top">
			<a class="brand" href="#/">
				<Mark />
				<span>DevPulse</span>
			</a>
			<nav aria-label="Pages">
				{PAGES.map((page) => (
					<a
						key={page.path}
						href={link([page.path].filter(Boolean))}
						aria-current={page.path === current ? "page" : undefined}
					>
						{page.name}
					</a>
				))}
			</nav>
			<p id="link" class={connection.value.state} role="status">
				{connection.value.text}
			</p>
			<button
				type="button"
				class="tool"
				title={says}
				aria-label={says}
				onClick={() => setTheme(NEXT[theme.value])}
			>
				<Icon name={icon} />
			</button>
			<button
				type="button"
				class="tool"
				title="Keyboard (?)"
				aria-label="Keyboard"
				onClick={() => (helpShown.value = true)}
			>
				<span aria-hidden="true">?</span>
			</button>
		</header>
	);
}

function TokenForm() {
	const input = useRef<HTMLInputElement>(null);
	useEffect(() => input.current?.focus(), []);
	const use = (event: Event): void => {
		event.preventDefault();
		token.set(input.current!.value.trim());
		tokenWanted.value = false;
	};
	return (
		<form class="empty" onSubmit={use}>
			<h1>A token is wanted</h1>
			{token.get() !== null && (
				<p role="alert">The one that was used is not, or no longer, valid.</p>
			)}
			<p>
				dp-http was started with one: in its --token-file or DEVPULSE_TOKEN. It is kept until this
				tab is closed.
			</p>
			<label for="token">Token</label>{" "}
			<input ref={input} id="token" type="password" autocomplete="off" required />{" "}
			<button class="button">Use it</button>
		</form>
	);
}

function App() {
	const main = useRef<HTMLElement>(null);
	const at = route.value.path.join("/");
	const first = useRef(true);
	useEffect(() => {
		if (!first.current) main.current?.focus({ preventScroll: true });
		first.current = false;
		scrollTo(0, 0);
		complaint.value = "";
	}, [at]);
	useKeys("Everywhere", [
		{ key: "1", does: "traces", run: () => go("#/") },
		{ key: "2", does: "errors", run: () => go("#/errors") },
		{ key: "3", does: "flow", run: () => go("#/flow") },
		{ key: "4", does: "live", run: () => go("#/live") },
		{
			key: "/",
			does: "to the filter or search",
			run: () => document.querySelector<HTMLElement>("[data-search]")?.focus(),
		},
		{ key: "?", does: "this list", run: () => (helpShown.value = true) },
	]);
	return (
		<>
			<Header />
			{complaint.value && (
				<p id="banner" role="alert">
					{complaint.value}
				</p>
			)}
			<main id="main" ref={main} tabIndex={-1}>
				{tokenWanted.value ? <TokenForm /> : <Page />}
			</main>
			<Help />
		</>
	);
}

applyTheme();
void answered.then(() => render(<App />, document.getElementById("app")!));
