import type { Device, DeviceDetail, DeviceTool, Page } from "@hsafa/protocol";
import { GATEWAY_TIMEOUT_MS, SESSIONS_PER_DEVICE_SHOWN } from "../../ports/limits.ts";
import type { TenantStore } from "../../ports/tenant-store.ts";
import { devicePairing } from "../../ports/device-pairing.ts";
import { labelsOf } from "./labels.ts";
import { readBoundedPage } from "./page.ts";
import type { Prisma, PrismaClient } from "./prisma.ts";
import type { TenantSql } from "./sql.ts";
import { DEVICE_PAYLOADS, type DevicePayload, type PayloadRow } from "./statements/read-payloads.ts";
import type { TenantId } from "../../core/tenant-id.ts";

type Row = Awaited<ReturnType<typeof deviceRows>>[number];

/** Devices with their newest sessions, and the last heartbeat of the gateway of the open one, if that is alive. */
async function deviceRows(
  client: PrismaClient,
  tenantId: TenantId,
  params: { readonly where: object; readonly take: number; readonly sessions: number },
) {
  const devices = await client.device.findMany({
    where: { ...params.where, tenantId },
    orderBy: { id: "desc" },
    take: params.take,
    omit: { tools: true },
    include: { sessions: { orderBy: { id: "desc" }, take: params.sessions } },
  });
  const gatewayIds = [...new Set(devices.flatMap((device) => openGateway(device) ?? []))];
  // By the database's clock, which heartbeats are recorded by.
  const live =
    gatewayIds.length === 0
      ? []
      : await client.$queryRaw<{ id: string; beaten_at: Date }[]>`
          select id, beaten_at from gateways
          where id = any(${gatewayIds}) and not stopping and beaten_at > now() - ${GATEWAY_TIMEOUT_MS}::float8 * interval '1 millisecond'`;
  const heartbeats = new Map(live.map((gateway) => [gateway.id, gateway.beaten_at]));
  return devices.map((device) => ({ ...device, heartbeatAt: heartbeats.get(openGateway(device) ?? "") ?? null }));
}

/** The gateway that holds the device's open session. */
function openGateway(device: {
  readonly sessions: readonly { readonly gatewayId: string; readonly disconnectedAt: Date | null }[];
}): string | undefined {
  return device.sessions.find((session) => session.disconnectedAt === null)?.gatewayId;
}

export function listDevices(
  { sql, prisma }: { readonly sql: TenantSql; readonly prisma: Prisma },
  tenantId: TenantId,
  params: Parameters<TenantStore["listDevices"]>[0],
): Promise<Page<Device>> {
  return readBoundedPage(
    params,
    ({ after, take }) =>
      prisma.read(tenantId, (client) =>
        deviceRows(client, tenantId, { where: { id: { lt: after }, subject: params.subject }, take, sessions: 1 }),
      ),
    payloadsOf(sql, tenantId),
    (row, payload) => deviceOf({ ...row, ...payload }),
  );
}

function payloadsOf(sql: TenantSql, tenantId: TenantId) {
  return (ids: readonly string[]): Promise<readonly PayloadRow<DevicePayload>[]> =>
    sql.query<PayloadRow<DevicePayload>>(DEVICE_PAYLOADS({ ids, tenantId }));
}

export async function findDevice(
  { sql, prisma }: { readonly sql: TenantSql; readonly prisma: Prisma },
  tenantId: TenantId,
  { deviceId }: Parameters<TenantStore["findDevice"]>[0],
): Promise<DeviceDetail | null> {
  const [row] = await prisma.read(tenantId, (client) =>
    deviceRows(client, tenantId, { where: { id: deviceId }, take: 1, sessions: SESSIONS_PER_DEVICE_SHOWN }),
  );
  if (row === undefined) return null;
  const [payload] = await payloadsOf(sql, tenantId)([deviceId]);
  if (payload === undefined || payload.id === null) return null;
  const sessions = row.sessions.map((session) => ({
    id: session.id,
    gatewayId: session.gatewayId,
    bootId: session.bootId,
    connectedAt: session.connectedAt.toISOString(),
    disconnectedAt: session.disconnectedAt?.toISOString() ?? null,
    reason: session.reason,
  }));
  return { ...deviceOf({ ...row, ...payload }), sessions };
}

/** Until when a session waits to be paired, in ms; null: it waits for nothing. */
function waitsUntil({ pairingCode, pairingExpiresAt }: Row["sessions"][number]): number | null {
  return pairingCode === null ? null : (pairingExpiresAt?.getTime() ?? null);
}

function deviceOf(row: Row & DevicePayload): Device {
  const [latest] = row.sessions;
  return {
    id: row.id,
    key: row.key,
    displayName: row.displayName,
    platform: row.platform,
    subject: row.subject,
    labels: labelsOf(row.labels),
    tools: row.tools as unknown as DeviceTool[],
    online: row.heartbeatAt !== null,
    pairing: devicePairing({
      pairedAt: row.pairedAt?.getTime() ?? null,
      latest: latest === undefined ? null : { isOpen: row.heartbeatAt !== null, waitsUntil: waitsUntil(latest) },
    }),
    lastSeenAt: (row.heartbeatAt ?? row.lastSeenAt).toISOString(),
    createdAt: row.createdAt.toISOString(),
  };
}
