import type { RunStatus } from "@hsafa/protocol";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { tenantStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

const READ_TAIL = tenantStatement({
  name: "read-tail",
  parameters: { runId: "uuid" },
  text: "select status, last_seq from runs where id = :runId and tenant_id = :tenantId",
});

export async function readTail(
  sql: Sql,
  tenantId: string,
  { runId }: Parameters<TenantStore["readTail"]>[0],
): ReturnType<TenantStore["readTail"]> {
  const [row] = await sql.query<{ status: RunStatus; last_seq: number }>(READ_TAIL({ tenantId, runId }));
  return row === undefined ? null : { status: row.status, lastSeq: row.last_seq };
}
