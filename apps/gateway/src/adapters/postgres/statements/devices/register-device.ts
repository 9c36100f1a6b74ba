import { v7 } from "uuid";
import { SESSION_REPLACED } from "../../../../ports/session-standing.ts";
import type { RegisteredDevice, TenantStore } from "../../../../ports/tenant-store.ts";
import { labelTexts } from "../../labels.ts";
import { tenantStatement } from "../../statement.ts";
import { repeatOnUniqueViolation, type Sql } from "../../sql.ts";

/**
 * 1. A statement that locks a device and its session locks the device first, as the three statements here do. In two
 *    orders they would deadlock: devices register elsewhere just while the gateway that they leave ends their sessions.
 * 2. What ends the sessions of whole gateways (`sweep.ts`, `end-dead-gateways.ts`, `end-former-process.ts`) locks no
 *    device. So a statement that has the device and waits for a session there gets it.
 */

/**
 * The upsert locks the device's row. Of two connections at once the second waits, and collides over the one open
 * session that a device may have. It is done again, and replaces the first. The old session is ended before the new one
 * is opened, which the reference to `ended` makes certain.
 */
const REGISTER_DEVICE = tenantStatement({
  name: "register-device",
  parameters: {
    newDeviceId: "uuid",
    deviceKey: "text",
    displayName: "text?",
    platform: "text?",
    labels: "text[]",
    tools: "json",
    toolNames: "text[]",
    sessionId: "uuid",
    gatewayId: "text",
    bootId: "text",
    maxInFlight: "int",
  },
  text: `
with device as (
  insert into devices (id, tenant_id, key, display_name, platform, labels, tools, tool_names)
  values (:newDeviceId, :tenantId, :deviceKey, :displayName, :platform, :labels, :tools, :toolNames)
  on conflict (tenant_id, key) do update set
    display_name = excluded.display_name, platform = excluded.platform, labels = excluded.labels, tools = excluded.tools,
    tool_names = excluded.tool_names, last_seen_at = now()
  returning id, tenant_id
),
ended as (
  update device_sessions s set disconnected_at = now(), reason = '${SESSION_REPLACED}'
  from device where s.device_id = device.id and s.disconnected_at is null
  returning s.id
)
insert into device_sessions (id, tenant_id, device_id, gateway_id, boot_id, max_in_flight)
select :sessionId, device.tenant_id, device.id, :gatewayId, :bootId, :maxInFlight
from device, (select count(*) from ended) as all_ended
returning device_id::text`,
});

/**
 * `ended` has no session to lock before `device` has returned its row, and by then the device is locked. A session that
 * was replaced during that wait is found so when it is locked, and stays as it is.
 */
const END_DEVICE_SESSION = tenantStatement({
  name: "end-device-session",
  parameters: { sessionId: "uuid", reason: "text" },
  text: `
with device as materialized (
  select d.id from device_sessions s join devices d on d.id = s.device_id
  where s.id = :sessionId and s.tenant_id = :tenantId and s.disconnected_at is null
  for no key update of d
),
ended as (
  update device_sessions s set disconnected_at = now(), reason = :reason
  from device where s.id = :sessionId and s.device_id = device.id and s.disconnected_at is null
  returning s.device_id
)
update devices d set last_seen_at = now() from ended where d.id = ended.device_id`,
});

/**
 * The device's sessions are deleted with it, after its own row, which keeps the order (1). Their gateway takes that for
 * their end. Past calls keep the device's id.
 */
const DELETE_DEVICE = tenantStatement({
  name: "delete-device",
  parameters: { deviceId: "uuid" },
  text: "delete from devices where id = :deviceId and tenant_id = :tenantId returning id",
});

export async function registerDevice(
  sql: Sql,
  tenantId: string,
  params: Parameters<TenantStore["registerDevice"]>[0],
): Promise<RegisteredDevice> {
  const { sessionId, gatewayId, deviceKey, displayName, platform, labels, tools, bootId, maxInFlight } = params;
  const [row] = await repeatOnUniqueViolation(() =>
    sql.query<{ device_id: string }>(
      REGISTER_DEVICE({
        tenantId,
        newDeviceId: v7(),
        deviceKey,
        displayName,
        platform,
        labels: labelTexts(labels),
        tools: JSON.stringify(tools),
        toolNames: tools.map((tool) => tool.name),
        sessionId,
        gatewayId,
        bootId,
        maxInFlight,
      }),
    ),
  );
  if (row === undefined) throw new Error("a registration returns the device of the session that it opened");
  return { deviceId: row.device_id, sessionId };
}

export async function endDeviceSession(
  sql: Sql,
  tenantId: string,
  { sessionId, reason }: Parameters<TenantStore["endDeviceSession"]>[0],
): Promise<void> {
  await sql.query(END_DEVICE_SESSION({ tenantId, sessionId, reason }));
}

export async function deleteDevice(
  sql: Sql,
  tenantId: string,
  { deviceId }: Parameters<TenantStore["deleteDevice"]>[0],
): Promise<boolean> {
  const rows = await sql.query(DELETE_DEVICE({ tenantId, deviceId }));
  return rows.length > 0;
}
