import { OUTBOUND_REDIRECTS_MAX } from "./limits.ts";
import type { OutboundClient, OutboundFetch } from "./outbound-client.ts";
import type { TargetGuard } from "./outbound-dispatcher.ts";
import type { ProxySettings } from "./proxy-for.ts";

/** The requests that a gateway makes itself: to models, and for tools of type `http`. */
export interface OutboundHttp {
  /**
   * Sends a request to an address that the operator has set, such as a model's. It may lead anywhere. A redirect to
   * another origin rejects: providers take keys in headers of their own, which the Fetch standard would carry along.
   */
  readonly fetch: OutboundFetch;
  /**
   * Sends a request to an address that a tenant wrote. It reaches the public internet, and what the operator allows.
   * Any other target is refused when it is dialled, with `TargetRefused`.
   */
  readonly guardedFetch: OutboundFetch;
  /** Loads the client, which the first request would do otherwise. That stops the event loop for 0.1 s. */
  load(): Promise<void>;
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
export function openOutboundHttp(
  proxies: ProxySettings = NO_PROXIES,
  guard: TargetGuard = { allowed: [] },
): OutboundHttp {
  // The client takes 10 MB of memory, which a gateway that asks nobody need not have.
  let client: Promise<OutboundClient> | null = null;
  let isClosed = false;
  const opened = (): Promise<OutboundClient> => {
    if (isClosed) throw new Error("the gateway sends no more requests");
    client ??= import("./outbound-client.ts").then(({ openOutboundClient }) => openOutboundClient(proxies, guard));
    return client;
  };
  return {
    fetch: withinOrigin(async (input, init) => (await opened()).fetch(input, init)),
    guardedFetch: async (input, init) => (await opened()).guardedFetch(input, init),
    async load() {
      await opened();
    },
    async close() {
      isClosed = true;
      await (await client)?.close();
    },
  };
}

/** Follows redirects by itself, and none to another origin. */
function withinOrigin(send: OutboundFetch): OutboundFetch {
  return async (input, init) => {
    if (input instanceof Request) return send(input, init);
    let url = new URL(input);
    for (let redirects = 0; redirects <= OUTBOUND_REDIRECTS_MAX; redirects += 1) {
      const response = await send(url, { ...init, redirect: "manual" });
      const location = response.headers.get("location");
      // Another status would change the method, and no API of a model has another one.
      if (location === null || ![307, 308].includes(response.status)) return response;
      await response.body?.cancel();
      const next = new URL(location, url);
      if (next.origin !== url.origin) {
        throw new Error(`it redirects to ${next.origin}, which is not followed; set this origin as its base URL`);
      }
      url = next;
    }
    throw new Error(`it redirected more than ${OUTBOUND_REDIRECTS_MAX} times`);
  };
}

const NO_PROXIES: ProxySettings = { http: null, https: null, except: [] };
