import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { tenantStatement } from "../../statement.ts";
import { repeatOnUniqueViolation, type TenantSql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { namedThread } from "../../named-thread.ts";
import { THREAD_COLUMNS, type ThreadColumns, threadOfColumns } from "./thread-columns.ts";

const CREATE_THREAD = tenantStatement({
  name: "create-thread",
  parameters: { threadId: "uuid", key: "text?", subject: "text?", title: "text?", metadata: "json" },
  text: `
with known as (
  select * from threads
  where id = ${namedThread({ id: ":threadId", key: ":key", subject: ":subject" })} and tenant_id = :tenantId
),
made as (
  insert into threads (id, tenant_id, key, subject, title, metadata)
  select :threadId, :tenantId, :key, :subject, :title, :metadata where not exists (select from known)
  returning *
)
select ${THREAD_COLUMNS}, false as created from known union all select ${THREAD_COLUMNS}, true from made`,
});

export async function createThread(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantStore["createThread"]>[0],
): ReturnType<TenantStore["createThread"]> {
  const { metadata, title = null, ...rest } = params;
  const [row] = await repeatOnUniqueViolation(() =>
    sql.query<ThreadColumns & { readonly created: boolean }>(
      CREATE_THREAD({ tenantId, ...rest, title, metadata: JSON.stringify(metadata) }),
    ),
  );
  if (row === undefined) throw new Error("the thread that was made or found is returned");
  return { thread: threadOfColumns(row), created: row.created };
}
