import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { isFitFor, NAMES_DEVICE } from "../../recipient-columns.ts";
import type { Sql } from "../../sql.ts";

/** Only the call's row is locked, and read anew after a wait: of two devices that would both take a call, one does. */
const MARK_SENT = {
  name: "mark-sent",
  text: `
update tool_calls c set
  sent_device_id = s.device_id,
  sent_boot_id = s.boot_id,
  sent_at = coalesce(c.sent_at, now()),
  sent_to = case when s.device_id = any(c.sent_to) then c.sent_to else c.sent_to || s.device_id end
from device_sessions s join devices d on d.id = s.device_id
where s.id = $4::uuid and s.tenant_id = $1::uuid and s.disconnected_at is null
  and c.id = $2::uuid and c.tenant_id = $1::uuid and c.status = 'dispatched' and c.attempt = $3::int and c.result_hash is null
  and ((${NAMES_DEVICE}) or (${isFitFor("c.tool_name = any(d.tool_names)")}))
  and (c.sent_device_id is null or (c.sent_device_id = s.device_id and c.sent_boot_id = s.boot_id))
returning c.id`,
};

/** The first acceptance counts. */
const MARK_ACCEPTED = {
  name: "mark-accepted",
  text: `
update tool_calls set accepted_at = now()
where id = $2::uuid and tenant_id = $1::uuid and $3::uuid = any(sent_to) and accepted_at is null`,
};

export async function markSent(
  sql: Sql,
  tenantId: string,
  params: Parameters<TenantStore["markSent"]>[0],
): Promise<boolean> {
  const rows = await sql.query(MARK_SENT, [tenantId, params.callId, params.attempt, params.sessionId]);
  return rows.length > 0;
}

export async function markAccepted(
  sql: Sql,
  tenantId: string,
  { callId, deviceId }: Parameters<TenantStore["markAccepted"]>[0],
): Promise<void> {
  await sql.query(MARK_ACCEPTED, [tenantId, callId, deviceId]);
}
