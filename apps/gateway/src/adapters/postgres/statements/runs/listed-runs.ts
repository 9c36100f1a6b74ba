import { type FinishReason, type GrantedLimits, RUN_STATUSES, type RunStatus, type Usage } from "@hsafa/protocol";
import type { RunStarter } from "../../../../ports/run-starter.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { SEARCHED_RUNS_MAX } from "../../../../ports/limits.ts";
import { type Asked, filteredStatements } from "../../filtered-statements.ts";
import { BEFORE_ALL_IDS, BEYOND_ALL_IDS, indexRange, type Lead, ofValue } from "../../index-range.ts";
import { namedThread } from "../../named-thread.ts";
import type { Query, TenantScope } from "../../statement.ts";
import { millis } from "../../times.ts";

/** SQL: the columns of a run that are small, of the table `runs` under the name `r`. */
export const RUN_COLUMNS = `r.id::text, r.status, r.agent_id::text, r.agent_version_id::text, r.thread_id::text, r.subject,
    r.merged_into::text, r.forked_from::text, r.forked_at, r.parent_run_id::text, r.root_run_id::text, r.depth,
    r.device_key, r.started_by, r.finish_reason, r.usage, r.children_usage, r.limits, r.lease_owner, r.steps, r.last_seq,
    ${millis("r.created_at")} as created_at, ${millis("r.started_at")} as started_at,
    ${millis("r.completed_at")} as completed_at,
    (select a.name from agents a where a.id = r.agent_id and a.tenant_id = r.tenant_id) as agent_name`;

/** A run as it is listed. Times are in ms. */
export interface ListedRun {
  readonly id: string;
  readonly status: RunStatus;
  readonly agent_id: string;
  readonly agent_name: string;
  readonly agent_version_id: string;
  readonly thread_id: string | null;
  readonly subject: string | null;
  readonly merged_into: string | null;
  readonly forked_from: string | null;
  readonly forked_at: number | null;
  readonly parent_run_id: string | null;
  readonly root_run_id: string | null;
  readonly depth: number;
  readonly device_key: string | null;
  readonly started_by: RunStarter | null;
  readonly finish_reason: FinishReason | null;
  readonly usage: Usage;
  readonly children_usage: Usage | null;
  readonly limits: GrantedLimits | null;
  readonly lease_owner: string | null;
  readonly steps: number;
  readonly last_seq: number;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly completed_at: number | null;
}

/** A run that a search has found. Without an id: it found none. */
export type FoundRun = (ListedRun | { readonly id: null }) & {
  /** The last run that was looked at, when the search ended at its bound. */
  readonly searched_to: string | null;
};

/** SQL: the thread that is asked for. */
const THREAD = namedThread({ id: ":threadId", key: ":threadKey", subject: ":threadSubject" });

/** SQL: the agent with the name that is asked for. */
const AGENT = "(select a.id from agents a where a.tenant_id = :tenantId and a.name = :agentName)";

const FILTERS = {
  /** Its index and that of threads know no tenant. */
  parent: { parameters: { parentRunId: "uuid" }, holds: "r.parent_run_id = :parentRunId", lead: null },
  fork: ofValue("r.forked_from", ":forkedFrom", { forkedFrom: "uuid" }),
  thread: {
    parameters: { threadId: "uuid?", threadKey: "text", threadSubject: "text?" },
    holds: `r.thread_id = ${THREAD}`,
    lead: null,
  },
  subject: ofValue("r.subject", ":subject", { subject: "text" }),
  agent: ofValue("r.agent_id", ":agentId", { agentId: "uuid" }),
  agentName: ofValue("r.agent_id", AGENT, { agentName: "text" }),
  status: ofValue("r.status", ":status", { status: "text" }),
  nobody: { parameters: {}, holds: "r.subject is null", lead: null },
  version: ofValue("r.agent_version_id", ":versionId", { versionId: "uuid" }),
  /** The runs with a call that this device has answered or has been sent. It is not a condition of the run's row. */
  device: { parameters: { deviceId: "uuid?", deviceKey: "text" }, holds: null, lead: null },
  /** Text in lower case, as far as it is ASCII. */
  metadata: { parameters: { metadata: "text" }, holds: null, lead: null },
} as const;
type FilterName = keyof typeof FILTERS;

/** What is asked for. */
export type AskedRuns = Asked<typeof FILTERS>;

/**
 * SQL: the device that is asked for. One with an id may be gone. It is a subquery. Beside the policy of its table, no
 * index is asked for an expression: Postgres takes it for one that may leak.
 */
const DEVICE = `(
      select coalesce(:deviceId, (select d.id from devices d where d.tenant_id = :tenantId and d.key = :deviceKey))
    )`;

/** SQL: the newest run before this one with a call of the device. Each column has an index in this order. */
function runOfDevice(before: string): string {
  const newestBy = (column: string): string => `(
    select c.run_id from tool_calls c
    where c.tenant_id = :tenantId and c.${column} = ${DEVICE} and c.${column} is not null
      and c.run_id < ${before} and c.run_id >= :from
    order by c.run_id desc limit 1
  )`;
  return `select greatest(${newestBy("device_id")}, ${newestBy("sent_device_id")}) as run_id`;
}

/** SQL: the ids of the newest runs after `:after` for which all of this holds. */
function newest(conditions: readonly string[], count: string): string {
  const range = indexRange({ leads: [], id: "r.id", after: ":after", to: ":from", order: "desc" });
  return `
  select r.id from runs r
  where ${["r.tenant_id = :tenantId", ...conditions, range.holds].join(" and ")}
  order by ${range.order} limit ${count}`;
}

/**
 * SQL: the ids of the newest runs after `:after` with these values. What follows in the index is read as well, as far
 * as the limit goes, and left out.
 */
function newestOf(leads: readonly Lead[], count: string): string {
  const range = indexRange({ leads, id: "r.id", after: ":after", order: "desc" });
  const values = leads.map(({ column }, nth) => `${column} as lead_${nth}`).join(", ");
  const isOfValues = leads.map(({ value }, nth) => `followed.lead_${nth} = ${value}`).join(" and ");
  return `
  select followed.id from (
    select r.id, ${values} from runs r
    where r.tenant_id = :tenantId and ${range.holds}
    order by ${range.order} limit ${count}
  ) as followed
  where ${isOfValues} and followed.id >= :from`;
}

const STATUS_OF_EACH: Lead = { column: "r.status", value: "s.status" };

/**
 * SQL: the newest of these runs.
 *
 * 1. The index of an agent's runs has their statuses before their ids. So each status is read by itself.
 * 2. The calls of a device are many for each run. So the index is asked for one run at a time. What is not fetched of a
 *    recursion is not made.
 * 3. Of other filters together Postgres knows best which one leaves the fewest.
 */
function idsOf(names: readonly FilterName[], count: string): { readonly before: string; readonly ids: string } {
  const conditions = names.flatMap((name) => FILTERS[name].holds ?? []);
  if (names.includes("device")) {
    const holds = ["r.id = d.run_id", "r.tenant_id = :tenantId", ...conditions].join(" and ");
    return {
      // 2.
      before: `of_device as (
  (${runOfDevice(":after")})
  union all
  select (${runOfDevice("d.run_id")}) from of_device d where d.run_id is not null
), `,
      ids: `
  select r.id from of_device d cross join lateral (select r.id from runs r where ${holds} limit 1) as r
  limit ${count}`,
    };
  }
  const narrowing = names.filter((name) => name !== "metadata");
  const leads = narrowing.flatMap((name) => FILTERS[name].lead ?? []);
  const agent = narrowing[0] === "agent" || narrowing[0] === "agentName" ? leads[0] : undefined;
  if (agent !== undefined && narrowing.length === 1) {
    const statuses = RUN_STATUSES.map((status) => `'${status}'`).join(", ");
    // 1.
    const ids = `
  select of_status.id from unnest(array[${statuses}]) as s (status)
  cross join lateral (${newestOf([agent, STATUS_OF_EACH], count)}) as of_status
  order by of_status.id desc limit ${count}`;
    return { before: "", ids };
  }
  const isOfOneIndex = narrowing.length === 1 || (agent !== undefined && narrowing.join() === `${narrowing[0]},status`);
  if (isOfOneIndex && leads.length === narrowing.length) return { before: "", ids: newestOf(leads, count) };
  return { before: "", ids: newest(conditions, count) }; // 3.
}

/** SQL: the look-up of each row is one by its id, whatever Postgres knows of the table: a lateral limit is no join. */
const ROW_OF_PAGE = `lateral (
  select ${RUN_COLUMNS} from runs r where r.id = page.id and r.tenant_id = :tenantId limit 1
) as run`;

function textOf(names: readonly FilterName[]): string {
  if (names.includes("metadata")) return searchOf(names);
  const { before, ids } = idsOf(names, ":take");
  return `
with recursive ${before}page as materialized (${ids})
select run.* from page cross join ${ROW_OF_PAGE}
order by page.id desc`;
}

/** A search looks at so many runs, and tells the last of them if there may be more. One row comes at least. */
function searchOf(names: readonly FilterName[]): string {
  const { before, ids } = idsOf(names, `${SEARCHED_RUNS_MAX}`);
  return `
with recursive ${before}looked as materialized (${ids}), page as materialized (
  select looked.id from looked cross join lateral (
    select from runs r
    where r.id = looked.id and r.tenant_id = :tenantId
      and strpos(lower(r.metadata::text collate "C"), :metadata) > 0
    limit 1
  ) as hit
  order by looked.id desc limit :take
)
select run.*, ending.searched_to
from (
  select (select id::text from looked order by id desc offset ${SEARCHED_RUNS_MAX - 1} limit 1) as searched_to
) as ending
left join (page cross join ${ROW_OF_PAGE}) on true
order by page.id desc`;
}

/** Where a list begins and ends. */
export interface ListedPart {
  /** Only older ones than this; undefined: from the newest. */
  readonly after: string | undefined;
  /** Only this one and newer ones; undefined: to the oldest. */
  readonly from: string | undefined;
  readonly take: number;
}

const listed = filteredStatements({
  name: "list-runs",
  filters: FILTERS,
  part: { after: "uuid", from: "uuid", take: "int" },
  textOf,
});

/** Reads the newest runs for which all that is asked for holds. With `metadata` the rows are those of a `FoundRun`. */
export function listedRuns(
  tenantId: TenantId,
  asked: AskedRuns,
  { after = BEYOND_ALL_IDS, from = BEFORE_ALL_IDS, take }: ListedPart,
): Query<TenantScope> {
  return listed(tenantId, asked, { after, from, take });
}
