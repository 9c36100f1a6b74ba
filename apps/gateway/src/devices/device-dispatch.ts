import { assignCalls } from "./assign-calls.ts";
import {
  ASSIGNEE_AWAITED_MAX_MS,
  CALLS_SPREAD_MAX,
  DEVICE_SESSIONS_PER_READ_MAX,
  TAKEOVER_AWAITED_MAX_MS,
} from "./limits.ts";
import type { Bell, Ring } from "../ports/bell.ts";
import type { Clock } from "../ports/clock.ts";
import type { OpenCallsOfSession } from "../ports/fleet-store.ts";
import type { Log } from "../ports/log.ts";
import { type Store, StoreUnavailable } from "../ports/store.ts";
import type { SessionStanding } from "../ports/session-standing.ts";
import type { DeviceSession } from "./device-session.ts";
import type { SessionEnd } from "./device-socket.ts";
import { planDeviceCalls } from "./plan-device-calls.ts";
import { performDeviceAction } from "./perform-device-action.ts";
import { SessionIndex } from "./session-index.ts";

export interface DeviceDispatchDeps {
  readonly store: Store;
  readonly bell: Bell;
  readonly log: Log;
  readonly clock: Pick<Clock, "monotonic" | "now">;
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
 * 7. A connection that registered counts as a takeover only once its device was heard on it after that. Registrations
 *    may return late, and then the device has left that very connection for the one that it replaced. Until then the
 *    replaced one waits, for `TAKEOVER_AWAITED_MAX_MS` at most, and is sent no calls.
 * 8. A session that awaits its pairing is sent no calls, and the store gives it none. When its code expires, the device
 *    has to connect again, and gets another one.
 * 9. A call for any device is left to the one that has least in hand, wherever that is connected. If it does not take
 *    the call within `ASSIGNEE_AWAITED_MAX_MS`, any device does.
 * 10. A device that drains is told so once no plan that was made before can send it anything new.
 */
export class DeviceDispatch {
  readonly #deps: DeviceDispatchDeps;
  readonly #sessions = new SessionIndex();
  /** Ids of the sessions to look at. */
  readonly #due = new Set<string>();
  /** Sessions that wait for the takeover (7), by id: since when, by the monotonic clock. */
  readonly #contestedSince = new Map<string, number>();
  #reading: Promise<void> | null = null;

  constructor(deps: DeviceDispatchDeps) {
    this.#deps = deps;
  }

  /** Serves a session from now on. The session of the same device that it replaced ends, here or on another gateway. */
  add(session: DeviceSession): void {
    this.#sessions.add(session);
    this.#ringAbout(session);
  }

  /** Serves it no longer. Its calls stay in the store. */
  remove(session: DeviceSession): void {
    this.#sessions.remove(session);
    this.#due.delete(session.sessionId);
    this.#contestedSince.delete(session.sessionId);
  }

  /** Looks at one session, or at all. */
  look(session?: DeviceSession): void {
    this.#lookAt(session === undefined ? this.#sessions.all() : [session]);
  }

  /** How many sessions are served here. */
  get sessions(): number {
    return this.#sessions.count;
  }

  /** Looks at the sessions that a ring is about. */
  hear(ring: Ring): void {
    this.#lookAt(this.#sessions.concernedBy(ring));
  }

  /** Resolves when no read and no plan is under way. Call it once all sessions are removed. */
  async settle(): Promise<void> {
    await this.#reading;
  }

  /** 1. Every gateway looks, and finds in the store whether its session is still the device's own. */
  #ringAbout({ tenantId, deviceKey }: DeviceSession): void {
    const ring: Ring = { about: "device", tenantId, deviceKey };
    this.hear(ring);
    this.#deps.bell.ring(ring);
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
      const unconfirmed = await this.#confirm(views);
      const assigned = await this.#assign(views);
      const known = sessionIds.filter((id) => !unconfirmed.has(id));
      const served = await Promise.allSettled(known.map((id) => this.#serve(id, viewOf.get(id), assigned))); // 3.
      for (const result of served) if (result.status === "rejected") this.#report(result.reason);
    } catch (error) {
      this.#due.clear(); // 5.
      this.#report(error);
    }
  }

  /** Which device the calls should go to that any may take, by call id. */
  async #assign(views: readonly OpenCallsOfSession[]): Promise<ReadonlyMap<string, string>> {
    const free = views.flatMap(({ calls }) => calls.filter(({ isForAny, sentTo }) => isForAny && sentTo === null));
    const callIds = [...new Set(free.map(({ callId }) => callId))].slice(0, CALLS_SPREAD_MAX);
    return callIds.length === 0 ? new Map() : assignCalls(await this.#deps.store.fleet.readCandidates({ callIds }));
  }

  /** 9. The calls that this session may take now. */
  #ownCalls(
    session: DeviceSession,
    calls: OpenCallsOfSession["calls"],
    assigned: ReadonlyMap<string, string>,
  ): OpenCallsOfSession["calls"] {
    const now = this.#deps.clock.monotonic();
    const heldBack = new Map<string, number>();
    const own = calls.filter(({ callId, sentTo }) => {
      const assignee = sentTo === null ? assigned.get(callId) : undefined;
      if (assignee === undefined || assignee === session.deviceId) return true;
      const since = session.heldBack.get(callId) ?? now;
      heldBack.set(callId, since);
      return now - since >= ASSIGNEE_AWAITED_MAX_MS;
    });
    session.heldBack = heldBack;
    return own;
  }

  async #serve(
    sessionId: string,
    view: OpenCallsOfSession | undefined,
    assigned: ReadonlyMap<string, string>,
  ): Promise<void> {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return; // 6.
    if (view === undefined || !view.current) return this.#end(session); // 1.
    if (session.pairingUntil !== null && !this.#isPaired(session, view)) return; // 8.
    const isServed = ({ sessionId: id }: DeviceSession): boolean => this.#sessions.get(id) !== undefined;
    const wasDraining = session.drain;
    for (const action of planDeviceCalls(session, this.#ownCalls(session, view.calls, assigned))) {
      if (!isServed(session)) return; // 6.
      await performDeviceAction({ ...this.#deps, isServed }, session, action);
    }
    if (wasDraining !== "asked") return;
    session.drain = "told"; // 10.
    session.socket.send({ type: "device.draining" });
  }

  /**
   * 7. Lets the connections that were replaced learn that others have taken over. Many devices may come back at once,
   * so it is one statement for each tenant. Returns the ids of those that could not be recorded. The poll finds them.
   */
  async #confirm(views: readonly OpenCallsOfSession[]): Promise<ReadonlySet<string>> {
    const heard = views.flatMap(({ sessionId, current }) => {
      const session = current ? this.#sessions.get(sessionId) : undefined;
      return session?.confirmation === "heard" ? [session] : [];
    });
    const unconfirmed = new Set<string>();
    const byTenant = Map.groupBy(heard, ({ tenantId }) => tenantId);
    await Promise.all(
      [...byTenant].map(async ([tenantId, sessions]) => {
        const sessionIds = sessions.map(({ sessionId }) => sessionId);
        try {
          await this.#deps.store.forTenant(tenantId).confirmDeviceSessions({ sessionIds });
        } catch (error) {
          for (const sessionId of sessionIds) unconfirmed.add(sessionId);
          return this.#report(error);
        }
        for (const session of sessions) {
          session.confirmation = "recorded";
          this.#ringAbout(session);
        }
      }),
    );
    return unconfirmed;
  }

  /** 8. */
  #isPaired(session: DeviceSession, view: OpenCallsOfSession): boolean {
    if (view.awaitsPairing !== true) {
      session.pairingUntil = null;
      session.socket.send({ type: "device.pairing", code: null, expiresAt: null });
      return true;
    }
    if (session.pairingUntil !== null && session.pairingUntil <= this.#deps.clock.now()) {
      this.remove(session);
      session.socket.end("swept");
    }
    return false;
  }

  /** Ends a session that is no longer the device's own, once it is known why: the device may have to reconnect. */
  async #end(session: DeviceSession): Promise<void> {
    const { tenantId, deviceId, sessionId } = session;
    const standing = await this.#deps.store.forTenant(tenantId).readSessionStanding({ sessionId, deviceId });
    if (this.#sessions.get(sessionId) === undefined) return; // 6.
    const why = this.#endOf(session, standing);
    if (why === null) return;
    this.remove(session);
    session.socket.end(why);
  }

  /** Returns how a session ends that the store no longer takes for the device's own; null: not yet. */
  #endOf({ sessionId }: DeviceSession, standing: SessionStanding): SessionEnd | null {
    switch (standing) {
      case "open":
        return null;
      case "taken_over":
      case "device_deleted":
        return "replaced";
      case "ended":
        return "swept";
      case "contested": {
        const now = this.#deps.clock.monotonic();
        const since = this.#contestedSince.get(sessionId) ?? now;
        this.#contestedSince.set(sessionId, since);
        return now - since < TAKEOVER_AWAITED_MAX_MS ? null : "swept"; // 7.
      }
      default:
        return standing satisfies never;
    }
  }

  #report(error: unknown): void {
    if (error instanceof StoreUnavailable) return;
    this.#deps.log.error({ err: error }, "could not bring calls to devices");
  }
}
