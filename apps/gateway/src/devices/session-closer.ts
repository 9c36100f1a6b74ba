import type { Log } from "../ports/log.ts";
import { type Store, StoreUnavailable } from "../ports/store.ts";

/** A session whose socket is gone. */
export interface EndedSession {
  readonly tenantId: string;
  readonly sessionId: string;
  /** For people: kept with the session. */
  readonly reason: string;
}

/**
 * Ends sessions in the store once their sockets are gone. While the store is away it keeps them, and `retry` tries
 * again: otherwise their devices would look connected for as long as this gateway lives. It keeps at most as many as
 * sockets were open when the store went away, since no device can register meanwhile.
 */
export class SessionCloser {
  readonly #store: Store;
  readonly #log: Log;
  /** Could not be ended yet. */
  readonly #unended = new Set<EndedSession>();
  readonly #inFlight = new Set<Promise<void>>();

  constructor({ store, log }: { readonly store: Store; readonly log: Log }) {
    this.#store = store;
    this.#log = log;
  }

  /** Ends a session in the store. Neither throws nor waits. */
  end(session: EndedSession): void {
    const attempt = this.#end(session).finally(() => this.#inFlight.delete(attempt));
    this.#inFlight.add(attempt);
  }

  /** Tries again to end what could not be ended. */
  retry(): void {
    const sessions = [...this.#unended];
    this.#unended.clear();
    for (const session of sessions) this.end(session);
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
      else this.#log.error({ err: error }, "could not end a device session");
    }
  }
}
