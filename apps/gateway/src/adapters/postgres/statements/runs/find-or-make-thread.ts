import { isId } from "@hsafa/protocol";
import { v7 } from "uuid";
import type { TenantId } from "../../../../core/tenant-id.ts";
import type { TenantSql } from "../../sql.ts";
import { createThread } from "../threads/create-thread.ts";

/** The id of the thread that a request names; null: it names none; undefined: there is none. A key makes its thread. */
export async function findOrMakeThread(
  sql: TenantSql,
  tenantId: TenantId,
  {
    wanted,
    subject,
    found,
  }: { readonly wanted: string | undefined; readonly subject: string | null; readonly found: string | null },
): Promise<string | null | undefined> {
  if (wanted === undefined) return null;
  if (found !== null) return found;
  if (isId(wanted)) return undefined;
  const { thread } = await createThread(sql, tenantId, {
    threadId: v7(),
    key: wanted,
    subject,
    metadata: {},
  });
  return thread.id;
}
