import type { JsonObject, JsonValue } from "@hsafa/protocol";
import { PAGE_BYTES_MAX } from "../../../ports/limits.ts";
import { type Statement, type TenantScope, tenantStatement } from "../statement.ts";

/** The columns of a row that may be large. `id` null: the row has gone since it was listed. */
export type Payload<Columns> = { readonly id: string } & Columns;
export type PayloadRow<Columns> = Payload<Columns> | { readonly id: null };

export type PayloadStatement = Statement<{ readonly ids: "uuid[]"; readonly tenantId: "tenant" }, TenantScope>;

/**
 * Reads the large columns of rows in the order of their ids, up to the row by which they have `PAGE_BYTES_MAX` bytes.
 * Postgres measures one row after the other, and stops there. So a page costs neither side more than it shows.
 */
function payloads(params: {
  readonly name: string;
  /** It stands under the name `item`. */
  readonly table: string;
  readonly joins?: string;
  /** Each as `<expression> as <name>`. */
  readonly columns: readonly (readonly [expression: string, name: string])[];
}): PayloadStatement {
  const { joins = "" } = params;
  const size = params.columns.map(([expression]) => `coalesce(octet_length(${expression}::text), 0)`).join(" + ");
  const columns = params.columns.map(([expression, name]) => `${expression} as "${name}"`).join(", ");
  return tenantStatement({
    name: params.name,
    parameters: { ids: "uuid[]" },
    text: `
with recursive page as (
  select 0 as n, 0::bigint as bytes, null::uuid as id, (:ids)[1] as next
  union all
  select page.n + 1, page.bytes + coalesce(
    -- The id as it is: in an expression row-level security would have each row looked at before it is compared.
    (select ${size} from ${params.table} as item ${joins} where item.id = page.next and item.tenant_id = :tenantId), 0
  ), page.next, (:ids)[page.n + 2]
  from page where page.n < cardinality(:ids) and page.bytes < ${PAGE_BYTES_MAX}
)
select large.*
-- A lateral limit is not turned into a join, which could read the table from its beginning.
from page left join lateral (
  select item.id, ${columns} from ${params.table} as item ${joins}
  where item.id = page.id and item.tenant_id = :tenantId limit 1
) as large on true
where page.n > 0
order by page.n`,
  });
}

export interface RunPayload {
  readonly metadata: JsonObject;
  readonly output: string | null;
  readonly error: JsonValue;
}

export const RUN_PAYLOADS = payloads({
  name: "read-run-payloads",
  table: "runs",
  columns: [
    ["item.metadata", "metadata"],
    ["item.output", "output"],
    ["item.error", "error"],
  ],
});

export interface ConfigPayload {
  readonly config: JsonObject;
  readonly description: string | null;
}

export const VERSION_PAYLOADS = payloads({
  name: "read-version-payloads",
  table: "agent_versions",
  columns: [
    ["item.config_json", "config"],
    ["item.description", "description"],
  ],
});

/** Those of an agent's current version; null where it has none. */
export const AGENT_PAYLOADS = payloads({
  name: "read-agent-payloads",
  table: "agents",
  joins:
    "left join agent_versions as version on version.id = item.current_version_id and version.tenant_id = item.tenant_id",
  columns: [
    ["version.config_json", "config"],
    ["version.description", "description"],
  ],
});

export interface CallPayload {
  readonly args: JsonValue;
  readonly result: JsonValue;
  readonly error: JsonValue;
  readonly approval: JsonValue;
}

export const CALL_PAYLOADS = payloads({
  name: "read-call-payloads",
  table: "tool_calls",
  columns: [
    ["item.args", "args"],
    ["item.result", "result"],
    ["item.error", "error"],
    ["item.approval", "approval"],
  ],
});

export interface DevicePayload {
  readonly tools: JsonValue;
}

export const DEVICE_PAYLOADS = payloads({
  name: "read-device-payloads",
  table: "devices",
  columns: [["item.tools", "tools"]],
});

export interface ThreadPayload {
  readonly metadata: JsonObject;
}

export const THREAD_PAYLOADS = payloads({
  name: "read-thread-payloads",
  table: "threads",
  columns: [["item.metadata", "metadata"]],
});
