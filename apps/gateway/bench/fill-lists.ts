import type pg from "pg";
import type { TenantId } from "../src/core/tenant-id.ts";
import { RUN_ID } from "./fill-runs.ts";

/** SQL: half of the rows are of `user-1`, one in a thousand is of `user-2`, and the first is nobody's. */
const SUBJECT = "case when n = 1 then null when n % 2 = 0 then 'user-' || n % 1000 else 'user-1' end";

/** SQL: the columns of a row `n` of each table, beside its tenant. Those that are left out have their defaults. */
const TABLES = {
  // A tenant has few keys, and there are many tenants.
  api_keys: { id: RUN_ID, tenant_id: "gen_random_uuid()", name: "'key'", key_hash: "'hash ' || n", scopes: "'{}'" },
  threads: { id: RUN_ID, subject: SUBJECT, metadata: "'{}'" },
  files: {
    id: RUN_ID,
    subject: SUBJECT,
    owner: "'somebody'",
    media_type: "'text/plain'",
    state: "'stored'",
    kept_in: "'the database'",
    expires_at: "now() + interval '1 day'",
  },
  devices: {
    id: RUN_ID,
    subject: SUBJECT,
    key: "'device ' || n",
    labels: "'{}'",
    tools: "'[]'",
    tool_names: "'{}'",
  },
  device_sessions: {
    id: RUN_ID,
    device_id: RUN_ID,
    gateway_id: "'gateway-a'",
    boot_id: "'boot'",
    max_in_flight: "1",
  },
  audit_entries: {
    id: RUN_ID,
    subject: SUBJECT,
    // One in 5,000 is rare.
    action: "case when n % 5000 = 7 then 'key.create' else 'agent.push' end",
    outcome: "'done'",
    actor: "'{}'",
    key_id: "'the key'",
    targets: "'{}'",
    details: "'{}'",
  },
} as const;

/**
 * Writes `count` threads, files, devices with a session each, and acts of a tenant, and keys of other tenants. The row
 * `n` of each has the id of the run `n`.
 */
export async function fillLists(client: pg.Client, tenantId: TenantId, count: number): Promise<void> {
  // Neither triggers nor foreign keys, as for runs.
  await client.query("set session_replication_role = replica");
  for (const [table, columns] of Object.entries(TABLES)) {
    const all: Readonly<Record<string, string>> = { tenant_id: `'${tenantId}'`, ...columns };
    await client.query(
      `insert into ${table} (${Object.keys(all).join(", ")})
       select ${Object.values(all).join(", ")} from generate_series(1, ${count}) as n`,
    );
  }
  await client.query("set session_replication_role = default");
}
