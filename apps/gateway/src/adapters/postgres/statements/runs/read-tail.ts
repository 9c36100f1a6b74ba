import type { RunStatus } from "@hsafa/protocol";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import type { Sql } from "../../sql.ts";

const READ_TAIL = {
  name: "read-tail",
  text: "select status, last_seq from runs where id = $2::uuid and tenant_id = $1::uuid",
};

export async function readTail(sql: Sql, tenantId: string, runId: string): ReturnType<TenantStore["readTail"]> {
  const [row] = await sql.query<{ status: RunStatus; last_seq: number }>(READ_TAIL, [tenantId, runId]);
  return row === undefined ? null : { status: row.status, lastSeq: row.last_seq };
}
