import type { CallApproval, Failure, Page, ResultSource, ToolCall, ToolCallStatus, ToolTarget } from "@hsafa/protocol";
import { storableText } from "../../ports/storable-text.ts";
import type { TenantStore } from "../../ports/tenant-store.ts";
import { readBoundedPage } from "./page.ts";
import type { Prisma, PrismaClient } from "./prisma.ts";
import type { TenantSql } from "./sql.ts";
import { CALL_PAYLOADS, type CallPayload, type PayloadRow } from "./statements/read-payloads.ts";
import type { TenantId } from "../../core/tenant-id.ts";

interface Databases {
  readonly sql: TenantSql;
  readonly prisma: Prisma;
}

type Row = Awaited<ReturnType<typeof callRows>>[number];

/**
 * Calls without what may be large, and with the key of the device that has or had them, if that device is still known.
 */
async function callRows(
  client: PrismaClient,
  tenantId: TenantId,
  params: { readonly where: object; readonly order: "asc" | "desc"; readonly take: number },
) {
  const calls = await client.toolCall.findMany({
    where: { ...params.where, tenantId },
    omit: { args: true, result: true, error: true, approval: true },
    orderBy: { id: params.order },
    take: params.take,
  });
  const deviceIds = [...new Set(calls.flatMap((call) => deviceOf(call) ?? []))];
  const devices =
    deviceIds.length === 0
      ? []
      : await client.device.findMany({ where: { tenantId, id: { in: deviceIds } }, select: { id: true, key: true } });
  const keys = new Map(devices.map((device) => [device.id, device.key]));
  return calls.map((call) => ({ ...call, deviceKey: keys.get(deviceOf(call) ?? "") ?? call.recipientKey }));
}

/** The device that answered, or else the one that has it now. */
function deviceOf(call: { readonly deviceId: string | null; readonly sentDeviceId: string | null }): string | null {
  return call.deviceId ?? call.sentDeviceId;
}

export async function findCall(
  { sql, prisma }: Databases,
  tenantId: TenantId,
  { callId }: Parameters<TenantStore["findCall"]>[0],
): Promise<ToolCall | null> {
  const [row] = await prisma.read(tenantId, (client) =>
    callRows(client, tenantId, { where: { id: callId }, order: "asc", take: 1 }),
  );
  if (row === undefined) return null;
  const [payload] = await payloadsOf(sql, tenantId)([callId]);
  return payload === undefined || payload.id === null ? null : callOf({ ...row, ...payload });
}

function payloadsOf(sql: TenantSql, tenantId: TenantId) {
  return (ids: readonly string[]): Promise<readonly PayloadRow<CallPayload>[]> =>
    sql.query<PayloadRow<CallPayload>>(CALL_PAYLOADS({ ids, tenantId }));
}

export async function listCallsOfRun(
  { sql, prisma }: Databases,
  tenantId: TenantId,
  params: Parameters<TenantStore["listCallsOfRun"]>[0],
): Promise<Page<ToolCall> | null> {
  const { runId } = params;
  const run = await prisma.read(tenantId, (client) =>
    client.run.findFirst({ where: { id: runId, tenantId }, select: { id: true } }),
  );
  if (run === null) return null;
  return readBoundedPage(
    params,
    ({ after, take }) =>
      prisma.read(tenantId, (client) =>
        callRows(client, tenantId, { where: { runId, id: { gt: after } }, order: "asc", take }),
      ),
    payloadsOf(sql, tenantId),
    (row, payload) => callOf({ ...row, ...payload }),
  );
}

export function listCalls(
  { sql, prisma }: Databases,
  tenantId: TenantId,
  params: Parameters<TenantStore["listCalls"]>[0],
): Promise<Page<ToolCall>> {
  const { status, deviceId, subject } = params;
  const toolName = params.toolName === undefined ? undefined : storableText(params.toolName);
  return readBoundedPage(
    params,
    ({ after, take }) =>
      prisma.read(tenantId, (client) =>
        callRows(client, tenantId, {
          where: { toolName, status, deviceId, subject, id: { lt: after } },
          order: "desc",
          take,
        }),
      ),
    payloadsOf(sql, tenantId),
    (row, payload) => callOf({ ...row, ...payload }),
  );
}

function callOf(row: Row & CallPayload): ToolCall {
  return {
    id: row.id,
    runId: row.runId,
    step: row.step,
    toolName: row.toolName,
    args: row.args,
    target: row.target as ToolTarget,
    status: row.status as ToolCallStatus,
    attempts: row.attempt,
    deviceId: deviceOf(row),
    deviceKey: row.deviceKey,
    result: row.result,
    error: row.error as Failure | null,
    source: row.source as ResultSource | null,
    approval: row.approval as unknown as CallApproval | null,
    requestedAt: row.requestedAt.toISOString(),
    dispatchedAt: row.dispatchedAt?.toISOString() ?? null,
    sentAt: row.sentAt?.toISOString() ?? null,
    acceptedAt: row.acceptedAt?.toISOString() ?? null,
    deadline: row.deadline?.toISOString() ?? null,
    settledAt: row.settledAt?.toISOString() ?? null,
  };
}
