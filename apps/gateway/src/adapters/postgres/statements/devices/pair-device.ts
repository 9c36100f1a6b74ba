import type { TenantId } from "../../../../core/tenant-id.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import type { TenantSql } from "../../sql.ts";
import { tenantStatement } from "../../statement.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";

/** Locks the device first (`register-devices.ts`). Of two at once the second finds the code used. */
const PAIR_DEVICE = tenantStatement({
  name: "pair-device",
  parameters: { code: "text", isAnybodys: "bool", subject: "text?", ...ACTOR },
  text: `
with device as materialized (
  select d.id, d.key, s.id as session_id
  from device_sessions s join devices d on d.id = s.device_id
  where s.tenant_id = :tenantId and s.pairing_code = :code and s.disconnected_at is null and s.pairing_expires_at > now()
    and (:isAnybodys or d.subject is not distinct from :subject)
  for no key update of d
),
opened as (
  update device_sessions s set pairing_code = null
  from device where s.id = device.session_id and s.pairing_code = :code and s.disconnected_at is null
  returning s.device_id
),
paired as (
  update devices d set paired_at = now() from opened where d.id = opened.device_id returning d.id, d.key
),
${audited({
  action: "device.pair",
  outcome: "'paired'",
  targets: { deviceId: "paired.id", deviceKey: "paired.key" },
  from: "paired",
})}
select id::text as device_id, key as device_key from paired`,
});

const COUNT_PENDING_PAIRINGS = tenantStatement({
  name: "count-pending-pairings",
  parameters: { deviceKey: "text", ownerId: "text" },
  text: `
select count(*)::int as count
from device_sessions s join devices d on d.id = s.device_id
where s.tenant_id = :tenantId and s.pairing_code is not null and s.disconnected_at is null and d.key <> :deviceKey
  and not exists (
    select from devices
    where tenant_id = :tenantId and key = :deviceKey and owner_id = :ownerId and paired_at is not null
  )`,
});

export async function pairDevice(
  sql: TenantSql,
  tenantId: TenantId,
  { code, subject, by }: Parameters<TenantStore["pairDevice"]>[0],
): ReturnType<TenantStore["pairDevice"]> {
  const whose = { isAnybodys: subject === undefined, subject: subject ?? null };
  const [row] = await sql.query<{ readonly device_id: string; readonly device_key: string }>(
    PAIR_DEVICE({ tenantId, code, ...whose, actor: actorText(by) }),
  );
  return row === undefined ? null : { deviceId: row.device_id, deviceKey: row.device_key };
}

export async function countPendingPairings(
  sql: TenantSql,
  tenantId: TenantId,
  { deviceKey, ownerId }: Parameters<TenantStore["countPendingPairings"]>[0],
): Promise<number> {
  const [row] = await sql.query<{ readonly count: number }>(COUNT_PENDING_PAIRINGS({ tenantId, deviceKey, ownerId }));
  return row?.count ?? 0;
}
