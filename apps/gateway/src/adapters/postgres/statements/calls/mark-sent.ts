import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { tenantStatement } from "../../statement.ts";
import { isFitFor, MAY_SERVE, NAMES_DEVICE } from "../../recipient-columns.ts";
import type { TenantSql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";

/**
 * Locks only the call's row, and reads it anew after a wait. So of two devices that are about to be sent one call, one
 * is. A call whose deadline has passed is sent to nobody: its run may say by now that it was not executed. The device
 * is named by a sub-select: joined, a plan that is kept since the tables were small would look at all devices.
 */
const MARK_SENT = tenantStatement({
  name: "mark-sent",
  parameters: { callId: "uuid", attempt: "int", sessionId: "uuid" },
  text: `
update tool_calls c set
  sent_device_id = s.device_id,
  sent_boot_id = s.boot_id,
  sent_at = coalesce(c.sent_at, now()),
  sent_to = case when s.device_id = any(c.sent_to) then c.sent_to else c.sent_to || s.device_id end
from device_sessions s, devices d
where s.id = :sessionId and s.tenant_id = :tenantId and s.disconnected_at is null and s.pairing_code is null
  and d.id = (select device_id from device_sessions where id = :sessionId and tenant_id = :tenantId)
  and d.tenant_id = :tenantId
  and c.id = :callId and c.tenant_id = :tenantId and c.status = 'dispatched' and c.attempt = :attempt and c.result_hash is null
  and (c.deadline is null or c.deadline > clock_timestamp())
  and ${MAY_SERVE}
  and ((${NAMES_DEVICE}) or (${isFitFor("c.tool_name = any(d.tool_names)")}))
  and (c.sent_device_id is null or (c.sent_device_id = s.device_id and c.sent_boot_id = s.boot_id))
returning c.id`,
});

/** The first acceptance counts. */
const MARK_ACCEPTED = tenantStatement({
  name: "mark-accepted",
  parameters: { callId: "uuid", deviceId: "uuid" },
  text: `
update tool_calls set accepted_at = now()
where id = :callId and tenant_id = :tenantId and :deviceId = any(sent_to) and accepted_at is null`,
});

export async function markSent(
  sql: TenantSql,
  tenantId: TenantId,
  { callId, attempt, sessionId }: Parameters<TenantStore["markSent"]>[0],
): Promise<boolean> {
  const rows = await sql.query(MARK_SENT({ tenantId, callId, attempt, sessionId }));
  return rows.length > 0;
}

export async function markAccepted(
  sql: TenantSql,
  tenantId: TenantId,
  { callId, deviceId }: Parameters<TenantStore["markAccepted"]>[0],
): Promise<void> {
  await sql.query(MARK_ACCEPTED({ tenantId, callId, deviceId }));
}
