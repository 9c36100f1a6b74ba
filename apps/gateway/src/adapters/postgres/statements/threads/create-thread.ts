import type { JsonObject } from "@hsafa/protocol";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { millis } from "../../times.ts";
import { tenantStatement } from "../../statement.ts";
import { repeatOnUniqueViolation, type TenantSql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";

const COLUMNS = `id::text, key, subject, metadata::text as metadata, ${millis("created_at")} as created_at`;

const CREATE_THREAD = tenantStatement({
  name: "create-thread",
  parameters: { threadId: "uuid", key: "text?", subject: "text?", metadata: "json" },
  text: `
with known as (
  select * from threads
  where tenant_id = :tenantId and (id = :threadId or key = :key and subject is not distinct from :subject)
),
made as (
  insert into threads (id, tenant_id, key, subject, metadata)
  select :threadId, :tenantId, :key, :subject, :metadata where not exists (select from known)
  returning *
)
select ${COLUMNS}, false as created from known union all select ${COLUMNS}, true from made`,
});

interface Row {
  readonly id: string;
  readonly key: string | null;
  readonly subject: string | null;
  readonly metadata: string;
  readonly created_at: number;
}

export async function createThread(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantStore["createThread"]>[0],
): ReturnType<TenantStore["createThread"]> {
  const { threadId, key, subject, metadata } = params;
  const [row] = await repeatOnUniqueViolation(() =>
    sql.query<Row & { created: boolean }>(
      CREATE_THREAD({ tenantId, threadId, key, subject, metadata: JSON.stringify(metadata) }),
    ),
  );
  if (row === undefined) throw new Error("the thread that was made or found is returned");
  return {
    thread: {
      id: row.id,
      key: row.key,
      subject: row.subject,
      metadata: JSON.parse(row.metadata) as JsonObject,
      createdAt: new Date(row.created_at).toISOString(),
    },
    created: row.created,
  };
}
