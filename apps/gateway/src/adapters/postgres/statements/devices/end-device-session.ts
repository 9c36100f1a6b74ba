import type { TenantId } from "../../../../core/tenant-id.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import type { TenantSql } from "../../sql.ts";
import { tenantStatement } from "../../statement.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";

/** What locks a device and its session locks the device first (`register-devices.ts`). */

/**
 * `ended` has no session to lock before `device` has returned its row, and by then the device is locked. A session that
 * was replaced during that wait is found so when it is locked, and stays as it is.
 */
const END_DEVICE_SESSION = tenantStatement({
  name: "end-device-session",
  parameters: { sessionId: "uuid", reason: "text" },
  text: `
with device as materialized (
  select id from devices
  where tenant_id = :tenantId and id = (
    select device_id from device_sessions
    where id = :sessionId and tenant_id = :tenantId and disconnected_at is null
  )
  for no key update
),
ended as (
  update device_sessions s set disconnected_at = now(), reason = :reason
  from device where s.id = :sessionId and s.device_id = device.id and s.disconnected_at is null
  returning s.device_id
)
update devices set last_seen_at = now()
where tenant_id = :tenantId and id = (select device_id from ended)`,
});

/** A session that takes nothing new has room for no call. */
const DRAIN_DEVICE_SESSION = tenantStatement({
  name: "drain-device-session",
  parameters: { sessionId: "uuid" },
  text: `
update device_sessions set max_in_flight = 0
where id = :sessionId and tenant_id = :tenantId and disconnected_at is null`,
});

/**
 * The device's sessions are deleted with it, after its own row, which keeps the order. Their gateway takes that for
 * their end. Past calls keep the device's id.
 */
const DELETE_DEVICE = tenantStatement({
  name: "delete-device",
  parameters: { deviceId: "uuid", ...ACTOR },
  text: `
with deleted as (delete from devices where id = :deviceId and tenant_id = :tenantId returning id, tenant_id, key),
${audited({
  action: "device.delete",
  outcome: "'deleted'",
  targets: { deviceId: "deleted.id", deviceKey: "deleted.key" },
  from: "deleted",
})}
insert into deleted_devices (id, tenant_id) select id, tenant_id from deleted returning id`,
});

export async function endDeviceSession(
  sql: TenantSql,
  tenantId: TenantId,
  { sessionId, reason }: Parameters<TenantStore["endDeviceSession"]>[0],
): Promise<void> {
  await sql.query(END_DEVICE_SESSION({ tenantId, sessionId, reason }));
}

export async function drainDeviceSession(
  sql: TenantSql,
  tenantId: TenantId,
  { sessionId }: Parameters<TenantStore["drainDeviceSession"]>[0],
): Promise<void> {
  await sql.query(DRAIN_DEVICE_SESSION({ tenantId, sessionId }));
}

export async function deleteDevice(
  sql: TenantSql,
  tenantId: TenantId,
  { deviceId, by }: Parameters<TenantStore["deleteDevice"]>[0],
): Promise<boolean> {
  const rows = await sql.query(DELETE_DEVICE({ tenantId, deviceId, actor: actorText(by) }));
  return rows.length > 0;
}
