import { type RequestInit as UndiciRequestInit, fetch as undiciFetch } from "undici";
import { OutboundDispatcher, type TargetGuard } from "./outbound-dispatcher.ts";
import type { ProxySettings } from "./proxy-for.ts";

/**
 * Sends a request as the Fetch standard says. Only its `signal` bounds how long the response may take: neither the head
 * nor the body has a timeout of its own. A connection has one (`OUTBOUND_CONNECT_TIMEOUT_MS`). Takes a URL, and rejects
 * a `Request`.
 */
export type OutboundFetch = typeof globalThis.fetch;

/** What sends requests, once there is one to send. */
export interface OutboundClient {
  readonly fetch: OutboundFetch;
  /** Refuses targets that the guard does not allow. */
  readonly guardedFetch: OutboundFetch;
  close(): Promise<void>;
}

/** Opens the client of the package `undici`. It is a module of its own, so the package is loaded when it is used. */
export function openOutboundClient(proxies: ProxySettings, guard: TargetGuard): OutboundClient {
  const open = new OutboundDispatcher(proxies, null);
  // Connections are not shared: one that was dialled without a check must not serve a request that needs it.
  const guarded = new OutboundDispatcher(proxies, guard);
  return {
    fetch: fetchBy(open),
    guardedFetch: fetchBy(guarded),
    async close() {
      await Promise.all([open.destroy(), guarded.destroy()]);
    },
  };
}

function fetchBy(dispatcher: OutboundDispatcher): OutboundFetch {
  return async (input, init) => {
    if (input instanceof Request) throw new TypeError("The outbound fetch takes a URL, not a Request.");
    // The types of both packages describe one standard, and differ in their names only.
    const request = { ...init, dispatcher } as UndiciRequestInit;
    return undiciFetch(input, request);
  };
}
