import { CANDIDATES_PER_CALL_MAX } from "../../../../ports/limits.ts";
import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { liveGateway } from "../../live-gateway.ts";
import { isFitFor, MAY_SERVE } from "../../recipient-columns.ts";
import type { Sql } from "../../sql.ts";
import { fleetStatement } from "../../statement.ts";
import { millis } from "../../times.ts";

/**
 * When a device was last sent a call: one that it has in hand, or the newest of those that it has answered. The latter
 * is read by an index, so it is the newest by its id.
 */
const LAST_SENT_AT = `greatest(
  hand.last_sent_at,
  (
    select o.sent_at from tool_calls o
    where o.tenant_id = d.tenant_id and o.device_id = d.id order by o.id desc limit 1
  )
)`;

const READ_CANDIDATES = fleetStatement({
  name: "read-candidates",
  parameters: { callIds: "uuid[]" },
  text: `
select c.id::text as call_id, one.*
from tool_calls c cross join lateral (
  select d.id::text as device_id, s.max_in_flight, hand.in_hand, ${millis(LAST_SENT_AT)} as last_sent_at
  from devices d join device_sessions s on s.device_id = d.id
  cross join lateral (
    select count(*)::int as in_hand, max(o.sent_at) as last_sent_at from tool_calls o
    where o.sent_device_id = d.id and o.status = 'dispatched' and o.result_hash is null
  ) as hand
  where d.tenant_id = c.tenant_id and s.disconnected_at is null and s.pairing_code is null
    and ${liveGateway("s.gateway_id")} and ${MAY_SERVE} and ${isFitFor("c.tool_name = any(d.tool_names)")}
    and hand.in_hand < s.max_in_flight
  order by hand.in_hand, last_sent_at nulls first, d.id
  limit ${CANDIDATES_PER_CALL_MAX}
) as one
where c.id = any(:callIds) and c.status = 'dispatched' and c.result_hash is null and c.sent_device_id is null
order by c.id`,
});

interface Row {
  readonly call_id: string;
  readonly device_id: string;
  readonly max_in_flight: number;
  readonly in_hand: number;
  readonly last_sent_at: number | null;
}

export async function readCandidates(
  sql: Sql,
  { callIds }: Parameters<FleetStore["readCandidates"]>[0],
): ReturnType<FleetStore["readCandidates"]> {
  if (callIds.length === 0) return [];
  const rows = await sql.query<Row>(READ_CANDIDATES({ callIds }));
  return rows.map((row) => ({
    callId: row.call_id,
    deviceId: row.device_id,
    inHand: row.in_hand,
    maxInFlight: row.max_in_flight,
    lastSentAt: row.last_sent_at,
  }));
}
