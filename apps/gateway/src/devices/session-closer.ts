import { type Store, StoreUnavailable } from "../ports/store.ts";

/** A session whose socket is gone. */
export interface EndedSession {
  readonly tenantId: string;
  readonly sessionId: string;
  /** For people: kept with the session. */
  readonly reason: string;
}

/**
 * Ends sessions in the store once their sockets are gone. One that the store could not be told of is kept until it can:
 * otherwise its device would look connected for as long as this gateway lives. As many are kept as sockets were open
 * when the store went away: no device can register meanwhile.
 */
export interface SessionCloser {
  end(session: EndedSession): void;
  /** Tries again what could not be told. */
  retry(): void;
  /** Resolves when every attempt under way has come to its end. */
  settle(): Promise<void>;
}

export function createSessionCloser(deps: {
  readonly store: Store;
  readonly onTrouble: (what: string, error: unknown) => void;
}): SessionCloser {
  const untold = new Set<EndedSession>();
  const telling = new Set<Promise<void>>();

  async function tell(session: EndedSession): Promise<void> {
    const { tenantId, sessionId, reason } = session;
    try {
      await deps.store.forTenant(tenantId).endDeviceSession({ sessionId, reason });
    } catch (error) {
      if (error instanceof StoreUnavailable) untold.add(session);
      else deps.onTrouble("ending a device session failed", error);
    }
  }

  function end(session: EndedSession): void {
    const attempt = tell(session).finally(() => telling.delete(attempt));
    telling.add(attempt);
  }

  return {
    end,
    retry() {
      const sessions = [...untold];
      untold.clear();
      for (const session of sessions) end(session);
    },
    async settle() {
      await Promise.all(telling);
    },
  };
}
