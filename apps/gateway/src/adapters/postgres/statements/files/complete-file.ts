import type { TenantId } from "../../../../core/tenant-id.ts";
import { FILE_UNUSED_KEPT_MS, FILE_UPLOAD_KEPT_MS } from "../../../../ports/limits.ts";
import type { CompleteFileOutcome, TenantFiles } from "../../../../ports/tenant-files.ts";
import { repeatOnUniqueViolation, type TenantSql } from "../../sql.ts";
import { tenantStatement } from "../../statement.ts";
import { FILE_COLUMNS, type FileColumns, fileOfColumns } from "./file-columns.ts";

const BEGIN_FILE = tenantStatement({
  name: "begin-file",
  parameters: {
    fileId: "uuid",
    owner: "text",
    subject: "text?",
    idempotencyKey: "text?",
    filename: "text?",
    mediaType: "text",
    keptIn: "text",
  },
  text: `
insert into files (id, tenant_id, owner, subject, idempotency_key, filename, media_type, kept_in, expires_at)
values (
  :fileId, :tenantId, :owner, :subject, :idempotencyKey, :filename, :mediaType, :keptIn,
  now() + interval '${FILE_UPLOAD_KEPT_MS} milliseconds'
)
on conflict (id) do nothing`,
});

/** The second of two uploads that collide finds the first one when it is repeated. */
const COMPLETE_FILE = tenantStatement({
  name: "complete-file",
  parameters: { fileId: "uuid", mediaType: "text", size: "int", sha256: "text" },
  text: `
with upload as (
  select id, owner, idempotency_key from files where id = :fileId and tenant_id = :tenantId and state <> 'removing'
),
-- Each is looked up by its own index.
found as materialized (
  select f.id from upload u join files f on f.id = u.id where f.tenant_id = :tenantId and f.state = 'stored'
  union
  select f.id from upload u join files f on f.owner = u.owner and f.idempotency_key = u.idempotency_key
  where f.tenant_id = :tenantId and f.state = 'stored'
),
known as (
  update files f set expires_at = greatest(f.expires_at, now() + interval '${FILE_UNUSED_KEPT_MS} milliseconds')
  from found where f.id = found.id and f.tenant_id = :tenantId and f.state = 'stored'
  returning f.*
),
made as (
  update files set
    state = 'stored', media_type = :mediaType, size = :size, sha256 = :sha256,
    expires_at = now() + interval '${FILE_UNUSED_KEPT_MS} milliseconds'
  where id = :fileId and tenant_id = :tenantId and state = 'uploading' and not exists (select from known)
  returning *
)
select ${FILE_COLUMNS} from made union all select ${FILE_COLUMNS} from known`,
});

const ABANDON_FILE = tenantStatement({
  name: "abandon-file",
  parameters: { fileId: "uuid" },
  text: `
update files set state = 'removing', expires_at = now()
where id = :fileId and tenant_id = :tenantId and state = 'uploading'`,
});

export async function beginFile(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantFiles["beginFile"]>[0],
): Promise<void> {
  await sql.query(BEGIN_FILE({ tenantId, ...params }));
}

export async function completeFile(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantFiles["completeFile"]>[0],
): Promise<CompleteFileOutcome> {
  const [row] = await repeatOnUniqueViolation(() => sql.query<FileColumns>(COMPLETE_FILE({ tenantId, ...params })));
  if (row === undefined) return { kind: "gone" };
  return { kind: "stored", file: fileOfColumns(row), created: row.id === params.fileId };
}

export async function abandonFile(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantFiles["abandonFile"]>[0],
): Promise<void> {
  await sql.query(ABANDON_FILE({ tenantId, ...params }));
}
