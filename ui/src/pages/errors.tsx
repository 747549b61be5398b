// Groups of errors that are the same, the last seen first.

import { useEffect, useRef } from "preact/hooks";
import { type ErrorGroup, get, type Page } from "../api";
import { leave, useComeback } from "../comeback";
import { Paging } from "../controls";
import { FilterBar } from "../filterbar";
import { useRefresh } from "../following";
import { number } from "../format";
import { focusRow, useKeys } from "../keys";
import { Empty, Loading, Systems, Time } from "../parts";
import { useResource } from "../resource";
import { change, link, route } from "../route";
import { noteEnvironment, noteSystems } from "../seen";
import { barsSince, nameOfBars, Sparkline, TimeOfBars } from "../sparkline";
import { complaint } from "../state";

const BUCKETS = 24;

// What the last error says where the group's message has * for it: of "KeyError: *" that is the part to know.
function lastSaid({ type, message, title }: ErrorGroup): string | null {
	if (!message.includes("*")) return null;
	const said = type && title.startsWith(`${type}: `) ? title.slice(type.length + 2) : title;
	return said === message ? null : said;
}

function Row({ group, since }: { group: ErrorGroup; since: string }) {
	const said = lastSaid(group);
	return (
		<tr class="error">
			<td class="title">
				<a data-row href={link(["errors", group.fingerprint], { since })}>
					{group.type ? `${group.type}: ` : ""}
					{group.message || group.title}
				</a>
				{said !== null && <span class="said">last: {said}</span>}
				{group.place && <span class="id">{group.place}</span>}
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

function Table({ groups, since }: { groups: ErrorGroup[]; since: string }) {
	const list = useRef<HTMLTableSectionElement>(null);
	useComeback(list, true);
	useKeys("Errors", [
		{ key: "j", does: "next group", run: () => focusRow(list.current, 1) },
		{ key: "k", does: "previous group", run: () => focusRow(list.current, -1) },
	]);
	return (
		<table>
			<thead>
				<tr>
					<th>Error</th>
					<th>{nameOfBars(since)}</th>
					<th class="number">In all</th>
					<th>Systems</th>
					<th>Environments</th>
					<th class="number">Last seen</th>
					<th class="number first">First seen</th>
				</tr>
			</thead>
			<tbody ref={list} onClick={leave}>
				{groups.map((group) => (
					<Row key={group.fingerprint} group={group} since={since} />
				))}
			</tbody>
		</table>
	);
}

const LONGEST = "365d";

function Nothing({ filter, since }: { filter: string; since: string }) {
	return (
		<Empty title={filter === "" ? "No errors in this time" : "Nothing matches in this time"}>
			<p>
				{filter === ""
					? "One would be shown here the moment it arrives."
					: "No group has an error for which all of this holds."}
			</p>
			{since !== LONGEST && (
				<button
					type="button"
					class="button"
					onClick={() => change({ since: LONGEST, cursor: null })}
				>
					The last year
				</button>
			)}
			{filter !== "" && (
				<button type="button" class="button" onClick={() => change({ filter: null, cursor: null })}>
					All errors
				</button>
			)}
		</Empty>
	);
}

function useGroups(filter: string, since: string, cursor: string | null) {
	const groups = useResource(
		JSON.stringify([filter, since, cursor]),
		(signal) =>
			get<Page<ErrorGroup>>(
				"/api/errors",
				{ filter, cursor, limit: 50, buckets: BUCKETS, since },
				signal,
			),
		(problem) => problem.about("filter") !== null,
	);
	useRefresh(cursor === null ? { filter, severity: "error" } : null, groups.refresh);
	useEffect(() => {
		for (const group of groups.data?.items ?? []) {
			noteSystems(group.systems);
			group.environments.forEach(noteEnvironment);
		}
	}, [groups.data]);
	return groups;
}

export function ErrorsPage() {
	const { query } = route.value;
	const filter = query.get("filter") ?? "";
	const since = barsSince();
	const groups = useGroups(filter, since, query.get("cursor"));
	useEffect(() => {
		document.title = "Errors · DevPulse";
	}, []);
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
				<TimeOfBars since={since} />
			</div>
			{!page && complaint.value === "" && problem === null && <Loading what="errors" />}
			{page?.items.length === 0 && <Nothing filter={filter} since={since} />}
			{page && page.items.length > 0 && <Table groups={page.items} since={since} />}
			{page && <Paging page={page} />}
		</section>
	);
}
