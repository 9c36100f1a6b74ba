import type { JsonValue } from "@hsafa/protocol";
import { OPEN_CALLS_PER_SESSION_MAX, SENT_CALLS_PER_SESSION_MAX } from "../../../../ports/limits.ts";
import type { FleetStore, OpenCallsOfSession } from "../../../../ports/fleet-store.ts";
import { millis } from "../../times.ts";
import { liveGateway } from "../../live-gateway.ts";
import { fleetStatement } from "../../statement.ts";
import { isFitFor, MAY_SERVE, NAMES_DEVICE } from "../../recipient-columns.ts";
import type { Sql } from "../../sql.ts";

/** SQL: whether the device that a call `c` was sent to is still connected, under the boot it was sent to. */
const CONNECTED = `exists (
  select from device_sessions o
  where o.device_id = c.sent_device_id and o.boot_id = c.sent_boot_id and o.disconnected_at is null and ${liveGateway("o.gateway_id")}
)`;

/**
 * SQL: the calls for the device `d` of the session `s` that are out and have no result. `which` narrows them further;
 * the first `limit` in `order` are taken. A call either names the device, or may go to any device and this one fits.
 *
 * The latter are looked for tool by tool, in the tenant `t` of the device. With one tool given, an index of what is out
 * holds its calls by age. With a list of tools Postgres may walk all calls that ever were by age, the settled
 * ones first.
 */
function openCalls(which: string, order: string, limit: number): string {
  const isOpen = `c.tenant_id = t.tenant_id and c.status = 'dispatched' and c.result_hash is null and ${which} and ${MAY_SERVE}`;
  const first = `order by ${order} limit ${limit}`;
  return `
    select c.* from (
      (select c.* from tool_calls c where ${isOpen} and ${NAMES_DEVICE} ${first})
      union all
      select c.* from unnest(d.tool_names) as offered (name) cross join lateral (
        select c.* from tool_calls c
        where ${isOpen} and ${isFitFor("c.tool_name = offered.name")}
        ${first}
      ) as c
    ) as c
    ${first}`;
}

/**
 * SQL: what the device was sent. What it has in hand comes before calls of earlier boots, so that no bound cuts it off.
 */
const SENT_HERE = openCalls(
  "c.sent_device_id = d.id",
  "(c.sent_boot_id = s.boot_id) desc, c.id",
  SENT_CALLS_PER_SESSION_MAX,
);

/** SQL: calls that are free, or may be taken from a device that is gone. */
const OTHERS = openCalls(
  `(c.sent_device_id is null or (c.sent_device_id <> d.id and c.repeatable and not ${CONNECTED}))`,
  "c.id",
  OPEN_CALLS_PER_SESSION_MAX,
);

/**
 * SQL: a row if the tenant `t` has a call of this kind that is out and has no result. The limit keeps Postgres from
 * reading the calls of all tenants at once. The order is that of the index of what is out of this kind. Without it
 * Postgres may walk all calls that ever were.
 */
function isOut(kind: "key" | "any"): string {
  const order = kind === "key" ? "c.recipient_key" : "c.tool_name";
  return `(
    select from tool_calls c
    where c.tenant_id = t.tenant_id and c.status = 'dispatched' and c.result_hash is null and c.recipient_kind = '${kind}'
    order by ${order} limit 1
  )`;
}

/**
 * Every session is looked at once a second, and most tenants have no call out. So it is found first which have some.
 * For the others `t` has no row, so nothing is looked for in them.
 */
export const READ_OPEN_CALLS = fleetStatement({
  name: "read-open-calls",
  parameters: { sessionIds: "uuid[]" },
  text: `
with busy as materialized (
  select t.tenant_id
  from (select distinct tenant_id from device_sessions where id = any(:sessionIds)) as t
  cross join lateral (${isOut("key")} union all ${isOut("any")} limit 1) as one
)
select s.id::text as session_id, s.pairing_code is not null as awaits_pairing, call.*
from device_sessions s join devices d on d.id = s.device_id
left join lateral (
  select c.id::text as call_id, c.run_id::text,
    (select r.parent_run_id::text from runs r where r.id = c.run_id and r.tenant_id = c.tenant_id) as parent_run_id, c.tool_name, c.args::text as args, c.attempt, ${millis("c.deadline")} as deadline, c.repeatable,
    c.recipient_kind = 'any' as is_for_any, c.sent_device_id::text, c.sent_boot_id, case when c.sent_device_id is not null then ${CONNECTED} end as connected,
    case when c.sent_device_id is distinct from d.id then 3 when c.sent_boot_id <> s.boot_id then 2 else 1 end as place
  from unnest(case when s.tenant_id = any(array(select tenant_id from busy)) then array[s.tenant_id] end) as t (tenant_id)
  cross join lateral ((${SENT_HERE}) union all (${OTHERS})) as c
) as call on s.pairing_code is null
where s.id = any(:sessionIds) and s.disconnected_at is null
order by s.id, call.place, call.call_id`,
});

interface Row {
  readonly session_id: string;
  readonly awaits_pairing: boolean;
  readonly call_id: string | null;
  readonly run_id: string;
  readonly parent_run_id: string | null;
  readonly tool_name: string;
  readonly args: string;
  readonly attempt: number;
  readonly deadline: number | null;
  readonly repeatable: boolean;
  readonly is_for_any: boolean;
  readonly sent_device_id: string | null;
  readonly sent_boot_id: string | null;
  readonly connected: boolean | null;
}

export async function readOpenCalls(
  sql: Sql,
  { sessionIds }: Parameters<FleetStore["readOpenCalls"]>[0],
): ReturnType<FleetStore["readOpenCalls"]> {
  if (sessionIds.length === 0) return [];
  const rows = await sql.query<Row>(READ_OPEN_CALLS({ sessionIds }));
  const bySession = Map.groupBy(rows, (row) => row.session_id);
  return sessionIds.map((sessionId) => {
    const ofSession = bySession.get(sessionId);
    return {
      sessionId,
      current: ofSession !== undefined,
      ...(ofSession?.[0]?.awaits_pairing === true ? { awaitsPairing: true } : {}),
      calls: (ofSession ?? []).flatMap((row) => (row.call_id === null ? [] : [openCall(row, row.call_id)])),
    };
  });
}

function openCall(row: Row, callId: string): OpenCallsOfSession["calls"][number] {
  const { run_id, tool_name, args, attempt, deadline, repeatable, sent_device_id, sent_boot_id, connected } = row;
  return {
    callId,
    runId: run_id,
    parentRunId: row.parent_run_id,
    toolName: tool_name,
    args: JSON.parse(args) as JsonValue,
    attempt,
    deadline,
    repeatable,
    isForAny: row.is_for_any,
    sentTo:
      sent_device_id === null || sent_boot_id === null
        ? null
        : { deviceId: sent_device_id, bootId: sent_boot_id, connected: connected === true },
  };
}
