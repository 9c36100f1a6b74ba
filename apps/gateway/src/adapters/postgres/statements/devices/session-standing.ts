import { type SessionStanding, sessionStanding, type StandingRow } from "../../../../ports/session-standing.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { millis } from "../../times.ts";
import { tenantStatement } from "../../statement.ts";
import type { TenantSql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";

/** Locks sessions alone, in the order of their ids (`register-devices.ts`). */
const CONFIRM_DEVICE_SESSIONS = tenantStatement({
  name: "confirm-device-sessions",
  parameters: { sessionIds: "uuid[]" },
  text: `
with heard as materialized (
  select s.id from device_sessions s
  where s.id = any(:sessionIds) and s.tenant_id = :tenantId and s.disconnected_at is null and s.confirmed_at is null
  order by s.id for no key update
)
update device_sessions set confirmed_at = now() where id = any(array(select id from heard)) and confirmed_at is null`,
});

/** One row for a device without such sessions, none for a device that is not there. */
const READ_SESSION_STANDING = tenantStatement({
  name: "read-session-standing",
  parameters: { sessionId: "uuid", deviceId: "uuid" },
  text: `
select s.id::text, ${millis("s.confirmed_at")} as confirmed_at, ${millis("s.disconnected_at")} as disconnected_at, s.reason
from devices d
left join device_sessions s on s.device_id = d.id and (s.id = :sessionId or s.disconnected_at is null)
where d.id = :deviceId and d.tenant_id = :tenantId`,
});

/** A device that was not deleted was lost with what the store has lost. */
const WAS_DELETED = tenantStatement({
  name: "was-device-deleted",
  parameters: { deviceId: "uuid" },
  text: "select from deleted_devices where id = :deviceId and tenant_id = :tenantId",
});

interface Row {
  readonly id: string | null;
  readonly confirmed_at: number | null;
  readonly disconnected_at: number | null;
  readonly reason: string | null;
}

export async function confirmDeviceSessions(
  sql: TenantSql,
  tenantId: TenantId,
  { sessionIds }: Parameters<TenantStore["confirmDeviceSessions"]>[0],
): Promise<void> {
  await sql.query(CONFIRM_DEVICE_SESSIONS({ tenantId, sessionIds }));
}

export async function readSessionStanding(
  sql: TenantSql,
  tenantId: TenantId,
  { sessionId, deviceId }: Parameters<TenantStore["readSessionStanding"]>[0],
): Promise<SessionStanding> {
  const rows = await sql.query<Row>(READ_SESSION_STANDING({ tenantId, sessionId, deviceId }));
  if (rows.length === 0) {
    const deleted = await sql.query(WAS_DELETED({ tenantId, deviceId }));
    return deleted.length > 0 ? "device_deleted" : "ended";
  }
  const sessions = rows.flatMap(
    ({ id, confirmed_at: confirmedAt, disconnected_at: disconnectedAt, reason }): StandingRow[] =>
      id === null ? [] : [{ id, confirmedAt, disconnectedAt, reason }],
  );
  return sessionStanding({
    own: sessions.find(({ id }) => id === sessionId) ?? null,
    open: sessions.find(({ disconnectedAt }) => disconnectedAt === null) ?? null,
  });
}
