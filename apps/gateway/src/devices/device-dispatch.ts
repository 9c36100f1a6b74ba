import { DEVICE_SESSIONS_PER_READ_MAX } from "./limits.ts";
import type { Bell, Ring } from "../ports/bell.ts";
import type { OpenCallsOfSession } from "../ports/fleet-store.ts";
import type { Log } from "../ports/log.ts";
import { type Store, StoreUnavailable } from "../ports/store.ts";
import type { DeviceSession } from "./device-session.ts";
import { planDeviceCalls } from "./plan-device-calls.ts";
import { performDeviceAction } from "./perform-device-action.ts";
import { SessionIndex } from "./session-index.ts";

export interface DeviceDispatchDeps {
  readonly store: Store;
  readonly bell: Bell;
  readonly log: Log;
}

/**
 * Sends to the devices connected here what the rows of their calls ask for. A registration, a ring,
 * a taken result and the poll say which sessions to look at. `plan-device-calls.ts` decides what is due.
 *
 * 1. The store alone says which session is the device's own. Registrations may return in another order than they were
 *    committed in, so a gateway never judges that itself.
 * 2. At most one read is in flight, for many sessions at once. A look that is asked for meanwhile is done after it.
 * 3. No two plans of one session are carried out at the same time: a read ends when all its plans have ended.
 * 4. A call is sent only after the store has recorded the sending (R4; see `perform-device-action.ts`).
 * 5. A failed read is not repeated at once. The poll looks at every session again within a second.
 * 6. For a session that was removed nothing more is done.
 */
export class DeviceDispatch {
  readonly #deps: DeviceDispatchDeps;
  readonly #sessions = new SessionIndex();
  /** Ids of the sessions to look at. */
  readonly #due = new Set<string>();
  #reading: Promise<void> | null = null;

  constructor(deps: DeviceDispatchDeps) {
    this.#deps = deps;
  }

  /** Serves a session from now on. The session of the same device that it replaced ends, here or on another gateway. */
  add(session: DeviceSession): void {
    this.#sessions.add(session);
    const { tenantId, deviceKey } = session;
    const ring: Ring = { about: "device", tenantId, deviceKey };
    this.hear(ring);
    // 1. Every gateway looks, and finds in the store whether its session is still the device's own.
    this.#deps.bell.ring(ring);
  }

  /** Serves it no longer. Its calls stay in the store. */
  remove(session: DeviceSession): void {
    this.#sessions.remove(session);
    this.#due.delete(session.sessionId);
  }

  /** Looks at one session, or at all. */
  look(session?: DeviceSession): void {
    this.#lookAt(session === undefined ? this.#sessions.all() : [session]);
  }

  /** Looks at the sessions that a ring is about. */
  hear(ring: Ring): void {
    this.#lookAt(this.#sessions.concernedBy(ring));
  }

  /** Resolves when no read and no plan is under way. Call it once all sessions are removed. */
  async settle(): Promise<void> {
    await this.#reading;
  }

  #lookAt(sessions: readonly DeviceSession[]): void {
    for (const { sessionId } of sessions) this.#due.add(sessionId);
    this.#readNext();
  }

  #readNext(): void {
    if (this.#reading !== null || this.#due.size === 0) return; // 2.
    this.#reading = this.#readDue().finally(() => {
      this.#reading = null;
      this.#readNext();
    });
  }

  async #readDue(): Promise<void> {
    const sessionIds = [...this.#due].slice(0, DEVICE_SESSIONS_PER_READ_MAX);
    for (const sessionId of sessionIds) this.#due.delete(sessionId);
    try {
      const views = await this.#deps.store.fleet.readOpenCalls({ sessionIds });
      const viewOf = new Map(views.map((view) => [view.sessionId, view]));
      const served = await Promise.allSettled(sessionIds.map((id) => this.#serve(id, viewOf.get(id)))); // 3.
      for (const result of served) if (result.status === "rejected") this.#report(result.reason);
    } catch (error) {
      this.#due.clear(); // 5.
      this.#report(error);
    }
  }

  async #serve(sessionId: string, view: OpenCallsOfSession | undefined): Promise<void> {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return; // 6.
    if (view === undefined || !view.current) return this.#end(session); // 1.
    const isServed = ({ sessionId: id }: DeviceSession): boolean => this.#sessions.get(id) !== undefined;
    for (const action of planDeviceCalls(session, view.calls)) {
      if (!isServed(session)) return; // 6.
      await performDeviceAction({ ...this.#deps, isServed }, session, action);
    }
  }

  /**
   * Ends a session that is no longer the device's own. It is rare, so it may ask the store why: the device must know
   * whether to reconnect.
   */
  async #end(session: DeviceSession): Promise<void> {
    const { tenantId, deviceId, sessionId } = session;
    const device = await this.#deps.store.forTenant(tenantId).findDevice({ deviceId });
    const row = device?.sessions.find(({ id }) => id === sessionId);
    // Without a row the session is not among the newest any more, or its device was deleted: replaced for good.
    const why = row === undefined || row.reason === "replaced" ? "replaced" : "swept";
    this.remove(session);
    session.socket.end(why);
  }

  #report(error: unknown): void {
    if (error instanceof StoreUnavailable) return;
    this.#deps.log.error({ err: error }, "could not bring calls to devices");
  }
}
