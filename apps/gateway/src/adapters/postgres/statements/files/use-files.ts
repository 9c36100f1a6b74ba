import type { TenantId } from "../../../../core/tenant-id.ts";
import { FILE_BRANCHES_SHOWN_MAX, FILE_RUNS_SHOWN_MAX, FILE_UNUSED_KEPT_MS } from "../../../../ports/limits.ts";
import type { BranchBounds, FileRow, TenantFiles } from "../../../../ports/tenant-files.ts";
import type { RunBounds } from "../../../../ports/tenant-store.ts";
import type { TenantSql } from "../../sql.ts";
import { tenantStatement } from "../../statement.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";
import { FILE_COLUMNS, type FileColumns, fileOfColumns } from "./file-columns.ts";

const FIND_FILES = tenantStatement({
  name: "find-files",
  parameters: { fileIds: "uuid[]" },
  text: `select ${FILE_COLUMNS} from files where id = any(:fileIds) and tenant_id = :tenantId and state = 'stored'`,
});

/** The row of the file changes, so that a sweep which looked before sees that it was named. Rows lock in one order. */
const USE_FILES = tenantStatement({
  name: "use-files",
  parameters: { runId: "uuid", fileIds: "uuid[]" },
  text: `
with named as materialized (
  select id from files where id = any(:fileIds) and tenant_id = :tenantId and state = 'stored'
  order by id for no key update
),
kept as (
  update files set expires_at = greatest(expires_at, now() + interval '${FILE_UNUSED_KEPT_MS} milliseconds')
  where id = any(array(select id from named))
),
used as (
  insert into file_uses (tenant_id, file_id, run_id) select :tenantId, id, :runId from named
  on conflict do nothing
)
select id::text from named`,
});

const RUNS_OF_FILE = tenantStatement({
  name: "runs-of-file",
  parameters: { fileId: "uuid" },
  text: `
select r.id::text, r.thread_id::text, r.device_key, r.subject, r.root_run_id::text, r.root_thread_id::text
from file_uses u join runs r on r.id = u.run_id
where u.file_id = :fileId and u.tenant_id = :tenantId
order by u.run_id desc limit ${FILE_RUNS_SHOWN_MAX}`,
});

/** Each run is of a thread that stays as long as branches go on from it. */
const BRANCHES_OF_FILE = tenantStatement({
  name: "branches-of-file",
  parameters: { fileId: "uuid" },
  text: `
select distinct b.id::text, b.subject
from file_uses u join runs r on r.id = u.run_id
join threads b on b.ancestor_ids <> '{}' and b.ancestor_ids @> array[r.thread_id]
  and b.ancestor_turns[array_position(b.ancestor_ids, r.thread_id)] >= r.thread_turn
where u.file_id = :fileId and u.tenant_id = :tenantId and b.tenant_id = :tenantId and b.deleted_at is null
order by 1 desc limit ${FILE_BRANCHES_SHOWN_MAX}`,
});

const DELETE_FILE = tenantStatement({
  name: "delete-file",
  parameters: { fileId: "uuid", ...ACTOR },
  text: `
with deleted as (
  update files set state = 'removing', expires_at = now()
  where id = :fileId and tenant_id = :tenantId and state = 'stored'
  returning id
),
${audited({ action: "file.delete", outcome: "'deleted'", targets: { fileId: "id" }, from: "deleted" })}
select id::text from deleted`,
});

export async function findFiles(
  sql: TenantSql,
  tenantId: TenantId,
  { fileIds }: Parameters<TenantFiles["findFiles"]>[0],
): Promise<readonly FileRow[]> {
  return (await sql.query<FileColumns>(FIND_FILES({ tenantId, fileIds }))).map(fileOfColumns);
}

export async function useFiles(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantFiles["useFiles"]>[0],
): Promise<readonly string[]> {
  return (await sql.query<{ readonly id: string }>(USE_FILES({ tenantId, ...params }))).map(({ id }) => id);
}

export async function listRunsOfFile(
  sql: TenantSql,
  tenantId: TenantId,
  { fileId }: Parameters<TenantFiles["listRunsOfFile"]>[0],
): Promise<readonly RunBounds[]> {
  const rows = await sql.query<{
    readonly id: string;
    readonly thread_id: string | null;
    readonly device_key: string | null;
    readonly subject: string | null;
    readonly root_run_id: string | null;
    readonly root_thread_id: string | null;
  }>(RUNS_OF_FILE({ tenantId, fileId }));
  return rows.map(({ id, thread_id, device_key, subject, root_run_id, root_thread_id }) => ({
    id,
    threadId: thread_id,
    deviceKey: device_key,
    subject,
    rootRunId: root_run_id,
    rootThreadId: root_thread_id,
  }));
}

export function listBranchesOfFile(
  sql: TenantSql,
  tenantId: TenantId,
  { fileId }: Parameters<TenantFiles["listBranchesOfFile"]>[0],
): Promise<readonly BranchBounds[]> {
  return sql.query<BranchBounds>(BRANCHES_OF_FILE({ tenantId, fileId }));
}

export async function deleteFile(
  sql: TenantSql,
  tenantId: TenantId,
  { fileId, by }: Parameters<TenantFiles["deleteFile"]>[0],
): Promise<boolean> {
  return (await sql.query(DELETE_FILE({ tenantId, fileId, actor: actorText(by) }))).length > 0;
}
