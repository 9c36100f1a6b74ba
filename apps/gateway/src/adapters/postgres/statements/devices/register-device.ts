import { v7 } from "uuid";
import type { RegisteredDevice, TenantStore } from "../../../../ports/tenant-store.ts";
import { labelTexts } from "../../labels.ts";
import { repeatOnUniqueViolation, type Sql } from "../../sql.ts";

/**
 * Who locks a device and its session locks the device first, as the three statements here do: in two orders they would
 * lock each other out, since devices register elsewhere just while the gateway that they leave ends their sessions.
 * What ends the sessions of whole gateways (`sweep.ts`, `end-dead-gateways.ts`, `end-former-process.ts`) locks no
 * device, so whoever has one and waits for a session there gets it.
 *
 * Here the device's row is locked by the upsert. Of two connections at once the second waits, collides over the one
 * open session that a device may have, is done again, and replaces the first. Whatever of the old session is in the way
 * is ended before the new one is opened, which the reference to `ended` makes certain.
 */
const REGISTER_DEVICE = {
  name: "register-device",
  text: `
with device as (
  insert into devices (id, tenant_id, key, display_name, platform, labels, tools, tool_names)
  values ($2::uuid, $1::uuid, $3, $4, $5, $6::text[], $7::text::json, $8::text[])
  on conflict (tenant_id, key) do update set
    display_name = excluded.display_name, platform = excluded.platform, labels = excluded.labels, tools = excluded.tools,
    tool_names = excluded.tool_names, last_seen_at = now()
  returning id, tenant_id
),
ended as (
  update device_sessions s set disconnected_at = now(), reason = 'replaced'
  from device where s.device_id = device.id and s.disconnected_at is null
  returning s.id
)
insert into device_sessions (id, tenant_id, device_id, gateway_id, boot_id, max_in_flight)
select $9::uuid, device.tenant_id, device.id, $10, $11, $12::int from device, (select count(*) from ended) as all_ended
returning device_id::text`,
};

/**
 * `ended` has no session to lock before `device` has answered, which is once the device is locked. A session that was
 * replaced during that wait is found so when it is locked, and stays as it is.
 */
const END_DEVICE_SESSION = {
  name: "end-device-session",
  text: `
with device as materialized (
  select d.id from device_sessions s join devices d on d.id = s.device_id
  where s.id = $2::uuid and s.tenant_id = $1::uuid and s.disconnected_at is null
  for no key update of d
),
ended as (
  update device_sessions s set disconnected_at = now(), reason = $3
  from device where s.id = $2::uuid and s.device_id = device.id and s.disconnected_at is null
  returning s.device_id
)
update devices d set last_seen_at = now() from ended where d.id = ended.device_id`,
};

/**
 * Its sessions go with it, after its own row, which keeps the order. Their gateway sees that as the end of them; its
 * past calls keep its id.
 */
const DELETE_DEVICE = {
  name: "delete-device",
  text: "delete from devices where id = $2::uuid and tenant_id = $1::uuid returning id",
};

export async function registerDevice(
  sql: Sql,
  tenantId: string,
  params: Parameters<TenantStore["registerDevice"]>[0],
): Promise<RegisteredDevice> {
  const { gatewayId, deviceKey, displayName, platform, labels, tools, bootId, maxInFlight } = params;
  const sessionId = v7();
  const [row] = await repeatOnUniqueViolation(() =>
    sql.query<{ device_id: string }>(REGISTER_DEVICE, [
      tenantId,
      v7(),
      deviceKey,
      displayName,
      platform,
      labelTexts(labels),
      JSON.stringify(tools),
      tools.map((tool) => tool.name),
      sessionId,
      gatewayId,
      bootId,
      maxInFlight,
    ]),
  );
  if (row === undefined) throw new Error("a session that was opened is answered");
  return { deviceId: row.device_id, sessionId };
}

export async function endDeviceSession(
  sql: Sql,
  tenantId: string,
  { sessionId, reason }: Parameters<TenantStore["endDeviceSession"]>[0],
): Promise<void> {
  await sql.query(END_DEVICE_SESSION, [tenantId, sessionId, reason]);
}

export async function deleteDevice(sql: Sql, tenantId: string, deviceId: string): Promise<boolean> {
  const rows = await sql.query(DELETE_DEVICE, [tenantId, deviceId]);
  return rows.length > 0;
}
