import { isId, type Page, type Thread } from "@hsafa/protocol";
import { storableText } from "../../ports/storable-text.ts";
import type { TenantStore } from "../../ports/tenant-store.ts";
import { listedBySubject } from "./listed-by-subject.ts";
import { namedThread } from "./named-thread.ts";
import { readBoundedPage } from "./page.ts";
import type { TenantSql } from "./sql.ts";
import { tenantStatement } from "./statement.ts";
import { type PayloadRow, THREAD_PAYLOADS, type ThreadPayload } from "./statements/read-payloads.ts";
import {
  listedThread,
  SMALL_THREAD_COLUMNS,
  type SmallThreadColumns,
  THREAD_COLUMNS,
  type ThreadColumns,
  threadOfColumns,
} from "./statements/threads/thread-columns.ts";
import type { TenantId } from "../../core/tenant-id.ts";

/** A key may look like an id. The id goes first. */
const NAMED_THREAD = namedThread({ id: ":threadId", key: ":key", subject: ":subject" });

const FIND_THREAD = tenantStatement({
  name: "find-thread",
  parameters: { threadId: "uuid?", key: "text", subject: "text?" },
  text: `
select ${THREAD_COLUMNS} from threads where id = ${NAMED_THREAD} and tenant_id = :tenantId`,
});

const listedThreads = listedBySubject({
  name: "list-threads",
  table: "threads",
  columns: SMALL_THREAD_COLUMNS,
  condition: "deleted_at is null",
});

export async function findThread(
  sql: TenantSql,
  tenantId: TenantId,
  { idOrKey, subject }: Parameters<TenantStore["findThread"]>[0],
): Promise<Thread | null> {
  const threadId = isId(idOrKey) ? idOrKey : null;
  const [row] = await sql.query<ThreadColumns>(
    FIND_THREAD({ tenantId, threadId, key: storableText(idOrKey), subject }),
  );
  return row === undefined ? null : threadOfColumns(row);
}

export function listThreads(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantStore["listThreads"]>[0],
): Promise<Page<Thread>> {
  return readBoundedPage(
    params,
    (part) => sql.query<SmallThreadColumns>(listedThreads(tenantId, params.subject, part)),
    (ids) => sql.query<PayloadRow<ThreadPayload>>(THREAD_PAYLOADS({ ids, tenantId })),
    (row, { metadata }) => listedThread(row, metadata),
  );
}
