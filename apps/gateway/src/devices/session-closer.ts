import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { type Store, StoreUnavailable } from "../ports/store.ts";
import { REGISTRATION_IN_FLIGHT_MAX_MS, UNCONFIRMED_SESSIONS_MAX } from "./limits.ts";
import type { TenantId } from "../core/tenant-id.ts";

/** A session whose socket is gone. */
export interface EndedSession {
  readonly tenantId: TenantId;
  readonly sessionId: string;
  /** For people: kept with the session. */
  readonly reason: string;
}

interface UnconfirmedSession extends EndedSession {
  /** When its registration can no longer be on its way, by the monotonic clock. */
  readonly dueAt: number;
}

/**
 * Ends sessions in the store once their sockets are gone. A session that stays open there makes its device look
 * connected for as long as this gateway lives.
 *
 * 1. While the store is away, sessions are kept, and `retry` tries again. These are at most as many as sockets were
 *    open when the store went away, since no device can register meanwhile.
 * 2. A registration whose outcome was lost may have opened a session, or may do so yet. That session is ended when the
 *    registration can no longer be on its way. Ending one that was never opened changes nothing.
 */
export class SessionCloser {
  readonly #store: Store;
  readonly #log: Log;
  readonly #clock: Pick<Clock, "monotonic">;
  /** Could not be ended yet. */
  readonly #unended = new Set<EndedSession>();
  /** In the order in which they are due. */
  readonly #unconfirmed: UnconfirmedSession[] = [];
  readonly #inFlight = new Set<Promise<void>>();

  constructor(deps: { readonly store: Store; readonly log: Log; readonly clock: Pick<Clock, "monotonic"> }) {
    this.#store = deps.store;
    this.#log = deps.log;
    this.#clock = deps.clock;
  }

  /** Ends a session in the store. Neither throws nor waits. */
  end(session: EndedSession): void {
    const attempt = this.#end(session).finally(() => this.#inFlight.delete(attempt));
    this.#inFlight.add(attempt);
  }

  /** Ends a session later of which nobody knows whether it was opened (2.). Neither throws nor waits. */
  endUnconfirmed(session: EndedSession): void {
    this.#unconfirmed.push({ ...session, dueAt: this.#clock.monotonic() + REGISTRATION_IN_FLIGHT_MAX_MS });
    if (this.#unconfirmed.length > UNCONFIRMED_SESSIONS_MAX) this.#endFirstUnconfirmed();
  }

  /** Tries again to end what could not be ended, and ends what is due. */
  retry(): void {
    const sessions = [...this.#unended]; // 1.
    this.#unended.clear();
    for (const session of sessions) this.end(session);
    const now = this.#clock.monotonic();
    while ((this.#unconfirmed[0]?.dueAt ?? Number.POSITIVE_INFINITY) <= now) this.#endFirstUnconfirmed(); // 2.
  }

  #endFirstUnconfirmed(): void {
    const session = this.#unconfirmed.shift();
    if (session !== undefined) this.end(session);
  }

  /** Resolves when no attempt is under way. */
  async settle(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  async #end(session: EndedSession): Promise<void> {
    const { tenantId, sessionId, reason } = session;
    try {
      await this.#store.forTenant(tenantId).endDeviceSession({ sessionId, reason });
    } catch (error) {
      if (error instanceof StoreUnavailable) this.#unended.add(session);
      else this.#log.error({ err: error, tenantId, sessionId }, "could not end a device session");
    }
  }
}
