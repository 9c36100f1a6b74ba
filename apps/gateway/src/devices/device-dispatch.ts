import { DEVICE_SESSIONS_PER_READ_MAX } from "./limits.ts";
import type { Bell, Ring } from "../ports/bell.ts";
import type { OpenCall, OpenCallsOfSession } from "../ports/fleet-store.ts";
import { type Store, StoreUnavailable } from "../ports/store.ts";
import type { DeviceSession } from "./device-session.ts";
import { planDeviceCalls } from "./device-session-rules.ts";

/**
 * Brings to the devices connected here what the rows of their calls say. It is told where to look (a registration, a
 * ring, the poll), reads all sessions to be looked at in one query, one read at a time, and obeys
 * `device-session-rules.ts`.
 */
export interface DeviceDispatch {
  /**
   * Serves a session from now on; one of the same device on this gateway ends as replaced, and other gateways are rung
   * to look.
   */
  add(session: DeviceSession): void;
  /** Serves it no longer. Its calls stay in the store. */
  remove(session: DeviceSession): void;
  /** Looks at one session again, or at all. */
  look(session?: DeviceSession): void;
  hear(ring: Ring): void;
  /** Resolves when what is being read or sent has come to its end; asked once all sessions are removed. */
  settle(): Promise<void>;
}

export function createDeviceDispatch(deps: {
  readonly store: Store;
  readonly bell: Bell;
  /** Told of what should not happen. */
  readonly onTrouble: (what: string, error: unknown) => void;
}): DeviceDispatch {
  const { store, bell, onTrouble } = deps;
  const sessions = new Map<string, DeviceSession>();
  /** By tenant and device key; more than one while a replaced one has not been seen to be. */
  const sessionsOfDevice = new Map<string, Map<string, Set<DeviceSession>>>();
  const due = new Set<string>();
  let reading: Promise<void> | null = null;

  function look(session?: DeviceSession): void {
    if (session === undefined) for (const sessionId of sessions.keys()) due.add(sessionId);
    else due.add(session.sessionId);
    pump();
  }

  /** Rings that come while a read is in flight gather for the next one. */
  function pump(): void {
    if (reading !== null || due.size === 0) return;
    reading = readDue().finally(() => {
      reading = null;
      pump();
    });
  }

  async function readDue(): Promise<void> {
    const sessionIds = [...due].slice(0, DEVICE_SESSIONS_PER_READ_MAX);
    for (const sessionId of sessionIds) due.delete(sessionId);
    try {
      const views = await store.fleet.readOpenCalls({ sessionIds });
      const viewOf = new Map(views.map((view) => [view.sessionId, view]));
      // All of them to their end, so that no two plans of one session are ever carried out at once.
      const obeyed = await Promise.allSettled(sessionIds.map((id) => obey(id, viewOf.get(id))));
      for (const result of obeyed) if (result.status === "rejected") report(result.reason);
    } catch (error) {
      // The poll looks again within a second; until then there is no point in asking.
      due.clear();
      report(error);
    }
  }

  function report(error: unknown): void {
    if (!(error instanceof StoreUnavailable)) onTrouble("bringing calls to devices failed", error);
  }

  async function obey(sessionId: string, view: OpenCallsOfSession | undefined): Promise<void> {
    const session = sessions.get(sessionId);
    if (session === undefined) return;
    if (view === undefined || !view.current) return end(session);
    for (const action of planDeviceCalls(session, view.calls)) {
      if (!sessions.has(sessionId)) return;
      switch (action.kind) {
        case "send":
          await send(session, action.call);
          break;
        case "cancel":
          session.sent.delete(action.callId);
          session.socket.send({ type: "tool.call.cancel", callId: action.callId });
          break;
        case "forget":
          session.sent.delete(action.callId);
          break;
        case "report_lost":
          await reportLost(session, action);
          break;
        default:
          action satisfies never;
      }
    }
  }

  async function send(session: DeviceSession, call: OpenCall): Promise<void> {
    const { callId, runId, toolName, args, attempt, deadline } = call;
    const { tenantId, sessionId } = session;
    // A device that comes back may answer again before it is asked again.
    const isDone = (): boolean => {
      const sent = session.sent.get(callId);
      return !sessions.has(sessionId) || (sent !== undefined && sent.kind !== "in_hand");
    };
    if (isDone()) return;
    // The row is the dispatch: what it refuses is never sent, however stale the view (R4).
    if (!(await store.forTenant(tenantId).markSent({ callId, attempt, sessionId }))) return;
    if (isDone()) return;
    session.sent.set(callId, { kind: "in_hand", runId, attempt });
    session.socket.send({
      type: "tool.call.request",
      callId,
      runId,
      toolName,
      args,
      attempt,
      deadline: deadline === null ? null : new Date(deadline).toISOString(),
    });
  }

  async function reportLost(
    session: DeviceSession,
    lost: { readonly runId: string; readonly callId: string; readonly attempt: number },
  ): Promise<void> {
    const { runId, callId, attempt } = lost;
    const key = `lost:${callId}:${attempt}`;
    const outcome = await store.forTenant(session.tenantId).enqueueInput({
      runId,
      input: { kind: "dispatch_lost", callId, attempt },
      dedupe: { key, bodyHash: key },
    });
    // Ended, unknown or full: there is nobody to tell, or the next look tells it again.
    if (outcome.kind === "accepted") bell.ring({ about: "run", runId });
  }

  /**
   * The store no longer counts this session as the device's own. Rare, so it may ask why: the device must know whether
   * to come back.
   */
  async function end(session: DeviceSession): Promise<void> {
    const device = await store.forTenant(session.tenantId).findDevice({ deviceId: session.deviceId });
    const row = device?.sessions.find(({ id }) => id === session.sessionId);
    // Not among the newest sessions any more, or its device deleted: replaced for good.
    const why = row === undefined || row.reason === "replaced" ? "replaced" : "swept";
    remove(session);
    session.socket.end(why);
  }

  function remove(session: DeviceSession): void {
    sessions.delete(session.sessionId);
    due.delete(session.sessionId);
    const devices = sessionsOfDevice.get(session.tenantId);
    const held = devices?.get(session.deviceKey);
    held?.delete(session);
    if (held?.size === 0) devices?.delete(session.deviceKey);
    if (devices?.size === 0) sessionsOfDevice.delete(session.tenantId);
  }

  function hear(ring: Ring): void {
    if (ring.about !== "device") return;
    const devices = sessionsOfDevice.get(ring.tenantId);
    if (devices === undefined) return;
    const concerned = ring.deviceKey === null ? [...devices.values()] : [devices.get(ring.deviceKey) ?? []];
    for (const held of concerned) for (const session of held) look(session);
  }

  return {
    add(session) {
      sessions.set(session.sessionId, session);
      const devices = sessionsOfDevice.get(session.tenantId) ?? new Map<string, Set<DeviceSession>>();
      sessionsOfDevice.set(session.tenantId, devices);
      const held = devices.get(session.deviceKey) ?? new Set();
      devices.set(session.deviceKey, held.add(session));
      // Whoever holds the session that this one replaced looks, and finds in the store which of the two is the device's
      // own: registrations may come back in another order than they were committed in, so nobody here may judge.
      const ring: Ring = { about: "device", tenantId: session.tenantId, deviceKey: session.deviceKey };
      hear(ring);
      bell.ring(ring);
    },
    remove,
    look,
    hear,
    async settle() {
      await reading;
    },
  };
}
