import { v7 } from "uuid";
import { SESSION_REPLACED } from "../../../../ports/session-standing.ts";
import type { RegisteredDevice, TenantStore } from "../../../../ports/tenant-store.ts";
import { labelTexts } from "../../labels.ts";
import { tenantStatement } from "../../statement.ts";
import { repeatOnUniqueViolation, type TenantSql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";

/**
 * 1. A statement that locks a device and its session locks the device first, as the three statements here do. In two
 *    orders they would deadlock: devices register elsewhere just while the gateway that they leave ends their sessions.
 * 2. What ends the sessions of whole gateways (`sweep.ts`, `end-dead-gateways.ts`, `end-former-process.ts`) locks no
 *    device. So a statement that has the device and waits for a session there gets it.
 */

/**
 * SQL: whether a device may be registered by this owner. `core/is-device-owner.ts` says the same.
 */
const IS_OWNER = `(
    devices.owner_id = excluded.owner_id
    or devices.owner_id is null and coalesce(devices.owner = excluded.owner, true)
      and (excluded.subject is null or not devices.is_pooled)
    or starts_with(devices.owner_id, 'key:') and excluded.subject is null and not exists (
      select from api_keys k
      where k.tenant_id = :tenantId and devices.owner_id = 'key:' || k.id::text
        and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
    )
  )`;

/**
 * The device's row is locked before anything else, so its former owner is the last one. Of two connections at once the
 * second waits, and collides over the one open session that a device may have. It is done again, and replaces the
 * first. The old session is ended before the new one is opened, which the reference to `ended` makes certain.
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
    owner: "text",
    ownerId: "text",
    subject: "text?",
    onlyRunId: "uuid?",
    onlyThreadId: "uuid?",
    mayTakeOver: "bool",
    isPooled: "bool",
    sessionId: "uuid",
    gatewayId: "text",
    bootId: "text",
    maxInFlight: "int",
    pairingCode: "text?",
    pairingLifeMs: "float8?",
    ...ACTOR,
  },
  text: `
with before as materialized (
  select owner, owner_id from devices where tenant_id = :tenantId and key = :deviceKey for no key update
),
device as (
  insert into devices (
    id, tenant_id, key, display_name, platform, labels, tools, tool_names, owner, owner_id, subject, is_pooled
  )
  select :newDeviceId, :tenantId, :deviceKey, :displayName, :platform, :labels, :tools, :toolNames, :owner, :ownerId,
    :subject, :isPooled
  from (select count(*) from before) as locked
  on conflict (tenant_id, key) do update set
    display_name = excluded.display_name, platform = excluded.platform, labels = excluded.labels, tools = excluded.tools,
    tool_names = excluded.tool_names, owner = excluded.owner, owner_id = excluded.owner_id,
    subject = excluded.subject, is_pooled = excluded.is_pooled,
    paired_at = case when devices.owner_id = excluded.owner_id then devices.paired_at end,
    last_seen_at = now()
  where ${IS_OWNER} or :mayTakeOver
  returning id, tenant_id, paired_at
),
ended as (
  update device_sessions s set disconnected_at = now(), reason = '${SESSION_REPLACED}'
  from device where s.device_id = device.id and s.disconnected_at is null
  returning s.id
),
${audited({
  action: "device.take_over",
  outcome: "'taken_over'",
  targets: { deviceId: "device.id", deviceKey: ":deviceKey" },
  details: { from: "coalesce(before.owner_id, before.owner)", to: ":ownerId" },
  from: `device, before
    where before.owner_id <> :ownerId or before.owner_id is null and before.owner <> :owner`,
})}
insert into device_sessions
  (id, tenant_id, device_id, gateway_id, boot_id, max_in_flight, only_run_id, only_thread_id, pairing_code, pairing_expires_at)
select :sessionId, device.tenant_id, device.id, :gatewayId, :bootId, :maxInFlight, :onlyRunId, :onlyThreadId,
  case when device.paired_at is null then :pairingCode end, now() + :pairingLifeMs * interval '1 millisecond'
from device, (select count(*) from ended) as all_ended
returning device_id::text, pairing_code is not null as awaits_pairing`,
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

/** A session that takes nothing new has room for no call. */
const DRAIN_DEVICE_SESSION = tenantStatement({
  name: "drain-device-session",
  parameters: { sessionId: "uuid" },
  text: `
update device_sessions set max_in_flight = 0
where id = :sessionId and tenant_id = :tenantId and disconnected_at is null`,
});

/**
 * The device's sessions are deleted with it, after its own row, which keeps the order (1). Their gateway takes that for
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

export async function registerDevice(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantStore["registerDevice"]>[0],
): Promise<RegisteredDevice | null> {
  const { sessionId, gatewayId, deviceKey, displayName, platform, labels, tools, bootId, maxInFlight } = params;
  const { owner, ownerId, subject, onlyRunId, onlyThreadId, mayTakeOver, isPooled, pairing, by } = params;
  const [row] = await repeatOnUniqueViolation(() =>
    sql.query<{ device_id: string; awaits_pairing: boolean }>(
      REGISTER_DEVICE({
        tenantId,
        newDeviceId: v7(),
        deviceKey,
        displayName,
        platform,
        labels: labelTexts(labels),
        tools: JSON.stringify(tools),
        toolNames: tools.map((tool) => tool.name),
        owner,
        ownerId,
        subject,
        onlyRunId,
        onlyThreadId,
        mayTakeOver,
        isPooled,
        sessionId,
        gatewayId,
        bootId,
        maxInFlight,
        pairingCode: pairing?.code ?? null,
        pairingLifeMs: pairing?.expiresInMs ?? null,
        actor: actorText(by),
      }),
    ),
  );
  return row === undefined ? null : { deviceId: row.device_id, sessionId, awaitsPairing: row.awaits_pairing };
}

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
