import type { Device, DeviceDetail, DeviceTool, Page } from "@hsafa/protocol";
import { devicePairing } from "../../ports/device-pairing.ts";
import { SESSIONS_PER_DEVICE_SHOWN } from "../../ports/limits.ts";
import type { TenantStore } from "../../ports/tenant-store.ts";
import { labelsOf } from "./labels.ts";
import { readBoundedPage } from "./page.ts";
import type { TenantSql } from "./sql.ts";
import {
  type DeviceRow,
  FIND_DEVICE,
  LIST_DEVICE_SESSIONS,
  type DeviceSessionRow,
  listedDevices,
} from "./statements/devices/listed-devices.ts";
import { DEVICE_PAYLOADS, type DevicePayload, type PayloadRow } from "./statements/read-payloads.ts";
import type { TenantId } from "../../core/tenant-id.ts";

export function listDevices(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantStore["listDevices"]>[0],
): Promise<Page<Device>> {
  return readBoundedPage(
    params,
    (part) => sql.query<DeviceRow>(listedDevices(tenantId, params.subject, part)),
    (ids) => sql.query<PayloadRow<DevicePayload>>(DEVICE_PAYLOADS({ ids, tenantId })),
    (row, payload) => deviceOf({ ...row, ...payload }),
  );
}

export async function findDevice(
  sql: TenantSql,
  tenantId: TenantId,
  { deviceId }: Parameters<TenantStore["findDevice"]>[0],
): Promise<DeviceDetail | null> {
  const take = SESSIONS_PER_DEVICE_SHOWN;
  const [[row], sessions] = await Promise.all([
    sql.query<DeviceRow & DevicePayload>(FIND_DEVICE({ tenantId, deviceId })),
    sql.query<DeviceSessionRow>(LIST_DEVICE_SESSIONS({ tenantId, deviceId, take })),
  ]);
  if (row === undefined) return null;
  return {
    ...deviceOf(row),
    sessions: sessions.map(({ id, gateway_id, boot_id, connected_at, disconnected_at, reason }) => ({
      id,
      gatewayId: gateway_id,
      bootId: boot_id,
      connectedAt: new Date(connected_at).toISOString(),
      disconnectedAt: disconnected_at === null ? null : new Date(disconnected_at).toISOString(),
      reason,
    })),
  };
}

function deviceOf(row: DeviceRow & DevicePayload): Device {
  const isOnline = row.heartbeat_at !== null;
  return {
    id: row.id,
    key: row.key,
    displayName: row.display_name,
    platform: row.platform,
    subject: row.subject,
    labels: labelsOf(row.labels),
    tools: row.tools as unknown as DeviceTool[],
    online: isOnline,
    pairing: devicePairing({
      pairedAt: row.paired_at,
      latest: row.session_id === null ? null : { isOpen: isOnline, waitsUntil: row.waits_until },
    }),
    lastSeenAt: new Date(row.heartbeat_at ?? row.last_seen_at).toISOString(),
    createdAt: new Date(row.created_at).toISOString(),
  };
}
