import type { Socket } from "node:net";
import { Agent, buildConnector, Dispatcher, Pool, ProxyAgent } from "undici";
import { OUTBOUND_ADDRESS_TIMEOUT_MS, OUTBOUND_CONNECT_TIMEOUT_MS } from "./limits.ts";
import { proxyFor, type ProxySettings } from "./proxy-for.ts";

/** 0: none. The callers bound each request by its signal. */
const UNTIMED = { headersTimeout: 0, bodyTimeout: 0 } as const;

const CONNECT = {
  timeout: OUTBOUND_CONNECT_TIMEOUT_MS,
  autoSelectFamilyAttemptTimeout: OUTBOUND_ADDRESS_TIMEOUT_MS,
} as const;

/**
 * Sends each request directly or through a proxy, by its target. The target counts for each redirect anew.
 *
 * A target of `https:` is reached by a tunnel (CONNECT), so the proxy sees no more than its name. A request to a target
 * of `http:` is sent to the proxy whole: many proxies let nobody tunnel to port 80.
 */
export class OutboundDispatcher extends Dispatcher {
  readonly #proxies: ProxySettings;
  readonly #direct = new Agent({ ...UNTIMED, connect: CONNECT });
  /** By the scheme of the targets and the proxy. */
  readonly #ways = new Map<string, Dispatcher>();

  constructor(proxies: ProxySettings) {
    super();
    this.#proxies = proxies;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#dispatcherFor(options.origin).dispatch(options, handler);
  }

  override async close(): Promise<void> {
    await Promise.all(this.#all().map((each) => each.close()));
  }

  override async destroy(): Promise<void> {
    await Promise.all(this.#all().map((each) => each.destroy()));
  }

  #dispatcherFor(origin: string | URL | undefined): Dispatcher {
    if (origin === undefined) return this.#direct;
    const target = new URL(origin);
    const proxy = proxyFor(target, this.#proxies);
    if (proxy === null) return this.#direct;
    const key = `${target.protocol} ${proxy}`;
    const open = this.#ways.get(key) ?? openProxy(proxy, target.protocol === "https:");
    this.#ways.set(key, open);
    return open;
  }

  #all(): readonly Dispatcher[] {
    return [this.#direct, ...this.#ways.values()];
  }
}

/** Opens the way through a proxy for targets of one scheme. */
function openProxy(uri: string, isTunnel: boolean): Dispatcher {
  if (isTunnel) return new Agent({ ...UNTIMED, connect: tunnelThrough(uri) });
  return new ProxyAgent({
    uri,
    proxyTunnel: false,
    proxyTls: CONNECT,
    ...UNTIMED,
    factory: (origin, options) => new Pool(origin, Object.assign({}, options, UNTIMED)),
  });
}

/**
 * Connects to targets through tunnels. undici's own `ProxyAgent` reports a proxy that refuses as a request that was
 * cancelled, and nobody learns why.
 */
function tunnelThrough(uri: string): buildConnector.connector {
  const { origin, username, password } = new URL(uri);
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = username === "" ? {} : { "proxy-authorization": `Basic ${btoa(credentials)}` };
  // A proxy that accepts a connection, and then says nothing to CONNECT, counts as away.
  const proxy = new Pool(origin, { connect: CONNECT, headersTimeout: OUTBOUND_CONNECT_TIMEOUT_MS });
  const secure = buildConnector(CONNECT);
  return (options, callback) => {
    const target = `${options.host ?? options.hostname}${options.port === "" ? ":443" : ""}`;
    proxy.connect({ path: target, headers: { host: target, ...authorization } }, (error, answer) => {
      if (error !== null) return callback(error, null);
      const { socket, statusCode } = answer;
      if (statusCode === 200) return secure({ ...options, httpSocket: socket as Socket }, callback);
      socket.on("error", () => {}).destroy();
      return callback(new Error(`the proxy refused to connect to ${target}: it answered ${statusCode}`), null);
    });
  };
}
