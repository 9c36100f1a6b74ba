import type { TenantId } from "../../../../core/tenant-id.ts";
import type { ExpiredFile, FleetFiles } from "../../../../ports/fleet-files.ts";
import { FILE_LOOK_MS, FILE_REMOVAL_MS, FILES_REMOVED_PER_SWEEP_MAX } from "../../../../ports/limits.ts";
import type { Sql } from "../../sql.ts";
import { fleetStatement } from "../../statement.ts";

/** A file that was named meanwhile has another time by then, and is not among them. A used one is looked at later. */
const TAKE_EXPIRED_FILES = fleetStatement({
  name: "take-expired-files",
  parameters: {},
  text: `
with due as materialized (
  select id from files where expires_at < now()
  order by expires_at limit ${FILES_REMOVED_PER_SWEEP_MAX}
  for update skip locked
),
used as materialized (
  select f.id from due d join files f on f.id = d.id
  where f.state = 'stored' and exists (
    select from file_uses u join runs r on r.id = u.run_id where u.file_id = f.id
  )
),
kept as (
  update files set expires_at = now() + interval '${FILE_LOOK_MS} milliseconds'
  where id = any(array(select id from used))
)
update files set state = 'removing', expires_at = now() + interval '${FILE_REMOVAL_MS} milliseconds'
where id = any(array(select id from due)) and id <> all(array(select id from used))
returning id::text, tenant_id::text, kept_in`,
});

const FORGET_FILES = fleetStatement({
  name: "forget-files",
  parameters: { fileIds: "uuid[]" },
  text: `delete from files where id = any(:fileIds) and state = 'removing'`,
});

export async function takeExpiredFiles(sql: Sql): Promise<readonly ExpiredFile[]> {
  const rows = await sql.query<{ readonly id: string; readonly tenant_id: TenantId; readonly kept_in: string }>(
    TAKE_EXPIRED_FILES({}),
  );
  return rows.map(({ id, tenant_id, kept_in }) => ({ fileId: id, tenantId: tenant_id, keptIn: kept_in }));
}

export async function forgetFiles(sql: Sql, params: Parameters<FleetFiles["forgetFiles"]>[0]): Promise<void> {
  await sql.query(FORGET_FILES(params));
}
