import { type RequestInit as UndiciRequestInit, fetch as undiciFetch } from "undici";
import { OutboundDispatcher } from "./outbound-dispatcher.ts";
import type { ProxySettings } from "./proxy-for.ts";

/** The requests that a gateway makes itself: to models, and for tools of type `http`. */
export interface OutboundHttp {
  /**
   * Sends a request as the Fetch standard says. Only its `signal` bounds how long the response may take: neither the
   * head nor the body has a timeout of its own. A connection has one (`OUTBOUND_CONNECT_TIMEOUT_MS`). Takes a URL, and
   * rejects a `Request`.
   */
  readonly fetch: typeof globalThis.fetch;
  /** Breaks off what is under way and closes every connection. */
  close(): Promise<void>;
}

/**
 * Opens the one place from which requests leave a gateway. What holds for all of them belongs here.
 *
 * Node's own `fetch` gives up after 300 s without a head, or without a byte of the body. An agent's
 * `modelIdleTimeoutMs` and a tool's `timeoutMs` may be longer. The client comes from the package `undici`, since the
 * one inside Node takes no settings, and takes no dispatcher of another version.
 */
export function openOutboundHttp(proxies: ProxySettings = NO_PROXIES): OutboundHttp {
  const dispatcher = new OutboundDispatcher(proxies);
  return {
    fetch: async (input, init) => {
      if (input instanceof Request) throw new TypeError("The outbound fetch takes a URL, not a Request.");
      // The types of both packages describe one standard, and differ in their names only.
      const request = { ...init, dispatcher } as UndiciRequestInit;
      return undiciFetch(input, request);
    },
    close: () => dispatcher.destroy(),
  };
}

const NO_PROXIES: ProxySettings = { http: null, https: null, except: [] };
