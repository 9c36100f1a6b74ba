import type { Ring } from "../ports/bell.ts";
import type { DeviceSession } from "./device-session.ts";

/** The sessions served by this gateway: by id, and by what a ring names. */
export class SessionIndex {
  readonly #byId = new Map<string, DeviceSession>();
  /** By tenant and device key. More than one while a replaced session has not learned of it. */
  readonly #byDevice = new Map<string, Map<string, Set<DeviceSession>>>();

  add(session: DeviceSession): void {
    const { sessionId, tenantId, deviceKey } = session;
    this.#byId.set(sessionId, session);
    const devices = this.#byDevice.get(tenantId) ?? new Map<string, Set<DeviceSession>>();
    this.#byDevice.set(tenantId, devices);
    const sessions = devices.get(deviceKey) ?? new Set();
    devices.set(deviceKey, sessions.add(session));
  }

  /** Removes it; of no effect if it is not there. */
  remove(session: DeviceSession): void {
    const { sessionId, tenantId, deviceKey } = session;
    this.#byId.delete(sessionId);
    const devices = this.#byDevice.get(tenantId);
    const sessions = devices?.get(deviceKey);
    sessions?.delete(session);
    if (sessions?.size === 0) devices?.delete(deviceKey);
    if (devices?.size === 0) this.#byDevice.delete(tenantId);
  }

  get(sessionId: string): DeviceSession | undefined {
    return this.#byId.get(sessionId);
  }

  get count(): number {
    return this.#byId.size;
  }

  all(): readonly DeviceSession[] {
    return [...this.#byId.values()];
  }

  /** The sessions that a ring is about: those of one device, or of all devices of a tenant. */
  concernedBy(ring: Ring): readonly DeviceSession[] {
    if (ring.about !== "device") return [];
    const devices = this.#byDevice.get(ring.tenantId);
    if (devices === undefined) return [];
    if (ring.deviceKey !== null) return [...(devices.get(ring.deviceKey) ?? [])];
    return [...devices.values()].flatMap((sessions) => [...sessions]);
  }
}
