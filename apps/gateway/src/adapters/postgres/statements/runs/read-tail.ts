import type { RunStatus } from "@hsafa/protocol";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { GENERATION_COLUMNS, type GenerationRow, generationOf } from "../../generation-row.ts";
import { tenantStatement } from "../../statement.ts";
import type { TenantSql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";

const READ_TAIL = tenantStatement({
  name: "read-tail",
  parameters: { runId: "uuid" },
  text: `
select status, last_seq, kept_seq, ${GENERATION_COLUMNS} from runs, store_state
where runs.id = :runId and tenant_id = :tenantId`,
});

interface Row extends GenerationRow {
  readonly status: RunStatus;
  readonly last_seq: number;
  readonly kept_seq: number | null;
}

export async function readTail(
  sql: TenantSql,
  tenantId: TenantId,
  { runId }: Parameters<TenantStore["readTail"]>[0],
): ReturnType<TenantStore["readTail"]> {
  const [row] = await sql.query<Row>(READ_TAIL({ tenantId, runId }));
  if (row === undefined) return null;
  return { status: row.status, lastSeq: row.last_seq, keptSeq: row.kept_seq, generation: generationOf(row) };
}
