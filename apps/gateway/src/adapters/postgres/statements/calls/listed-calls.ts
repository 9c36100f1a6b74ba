import type { ResultSource, ToolCallStatus, ToolTarget } from "@hsafa/protocol";
import { type Asked, filteredStatements } from "../../filtered-statements.ts";
import { millis } from "../../times.ts";

/** SQL: the device that answered, or else the one that has it now. */
const DEVICE = "coalesce(c.device_id, c.sent_device_id)";

/** SQL: the columns of a call that are small. A device that is known no more has the key that it was asked by. */
const COLUMNS = `c.id::text, c.run_id::text, c.step, c.tool_name, c.target, c.status, c.attempt, c.source,
    ${DEVICE}::text as device_id,
    coalesce((select d.key from devices d where d.id = ${DEVICE} and d.tenant_id = c.tenant_id), c.recipient_key)
      as device_key,
    ${["requested_at", "dispatched_at", "sent_at", "accepted_at", "deadline", "settled_at"]
      .map((column) => `${millis(`c.${column}`)} as ${column}`)
      .join(", ")}`;

/** A call as it is listed. Times are in ms. */
export interface ListedCall {
  readonly id: string;
  readonly run_id: string;
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
  call: { parameters: { callId: "uuid" }, holds: "c.id = :callId" },
  run: { parameters: { runId: "uuid" }, holds: "c.run_id = :runId" },
  device: { parameters: { deviceId: "uuid" }, holds: "c.device_id = :deviceId" },
  subject: { parameters: { subject: "text" }, holds: "c.subject = :subject" },
  tool: { parameters: { toolName: "text" }, holds: "c.tool_name = :toolName" },
  status: { parameters: { status: "text" }, holds: "c.status = :status" },
  nobody: { parameters: {}, holds: "c.subject is null" },
} as const;

/** What is asked for. */
export type AskedCalls = Asked<typeof FILTERS>;

/** The calls of a run are listed from its first one, all others from the newest. An index has the ids in this order. */
function textOf(names: readonly (keyof AskedCalls)[]): string {
  const isOfRun = names.includes("run");
  const [order, beyond, end] = isOfRun
    ? ["asc", ">", "00000000-0000-0000-0000-000000000000"]
    : ["desc", "<", "ffffffff-ffff-ffff-ffff-ffffffffffff"];
  return `
with page as materialized (
  select c.id from tool_calls c
  where ${["c.tenant_id = :tenantId", ...names.map((name) => FILTERS[name].holds)].join(" and ")}
    and c.id ${beyond} coalesce(:after, '${end}'::uuid)
  order by c.id ${order} limit :take
)
-- One look-up by its id for each row, whatever Postgres knows of the table.
select call.* from page cross join lateral (
  select ${COLUMNS} from tool_calls c where c.id = page.id and c.tenant_id = :tenantId limit 1
) as call
order by page.id ${order}`;
}

/** Reads the calls for which all that is asked for holds, after this one; undefined: from the first. */
export const listedCalls = filteredStatements({
  name: "list-calls",
  filters: FILTERS,
  part: { after: "uuid?", take: "int" },
  textOf,
});
