import type { DeviceTool } from "@hsafa/protocol";
import type { TenantId } from "../../src/core/tenant-id.ts";
import { isDeviceOwner } from "../../src/core/is-device-owner.ts";
import { SESSION_REPLACED } from "../../src/ports/session-standing.ts";
import type { Registration, RegistrationOutcome } from "../../src/ports/tenant-devices.ts";
import { audit } from "./store-audit.ts";
import { isTakenKey } from "./store-keys.ts";
import type { Rows } from "./store-rows.ts";

/** Registers one device. */
export function registerMemoryDevice(rows: Rows, tenantId: TenantId, registration: Registration): RegistrationOutcome {
  const { sessionId, gatewayId, deviceKey: key, displayName, platform, labels, tools, bootId } = registration;
  const { owner, ownerId, subject, onlyRunId, onlyThreadId, mayTakeOver, isPooled, pairing, by, maxInFlight } =
    registration;
  const now = rows.now();
  const known = [...rows.devices.values()].find((row) => row.tenantId === tenantId && row.key === key);
  const isTaken = (keyId: string): boolean => {
    const owning = rows.keys.get(keyId);
    return owning !== undefined && isTakenKey(rows, owning);
  };
  if (known !== undefined && !mayTakeOver && !isDeviceOwner(known, registration, isTaken)) return { kind: "not_owner" };
  const counters = rows.countersOf(tenantId);
  counters.storedBytes += bytesOf(tools) - (known === undefined ? 0 : bytesOf(known.tools));
  const { id, createdAt } = known ?? { id: rows.clock.newId(), createdAt: now };
  const pairedAt = known?.ownerId === ownerId ? known.pairedAt : null;
  const owned = { owner, ownerId, subject, isPooled, pairedAt, lastSeenAt: now };
  rows.devices.set(id, { id, tenantId, key, createdAt, displayName, platform, labels, tools, ...owned });
  if (known !== undefined && known.ownerId !== ownerId) {
    audit(rows, tenantId, {
      action: "device.take_over",
      outcome: "taken_over",
      by,
      targets: { deviceId: id, deviceKey: key },
      details: { from: known.ownerId, to: ownerId },
    });
  }
  for (const session of rows.sessions.values()) {
    if (session.deviceId !== id || session.disconnectedAt !== null) continue;
    session.disconnectedAt = now;
    session.reason = SESSION_REPLACED;
  }
  const awaited =
    pairing === undefined || pairedAt !== null ? null : { ...pairing, expiresAt: now + pairing.expiresInMs };
  const open = { onlyRunId, onlyThreadId, confirmedAt: null, disconnectedAt: null, reason: null };
  rows.sessions.set(sessionId, {
    id: sessionId,
    deviceId: id,
    gatewayId,
    bootId,
    maxInFlight,
    connectedAt: now,
    ...open,
    pairing: awaited,
  });
  return { kind: "registered", deviceId: id, sessionId, awaitsPairing: awaited !== null };
}

export function bytesOf(tools: readonly DeviceTool[]): number {
  return Buffer.byteLength(JSON.stringify(tools));
}
