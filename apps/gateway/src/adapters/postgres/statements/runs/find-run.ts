import type { RunStatus } from "@hsafa/protocol";
import { startedUnder } from "../../started-under.ts";
import { tenantStatement } from "../../statement.ts";
import type { RunPayload } from "../read-payloads.ts";
import { type ListedRun, RUN_COLUMNS } from "./listed-runs.ts";

/** Reads one run, with what may be large. */
export const FIND_RUN = tenantStatement({
  name: "find-run",
  parameters: { runId: "uuid" },
  text: `
select ${RUN_COLUMNS}, r.metadata, r.output, r.error
from runs r where r.id = :runId and r.tenant_id = :tenantId`,
});

/** A run as it is found. */
export type FoundRow = ListedRun & RunPayload;

export const FIND_RUN_BOUNDS = tenantStatement({
  name: "find-run-bounds",
  parameters: { runId: "uuid" },
  text: `
select id::text, thread_id::text as "threadId", device_key as "deviceKey", subject,
  root_run_id::text as "rootRunId", root_thread_id::text as "rootThreadId"
from runs where id = :runId and tenant_id = :tenantId`,
});

export const FIND_STARTER = tenantStatement({
  name: "find-starter",
  parameters: { runId: "uuid" },
  text: `
select started_by as starter, subject from runs where id = :runId and tenant_id = :tenantId`,
});

/** The run of this owner goes before one of nobody. */
export const FIND_START = tenantStatement({
  name: "find-start",
  parameters: { key: "text", owner: "text", orUnowned: "bool" },
  text: `
select id::text as "runId", status, idempotency_hash as "bodyHash" from runs
where ${startedUnder({ key: ":key", owner: ":owner" })}
order by idempotency_owner limit 1`,
});

export interface StartRow {
  readonly runId: string;
  readonly status: RunStatus;
  readonly bodyHash: string | null;
}
