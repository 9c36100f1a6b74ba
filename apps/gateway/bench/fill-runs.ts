import type pg from "pg";
import type { Scene } from "../test/contracts/store/scene.ts";

/** SQL: columns of the run with the number `n`. Those that are left out are as of a run that waits for a tool. */
export type RunColumns = Readonly<Record<string, string>>;

/** SQL: the id of the run `n`. */
export const RUN_ID = "(lpad(to_hex(1700000000000 + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid";

/** The id of the run `n`. */
export function runIdOf(n: number): string {
  const hex = `${(1_700_000_000_000 + n).toString(16).padStart(12, "0")}70008000${n.toString(16).padStart(12, "0")}`;
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * Writes `count` runs of a tenant in one statement, without their events. Ids are made as gateways make them: the
 * later a run, the higher its id.
 */
export async function fillRuns(
  client: pg.Client,
  { tenantId, agentId, versionId }: Scene,
  { count, columns = {} }: { readonly count: number; readonly columns?: RunColumns },
): Promise<void> {
  const all: RunColumns = {
    id: RUN_ID,
    tenant_id: `'${tenantId}'`,
    agent_id: `'${agentId}'`,
    agent_version_id: `'${versionId}'`,
    metadata: "'{}'",
    status: "'waiting_tool'",
    epoch: "1",
    last_seq: "4",
    usage: "'{}'",
    created_at: "now()",
    ...columns,
  };
  const names = Object.keys(all);
  // Neither triggers nor foreign keys: a million runs take a minute instead of ten.
  await client.query("set session_replication_role = replica");
  await client.query(
    `insert into runs (${names.join(", ")}) select ${Object.values(all).join(", ")} from generate_series(1, ${count}) as n`,
  );
  await client.query("set session_replication_role = default");
}
