import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { startedUnder } from "../../started-under.ts";
import { tenantStatement } from "../../statement.ts";
import type { TenantSql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";

const KNOWS = tenantStatement({
  name: "knows",
  parameters: {
    deviceKey: "text?",
    threadKey: "text?",
    subject: "text?",
    idempotencyKey: "text?",
    owner: "text?",
    orUnowned: "bool",
    agentName: "text?",
    configHash: "text?",
    runId: "uuid?",
    dedupeKey: "text?",
  },
  text: `
select exists (select from devices where tenant_id = :tenantId and key = :deviceKey)
  or exists (
    select from threads where tenant_id = :tenantId and key = :threadKey and subject is not distinct from :subject
  )
  or exists (select from run_inputs where tenant_id = :tenantId and run_id = :runId and dedupe_key = :dedupeKey)
  or exists (
    select from runs where ${startedUnder({ key: ":idempotencyKey", owner: ":owner" })}
  )
  or exists (
    select from agents a join agent_versions v on v.agent_id = a.id
    where a.tenant_id = :tenantId and a.name = :agentName and v.config_hash = :configHash
  ) as known`,
});

export async function knows(
  sql: TenantSql,
  tenantId: TenantId,
  what: Parameters<TenantStore["knows"]>[0],
): ReturnType<TenantStore["knows"]> {
  const nothing = {
    deviceKey: null,
    threadKey: null,
    subject: null,
    idempotencyKey: null,
    owner: null,
    orUnowned: false,
    agentName: null,
    configHash: null,
    runId: null,
    dedupeKey: null,
  };
  const [row] = await sql.query<{ known: boolean }>(KNOWS({ tenantId, ...nothing, ...namesOf(what) }));
  return row?.known === true;
}

function namesOf(what: Parameters<TenantStore["knows"]>[0]) {
  switch (what.kind) {
    case "device":
      return { deviceKey: what.key };
    case "thread":
      return { threadKey: what.key, subject: what.subject };
    case "run":
      return { idempotencyKey: what.key, owner: what.owner, orUnowned: what.orUnowned };
    case "input":
      return { runId: what.runId, dedupeKey: what.key };
    case "version":
      return { agentName: what.agent, configHash: what.configHash };
    default:
      return what satisfies never;
  }
}
