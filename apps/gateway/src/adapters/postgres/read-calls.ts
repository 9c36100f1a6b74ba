import type { CallApproval, Failure, Page, ToolCall } from "@hsafa/protocol";
import { storableText } from "../../ports/storable-text.ts";
import type { PageParams, TenantStore } from "../../ports/tenant-store.ts";
import { readBoundedPage } from "./page.ts";
import type { TenantSql } from "./sql.ts";
import { tenantStatement } from "./statement.ts";
import { type AskedCalls, type ListedCall, listedCalls } from "./statements/calls/listed-calls.ts";
import { CALL_PAYLOADS, type CallPayload, type PayloadRow } from "./statements/read-payloads.ts";
import type { TenantId } from "../../core/tenant-id.ts";

const FIND_RUN_OF_CALLS = tenantStatement({
  name: "find-run-of-calls",
  parameters: { runId: "uuid" },
  text: "select from runs where id = :runId and tenant_id = :tenantId",
});

export async function findCall(
  sql: TenantSql,
  tenantId: TenantId,
  { callId }: Parameters<TenantStore["findCall"]>[0],
): Promise<ToolCall | null> {
  const { data } = await pageOfCalls(sql, tenantId, { limit: 1, cursor: undefined }, { call: { callId } });
  return data[0] ?? null;
}

export async function listCallsOfRun(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantStore["listCallsOfRun"]>[0],
): Promise<Page<ToolCall> | null> {
  const { runId } = params;
  const runs = await sql.query(FIND_RUN_OF_CALLS({ tenantId, runId }));
  return runs.length === 0 ? null : pageOfCalls(sql, tenantId, params, { run: { runId } });
}

export function listCalls(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantStore["listCalls"]>[0],
): Promise<Page<ToolCall>> {
  const { status, deviceId, subject, toolName } = params;
  return pageOfCalls(sql, tenantId, params, {
    ...(toolName === undefined ? {} : { tool: { toolName: storableText(toolName) } }),
    ...(status === undefined ? {} : { status: { status } }),
    ...(deviceId === undefined ? {} : { device: { deviceId } }),
    ...(subject === undefined ? {} : subject === null ? { nobody: {} } : { subject: { subject } }),
  });
}

function pageOfCalls(sql: TenantSql, tenantId: TenantId, page: PageParams, asked: AskedCalls): Promise<Page<ToolCall>> {
  return readBoundedPage(
    page,
    (part) => sql.query<ListedCall>(listedCalls(tenantId, asked, part)),
    (ids) => sql.query<PayloadRow<CallPayload>>(CALL_PAYLOADS({ ids, tenantId })),
    callOf,
  );
}

function callOf(row: ListedCall, payload: CallPayload): ToolCall {
  const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return {
    id: row.id,
    runId: row.run_id,
    agentName: row.agent_name,
    step: row.step,
    toolName: row.tool_name,
    args: payload.args,
    target: row.target,
    status: row.status,
    attempts: row.attempt,
    deviceId: row.device_id,
    deviceKey: row.device_key,
    result: payload.result,
    error: payload.error as Failure | null,
    source: row.source,
    approval: payload.approval as unknown as CallApproval | null,
    requestedAt: new Date(row.requested_at).toISOString(),
    dispatchedAt: iso(row.dispatched_at),
    sentAt: iso(row.sent_at),
    acceptedAt: iso(row.accepted_at),
    deadline: iso(row.deadline),
    settledAt: iso(row.settled_at),
  };
}
