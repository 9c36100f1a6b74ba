import { lookup } from "node:dns";
import type { Socket } from "node:net";
import { Agent, buildConnector, Dispatcher, Pool, ProxyAgent } from "undici";
import { OUTBOUND_ADDRESS_TIMEOUT_MS, OUTBOUND_CONNECT_TIMEOUT_MS } from "./limits.ts";
import { TargetRefused } from "../../ports/target-refused.ts";
import { guardedLookup, type LookupAll, mayBeNamed } from "./guarded-lookup.ts";
import { proxyFor, type ProxySettings } from "./proxy-for.ts";
import { targetOf } from "./is-listed-target.ts";

/** 0: none. The callers bound each request by its signal. */
const UNTIMED = { headersTimeout: 0, bodyTimeout: 0 } as const;

const CONNECT = {
  timeout: OUTBOUND_CONNECT_TIMEOUT_MS,
  autoSelectFamilyAttemptTimeout: OUTBOUND_ADDRESS_TIMEOUT_MS,
} as const;

/** Which targets are refused. */
export interface TargetGuard {
  /** The targets outside of the public internet that are reached nevertheless. */
  readonly allowed: readonly string[];
  /** How names are looked up; as the operating system does when absent. */
  readonly lookupAll?: LookupAll;
}

/**
 * Sends each request directly or through a proxy, by its target. The target counts for each redirect anew. With a guard
 * it refuses targets outside of the public internet; a proxy must itself refuse names that lead there.
 *
 * A target of `https:` is reached by a tunnel (CONNECT), so the proxy sees no more than its name. A request to a target
 * of `http:` is sent to the proxy whole: many proxies let nobody tunnel to port 80.
 */
export class OutboundDispatcher extends Dispatcher {
  readonly #proxies: ProxySettings;
  readonly #guard: TargetGuard | null;
  readonly #direct: Agent;
  /** By the scheme of the targets and the proxy. */
  readonly #ways = new Map<string, Way>();

  constructor(proxies: ProxySettings, guard: TargetGuard | null) {
    super();
    this.#proxies = proxies;
    this.#guard = guard;
    this.#direct = guard === null ? new Agent({ ...UNTIMED, connect: CONNECT }) : guardedAgent(guard);
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
    if (this.#guard !== null && !mayBeNamed(targetOf(target), this.#guard.allowed)) throw new TargetRefused();
    const proxy = proxyFor(target, this.#proxies);
    if (proxy === null) return this.#direct;
    const key = `${target.protocol} ${proxy}`;
    const way = this.#ways.get(key) ?? openWay(proxy, target.protocol === "https:");
    this.#ways.set(key, way);
    return way.dispatcher;
  }

  #all(): readonly Dispatcher[] {
    return [this.#direct, ...[...this.#ways.values()].flatMap(({ dispatcher, beneath }) => [dispatcher, ...beneath])];
  }
}

/** Connects to targets whose addresses the guard allows. Each origin has its own look-up, which knows the port. */
function guardedAgent({ allowed, lookupAll = lookup }: TargetGuard): Agent {
  return new Agent({
    ...UNTIMED,
    factory: (origin, options) => {
      const guarded = guardedLookup(targetOf(new URL(origin)), allowed, lookupAll);
      return new Pool(origin, Object.assign({}, options, UNTIMED, { connect: { ...CONNECT, lookup: guarded } }));
    },
  });
}

/** `beneath`: what holds connections of its own for the dispatcher, and ends with it. */
interface Way {
  readonly dispatcher: Dispatcher;
  readonly beneath: readonly Dispatcher[];
}

/** Opens the way through a proxy for targets of one scheme. */
function openWay(uri: string, isTunnel: boolean): Way {
  if (isTunnel) {
    // A proxy that accepts a connection, and then says nothing to CONNECT, counts as away.
    const proxy = new Pool(new URL(uri).origin, { connect: CONNECT, headersTimeout: OUTBOUND_CONNECT_TIMEOUT_MS });
    return { dispatcher: new Agent({ ...UNTIMED, connect: tunnelThrough(proxy, uri) }), beneath: [proxy] };
  }
  const dispatcher = new ProxyAgent({
    uri,
    proxyTunnel: false,
    proxyTls: CONNECT,
    ...UNTIMED,
    factory: (origin, options) => new Pool(origin, Object.assign({}, options, UNTIMED)),
  });
  return { dispatcher, beneath: [] };
}

/**
 * Connects to targets through tunnels. undici's own `ProxyAgent` reports a proxy that refuses as a request that was
 * cancelled, and nobody learns why.
 */
function tunnelThrough(proxy: Pool, uri: string): buildConnector.connector {
  const { username, password } = new URL(uri);
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = username === "" ? {} : { "proxy-authorization": `Basic ${btoa(credentials)}` };
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
