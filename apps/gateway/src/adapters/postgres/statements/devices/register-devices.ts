import { v7 } from "uuid";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { SESSION_REPLACED } from "../../../../ports/session-standing.ts";
import { StoreUnavailable } from "../../../../ports/store.ts";
import type { Registration, RegistrationOutcome } from "../../../../ports/tenant-devices.ts";
import { arrayText } from "../../array-text.ts";
import { labelTexts } from "../../labels.ts";
import { repeatOnUniqueViolation, type TenantSql } from "../../sql.ts";
import { tenantStatement } from "../../statement.ts";
import { actorText, audited } from "../audit/audited.ts";

/**
 * 1. A statement that locks a device and its session locks the device first. In two orders they would deadlock: devices
 *    register elsewhere just while the gateway that they leave ends their sessions.
 * 2. What ends the sessions of whole gateways (`sweep.ts`, `end-dead-gateways.ts`, `end-former-process.ts`) locks no
 *    device. So a statement that has the device and waits for a session there gets it.
 * 3. A statement that locks several devices locks them in the order of their keys, and several sessions in the order of
 *    their ids. `sweep.ts` waits for none.
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
 * The devices' rows are locked before anything else, so their former owners are the last ones. Of two connections at
 * once the second waits, and collides over the one open session that a device may have. It is done again, and replaces
 * the first. The old sessions are ended before the new ones are opened, which the reference to `ended` makes certain.
 * Rows are looked up one by one, whatever Postgres knows of the tables: a lateral limit is not turned into a join.
 */
const REGISTER_DEVICES = tenantStatement({
  name: "register-devices",
  parameters: {
    newDeviceIds: "uuid[]",
    deviceKeys: "text[]",
    displayNames: "text[]",
    platforms: "text[]",
    labels: "text[]",
    tools: "text[]",
    toolNames: "text[]",
    owners: "text[]",
    ownerIds: "text[]",
    subjects: "text[]",
    onlyRunIds: "uuid[]",
    onlyThreadIds: "uuid[]",
    arePooled: "bool[]",
    sessionIds: "uuid[]",
    gatewayIds: "text[]",
    bootIds: "text[]",
    maxInFlights: "int[]",
    pairingCodes: "text[]",
    pairingLivesMs: "float8[]",
    actors: "text[]",
    keysToTakeOver: "text[]",
  },
  text: `
with r as materialized (
  select * from unnest(
    :newDeviceIds, :deviceKeys, :displayNames, :platforms, :labels, :tools, :toolNames, :owners, :ownerIds, :subjects,
    :onlyRunIds, :onlyThreadIds, :arePooled, :sessionIds, :gatewayIds, :bootIds, :maxInFlights, :pairingCodes,
    :pairingLivesMs, :actors
  ) with ordinality as r (
    device_id, key, display_name, platform, labels, tools, tool_names, owner, owner_id, subject, only_run_id,
    only_thread_id, is_pooled, session_id, gateway_id, boot_id, max_in_flight, pairing_code, pairing_life_ms, actor, nth
  )
),
-- 3.
before as materialized (
  select r.key, d.owner, d.owner_id
  from r cross join lateral (
    select owner, owner_id from devices where tenant_id = :tenantId and key = r.key limit 1 for no key update
  ) as d
),
device as (
  insert into devices (
    id, tenant_id, key, display_name, platform, labels, tools, tool_names, owner, owner_id, subject, is_pooled
  )
  select r.device_id, :tenantId, r.key, r.display_name, r.platform, r.labels::text[], r.tools::json,
    r.tool_names::text[], r.owner, r.owner_id, r.subject, r.is_pooled
  from (select count(*) from before) as locked cross join r
  order by r.nth
  on conflict (tenant_id, key) do update set
    display_name = excluded.display_name, platform = excluded.platform, labels = excluded.labels, tools = excluded.tools,
    tool_names = excluded.tool_names, owner = excluded.owner, owner_id = excluded.owner_id,
    subject = excluded.subject, is_pooled = excluded.is_pooled,
    paired_at = case when devices.owner_id = excluded.owner_id then devices.paired_at end,
    last_seen_at = now()
  where ${IS_OWNER} or excluded.key = any(:keysToTakeOver)
  returning id, tenant_id, key, paired_at
),
open as materialized (
  select s.id
  from device cross join lateral (
    select id from device_sessions where device_id = device.id and disconnected_at is null limit 1
  ) as s
),
-- 3.
left_open as materialized (
  select s.id
  from (select id from open order by id) as o cross join lateral (
    select id from device_sessions where id = o.id and disconnected_at is null limit 1 for no key update
  ) as s
),
ended as (
  update device_sessions s set disconnected_at = now(), reason = '${SESSION_REPLACED}'
  from left_open l where s.id = l.id and s.disconnected_at is null
  returning s.id
),
${audited({
  action: "device.take_over",
  outcome: "'taken_over'",
  targets: { deviceId: "device.id", deviceKey: "device.key" },
  details: { from: "coalesce(before.owner_id, before.owner)", to: "r.owner_id" },
  actor: "r.actor::json",
  from: `device join before on before.key = device.key join r on r.key = device.key
    where before.owner_id <> r.owner_id or before.owner_id is null and before.owner <> r.owner`,
})}
insert into device_sessions
  (id, tenant_id, device_id, gateway_id, boot_id, max_in_flight, only_run_id, only_thread_id, pairing_code, pairing_expires_at)
select r.session_id, device.tenant_id, device.id, r.gateway_id, r.boot_id, r.max_in_flight, r.only_run_id,
  r.only_thread_id, case when device.paired_at is null then r.pairing_code end,
  now() + r.pairing_life_ms * interval '1 millisecond'
from device join r on r.key = device.key cross join (select count(*) from ended) as all_ended
returning id::text as session_id, device_id::text, pairing_code is not null as awaits_pairing`,
});

interface Row {
  readonly session_id: string;
  readonly device_id: string;
  readonly awaits_pairing: boolean;
}

/** Registers all of them together. If that cannot be, each gets a statement of its own, and its own outcome. */
export async function registerDevices(
  sql: TenantSql,
  tenantId: TenantId,
  registrations: readonly Registration[],
): Promise<readonly RegistrationOutcome[]> {
  try {
    return await registerTogether(sql, tenantId, registrations);
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error;
    if (registrations.length === 1) return [{ kind: "failed", error }];
  }
  const outcomes: RegistrationOutcome[] = [];
  for (const registration of registrations) {
    try {
      outcomes.push(...(await registerTogether(sql, tenantId, [registration])));
    } catch (error) {
      outcomes.push({ kind: "failed", error });
    }
  }
  return outcomes;
}

async function registerTogether(
  sql: TenantSql,
  tenantId: TenantId,
  registrations: readonly Registration[],
): Promise<readonly RegistrationOutcome[]> {
  const sorted = registrations.toSorted((a, b) => (a.deviceKey < b.deviceKey ? -1 : 1)); // 3.
  const all = <T>(value: (registration: Registration) => T): readonly T[] => sorted.map(value);
  const rows = await repeatOnUniqueViolation(() =>
    sql.query<Row>(
      REGISTER_DEVICES({
        tenantId,
        newDeviceIds: all(() => v7()),
        deviceKeys: all(({ deviceKey }) => deviceKey),
        displayNames: all(({ displayName }) => displayName),
        platforms: all(({ platform }) => platform),
        labels: all(({ labels }) => arrayText(labelTexts(labels))),
        tools: all(({ tools }) => JSON.stringify(tools)),
        toolNames: all(({ tools }) => arrayText(tools.map(({ name }) => name))),
        owners: all(({ owner }) => owner),
        ownerIds: all(({ ownerId }) => ownerId),
        subjects: all(({ subject }) => subject),
        onlyRunIds: all(({ onlyRunId }) => onlyRunId),
        onlyThreadIds: all(({ onlyThreadId }) => onlyThreadId),
        arePooled: all(({ isPooled }) => isPooled),
        sessionIds: all(({ sessionId }) => sessionId),
        gatewayIds: all(({ gatewayId }) => gatewayId),
        bootIds: all(({ bootId }) => bootId),
        maxInFlights: all(({ maxInFlight }) => maxInFlight),
        pairingCodes: all(({ pairing }) => pairing?.code ?? null),
        pairingLivesMs: all(({ pairing }) => pairing?.expiresInMs ?? null),
        actors: all(({ by }) => actorText(by)),
        keysToTakeOver: sorted.flatMap(({ mayTakeOver, deviceKey }) => (mayTakeOver ? [deviceKey] : [])),
      }),
    ),
  );
  const ofSession = new Map(rows.map((row) => [row.session_id, row]));
  return registrations.map(({ sessionId }) => {
    const row = ofSession.get(sessionId);
    if (row === undefined) return { kind: "not_owner" };
    return { kind: "registered", deviceId: row.device_id, sessionId, awaitsPairing: row.awaits_pairing };
  });
}
