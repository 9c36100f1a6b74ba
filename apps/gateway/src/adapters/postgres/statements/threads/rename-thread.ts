import type { Thread } from "@hsafa/protocol";
import type { TenantId } from "../../../../core/tenant-id.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import type { TenantSql } from "../../sql.ts";
import { tenantStatement } from "../../statement.ts";
import { THREAD_COLUMNS, type ThreadColumns, threadOfColumns } from "./thread-columns.ts";

const RENAME_THREAD = tenantStatement({
  name: "rename-thread",
  parameters: { threadId: "uuid", title: "text?" },
  text: `
update threads set title = :title
where id = :threadId and tenant_id = :tenantId and deleted_at is null
returning ${THREAD_COLUMNS}`,
});

export async function renameThread(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantStore["renameThread"]>[0],
): Promise<Thread | null> {
  const [row] = await sql.query<ThreadColumns>(RENAME_THREAD({ tenantId, ...params }));
  return row === undefined ? null : threadOfColumns(row);
}
