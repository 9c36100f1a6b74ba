import type { ResultSource, ToolCallStatus, ToolTarget } from "@hsafa/protocol";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { type Asked, filteredStatements } from "../../filtered-statements.ts";
import { BEFORE_ALL_IDS, BEYOND_ALL_IDS, indexRange, ofValue } from "../../index-range.ts";
import type { Query, TenantScope } from "../../statement.ts";
import { millis } from "../../times.ts";

/**
 * SQL: the device that answered, or else the one that has it now. It is no `coalesce`: Postgres takes that for an
 * expression that may leak, and asks no index for it beside the policy of a table.
 */
const DEVICE = "case when c.device_id is null then c.sent_device_id else c.device_id end";

/** SQL: the columns of a call that are small. A device that is known no more has the key that it was asked by. */
const COLUMNS = `c.id::text, c.run_id::text, c.step, c.tool_name, c.target, c.status, c.attempt, c.source,
    (
      select a.name from runs r join agents a on a.id = r.agent_id and a.tenant_id = r.tenant_id
      where r.id = c.run_id and r.tenant_id = c.tenant_id
    ) as agent_name,
    (${DEVICE})::text as device_id,
    coalesce((select d.key from devices d where d.id = ${DEVICE} and d.tenant_id = c.tenant_id), c.recipient_key)
      as device_key,
    ${["requested_at", "dispatched_at", "sent_at", "accepted_at", "deadline", "settled_at"]
      .map((column) => `${millis(`c.${column}`)} as ${column}`)
      .join(", ")}`;

/** A call as it is listed. Times are in ms. */
export interface ListedCall {
  readonly id: string;
  readonly run_id: string;
  readonly agent_name: string;
  readonly step: number;
  readonly tool_name: string;
  readonly target: ToolTarget;
  readonly status: ToolCallStatus;
  readonly attempt: number;
  readonly source: ResultSource | null;
  readonly device_id: string | null;
  readonly device_key: string | null;
  readonly requested_at: number;
  readonly dispatched_at: number | null;
  readonly sent_at: number | null;
  readonly accepted_at: number | null;
  readonly deadline: number | null;
  readonly settled_at: number | null;
}

const FILTERS = {
  call: { parameters: { callId: "uuid" }, holds: "c.id = :callId", lead: null },
  run: ofValue("c.run_id", ":runId", { runId: "uuid" }),
  device: ofValue("c.device_id", ":deviceId", { deviceId: "uuid" }),
  subject: ofValue("c.subject", ":subject", { subject: "text" }),
  tool: ofValue("c.tool_name", ":toolName", { toolName: "text" }),
  status: ofValue("c.status", ":status", { status: "text" }),
  nobody: { parameters: {}, holds: "c.subject is null", lead: null },
} as const;

/** What is asked for. */
export type AskedCalls = Asked<typeof FILTERS>;

/** The calls of a run are listed from its first one, all others from the newest. An index has the ids in this order. */
function textOf(names: readonly (keyof AskedCalls)[]): string {
  const [order, to] = names.includes("run") ? (["asc", BEYOND_ALL_IDS] as const) : (["desc", BEFORE_ALL_IDS] as const);
  const [only] = names.map((name) => FILTERS[name]);
  // Of several filters Postgres knows best which one leaves the fewest.
  const lead = names.length === 1 && only !== undefined ? only.lead : null;
  const conditions = lead === null ? names.map((name) => FILTERS[name].holds) : [];
  const leads = lead === null ? [] : [lead];
  const range = indexRange({ leads, id: "c.id", after: ":after", to: `'${to}'`, order });
  return `
with page as materialized (
  select c.id from tool_calls c
  where ${["c.tenant_id = :tenantId", ...conditions, range.holds].join(" and ")}
  order by ${range.order} limit :take
)
-- One look-up by its id for each row, whatever Postgres knows of the table.
select call.* from page cross join lateral (
  select ${COLUMNS} from tool_calls c where c.id = page.id and c.tenant_id = :tenantId limit 1
) as call
order by page.id ${order}`;
}

const listed = filteredStatements({
  name: "list-calls",
  filters: FILTERS,
  part: { after: "uuid", take: "int" },
  textOf,
});

/** Reads the calls for which all that is asked for holds, after this one; undefined: from the first. */
export function listedCalls(
  tenantId: TenantId,
  asked: AskedCalls,
  { after, take }: { readonly after: string | undefined; readonly take: number },
): Query<TenantScope> {
  const begin = asked.run === undefined ? BEYOND_ALL_IDS : BEFORE_ALL_IDS;
  return listed(tenantId, asked, { after: after ?? begin, take });
}
