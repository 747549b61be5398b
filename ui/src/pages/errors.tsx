// Groups of errors that are the same, the last seen first.

import { useEffect, useRef } from "preact/hooks";
import { type ErrorGroup, get, type Page } from "../api";
import { FilterBar } from "../filterbar";
import { number } from "../format";
import { useKeys } from "../keys";
import { Empty, Loading, Systems, Time } from "../parts";
import { change, link, route } from "../route";
import { noteEnvironment, noteSystems } from "../seen";
import { Sparkline } from "../sparkline";
import { complaint, useFollow, useResource } from "../state";

const BUCKETS = 24;
const RANGES = [
	["1h", "Last hour"],
	["24h", "Last 24 hours"],
	["7d", "Last 7 days"],
] as const;

function Row({ group, since }: { group: ErrorGroup; since: string }) {
	return (
		<tr class="error">
			<td class="title">
				<a data-row href={link(["errors", group.fingerprint], { since })}>
					{group.type ? `${group.type}: ` : ""}
					{group.message || group.title}
				</a>
				<span class="id">{group.place || group.title}</span>
			</td>
			<td class="spark">{group.recent && <Sparkline recent={group.recent} />}</td>
			<td class="number errors">
				{number(group.count)}
				<span class="unit"> in all</span>
			</td>
			<td>
				<Systems names={group.systems} most={3} />
			</td>
			<td class="note">{group.environments.join(", ")}</td>
			<td class="number age">
				<Time at={group.last_seen} />
			</td>
			<td class="number age first">
				<Time at={group.first_seen} />
			</td>
		</tr>
	);
}

export function ErrorsPage() {
	const { query } = route.value;
	const list = useRef<HTMLTableSectionElement>(null);
	const filter = query.get("filter") ?? "";
	const since = query.get("since") ?? "24h";
	const cursor = query.get("cursor");
	const key = JSON.stringify([filter, since, cursor]);
	const groups = useResource(
		key,
		(signal) =>
			get<Page<ErrorGroup>>(
				"/api/errors",
				{ filter, cursor, limit: 50, buckets: BUCKETS, since },
				signal,
			),
		(problem) => problem.about("filter") !== null,
	);
	useFollow(cursor === null ? { filter, severity: "error" } : null, groups.refresh, groups.refresh);
	useEffect(() => {
		document.title = "Errors · DevPulse";
	}, []);
	useEffect(() => {
		for (const group of groups.data?.items ?? []) {
			noteSystems(group.systems);
			group.environments.forEach(noteEnvironment);
		}
	}, [groups.data]);
	const step = (by: number): void => {
		const links = [...(list.current?.querySelectorAll<HTMLElement>("a[data-row]") ?? [])];
		links[
			Math.min(
				Math.max(links.indexOf(document.activeElement as HTMLElement) + by, 0),
				links.length - 1,
			)
		]?.focus();
	};
	useKeys("Errors", [
		{ key: "j", does: "next group", run: () => step(1) },
		{ key: "k", does: "previous group", run: () => step(-1) },
	]);
	const problem = groups.problem?.about("filter") ?? null;
	const page = groups.data;
	return (
		<section class="groups" aria-busy={groups.loading}>
			<h1 class="visually-hidden">Errors</h1>
			<FilterBar
				value={filter}
				problem={problem}
				onChange={(text) => change({ filter: text, cursor: null })}
			/>
			<div class="controls">
				<div class="segments" role="group" aria-label="Time of the bars">
					{RANGES.map(([value, name]) => (
						<button
							key={value}
							type="button"
							aria-pressed={since === value}
							onClick={() => change({ since: value })}
						>
							{name}
						</button>
					))}
				</div>
			</div>
			{!page && complaint.value === "" && problem === null && <Loading what="errors" />}
			{page?.items.length === 0 && (
				<Empty title={filter === "" ? "No errors" : "Nothing matches"}>
					<p>
						{filter === ""
							? "None has been stored. One would be shown here the moment it arrives."
							: "No group has an error for which all of this holds."}
					</p>
				</Empty>
			)}
			{page && page.items.length > 0 && (
				<table>
					<thead>
						<tr>
							<th>Error</th>
							<th>{RANGES.find(([value]) => value === since)?.[1] ?? "Since then"}</th>
							<th class="number">In all</th>
							<th>Systems</th>
							<th>Environments</th>
							<th class="number">Last seen</th>
							<th class="number first">First seen</th>
						</tr>
					</thead>
					<tbody ref={list}>
						{page.items.map((group) => (
							<Row key={group.fingerprint} group={group} since={since} />
						))}
					</tbody>
				</table>
			)}
			<nav class="paging" aria-label="Pages of the list">
				{cursor !== null && (
					<button type="button" class="button" onClick={() => change({ cursor: null })}>
						First
					</button>
				)}
				{page?.next && (
					<button type="button" class="button" onClick={() => change({ cursor: page.next })}>
						Older
					</button>
				)}
			</nav>
		</section>
	);
}
