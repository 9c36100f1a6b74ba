import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { assemble, type GatewayCounts } from "./assemble.ts";
import { isLoopback, type Settings } from "./config.ts";
import { TrustedProxies } from "./access/client-address.ts";
import { allowedHosts } from "./edge/allowed-hosts.ts";
import { createDeviceSocketServer } from "./edge/device/device-socket-server.ts";
import { registerConsoleAssets } from "./edge/http/console.ts";
import { createMetricsServer } from "./edge/http/metrics-server.ts";
import { listenOnQueues } from "./edge/http/listen-on-queues.ts";
import { createMetrics } from "./edge/http/metrics.ts";
import { RequestLimits } from "./edge/http/request-limits.ts";
import { makeConstantPages } from "./edge/http/routes/health.ts";
import { createHttpServer } from "./edge/http/server.ts";
import { OPEN_ANSWER_KEPT_MS, SOCKET_CLOSE_TIMEOUT_MS } from "./edge/limits.ts";
import { dispatchUpgrades } from "./edge/socket/upgrade.ts";
import { registerStreamRoute } from "./edge/stream/stream-route.ts";
import { createWatchSocketServer } from "./edge/watch/watch-socket-server.ts";
import { DRAIN_MS } from "./engine/limits.ts";
import { announceGateway, type Keys, prepareKeys } from "./keys.ts";
import type { OpenedPorts } from "./open-ports.ts";
import type { Store } from "./ports/store.ts";
import { GatewayReports } from "./engine/gateway-reports.ts";
import { TROUBLES_REPORTED_MAX } from "./engine/limits.ts";
import { Troubles } from "./runtime/troubles.ts";
import { checkReadiness } from "./readiness.ts";
import { shareAnswer } from "./runtime/share-answer.ts";
import type { WorkerLink } from "./worker-link.ts";

/** One gateway that serves. */
export interface Gateway {
  readonly url: string;
  /** Where `/metrics` is served: `url`, unless it has a port of its own. */
  readonly metricsUrl: string;
  /** The key made for the first start on loopback; null where keys are given from outside. */
  readonly apiKey: string | null;
  readonly settings: Settings;
  /** For programs that embed the gateway, and tests. */
  readonly store: Store;
  /** Hands the runs in progress over, tells every socket, and closes everything that was opened. */
  close(): Promise<void>;
}

/** A gateway within a server that a program has already. */
export interface GatewayHandler extends Pick<Gateway, "apiKey" | "settings" | "store" | "close"> {
  /** Whether a request, or an upgrade, is for the gateway: `/api/…`, `/devices/connect`, `/health` and their like. */
  handles(request: IncomingMessage): boolean;
  /** Serves a request. Those that `handles` leaves out get 404, and `/` the console. */
  request(request: IncomingMessage, response: ServerResponse): void;
  /** Takes over a connection that becomes a WebSocket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface ServeOptions {
  readonly isEphemeral?: boolean;
  readonly drainMs?: number;
  /** Set if this process is one of several workers on one port; its metrics are then those of all. */
  readonly worker?: WorkerLink | null;
  /**
   * Whether the console signs in the person who runs this gateway, by the development key. It does so at pages of their
   * own machine alone. `false` if left out.
   */
  readonly signsInOwner?: boolean;
  /** Called with each request that was not let in, and with each page of a foreign origin. It must not throw. */
  readonly onRefused?: (refused: RefusedRequest) => void;
}

/** A request that was not let in: its credential, its right or its rate was refused, or the origin of its page. */
export interface RefusedRequest {
  readonly method: string;
  /** A path of the API, with its parameters by name. */
  readonly route: string;
  readonly status: number;
  /** The origin of a page that `HSAFA_ALLOWED_ORIGINS` does not name; `null`: the refusal is no matter of origins. */
  readonly refusedOrigin: string | null;
}

/** Who asks is not known, may not do it, or asks too often. */
const REFUSED_STATUSES: ReadonlySet<number> = new Set([401, 403, 429]);

/**
 * Serves a gateway on ports that are open, and closes them with it. Rejects with what the ports throw, and with what
 * listening throws; then everything is closed.
 */
export async function serveGateway(
  settings: Settings,
  opened: OpenedPorts,
  options: ServeOptions = {},
): Promise<Gateway> {
  const { gateway, server } = await open(settings, opened, { ...options, isAttached: false });
  const url = urlOf(settings.host, portOf(server.address()));
  const { metricsServer, gatewayId } = gateway;
  const metricsUrl = metricsServer === null ? url : urlOf(settings.host, portOf(metricsServer.address()));
  opened.logger.info({ url, gatewayId, ...(metricsServer === null ? {} : { metricsUrl }) }, "the gateway serves");
  return { ...gateway.common, url, metricsUrl };
}

/**
 * Makes a gateway that listens nowhere: a program hands its requests over. The settings say as ever where the program's
 * server listens (`HOST`). Rejects as `serveGateway` does.
 */
export async function attachGateway(
  settings: Settings,
  opened: OpenedPorts,
  options: ServeOptions = {},
): Promise<GatewayHandler> {
  const { gateway, server, connections } = await open(settings, opened, { ...options, isAttached: true });
  const seen = new WeakSet<Socket>();
  const meet = (socket: Socket): void => {
    if (seen.has(socket)) return;
    seen.add(socket);
    connections.opened(socket);
  };
  return {
    ...gateway.common,
    handles: ({ url = "" }) => OWN_PATHS.test(url),
    request(request, response) {
      meet(request.socket);
      server.emit("request", request, response);
    },
    upgrade(request, socket, head) {
      meet(request.socket);
      server.emit("upgrade", request, socket, head);
    },
  };
}

/** What a gateway serves, but for the console at `/`, which a program's own pages go before. */
const OWN_PATHS = /^\/(api\/|devices\/connect|health|ready|metrics|openapi\.json|docs)/;

async function open(settings: Settings, opened: OpenedPorts, options: ServeOptions & { readonly isAttached: boolean }) {
  const { isEphemeral = false, drainMs = DRAIN_MS, signsInOwner = false } = options;
  const { worker = null, isAttached, onRefused = () => {} } = options;
  try {
    const keys = await prepareKeys(settings, opened.ports.store.fleet, { isEphemeral });
    const all = { keys, drainMs, isEphemeral, worker, isAttached, signsInOwner, onRefused };
    return await serve(settings, opened, all);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function serve(
  settings: Settings,
  { ports, prices, logger, close: closePorts }: OpenedPorts,
  options: { readonly keys: Keys; readonly isAttached: boolean } & Required<ServeOptions>,
) {
  const { keys, drainMs, isEphemeral, worker, isAttached, signsInOwner, onRefused } = options;
  const { store, liveLog, clock } = ports;
  const { allowedOrigins, host, port, metricsKey, metricsPort } = settings;
  const troubles = new Troubles({ clock, most: TROUBLES_REPORTED_MAX });
  const log = troubles.of(ports.log);
  const gateway = assemble(
    { ...ports, log },
    {
      leaseDurationMs: settings.leaseMs,
      // The embedded database belongs to one process.
      isOnlyGateway: settings.databaseUrl === null,
      tokenSecrets: keys.tokenSecrets,
      quotas: settings.quotas,
      prices,
      operatorKeyHash: keys.initialKeyHash,
    },
  );
  const { gatewayId, authenticate, hub, threads, turns } = gateway;
  const limits = new RequestLimits({ rates: settings.rates, trustedProxies: settings.trustedProxies }, clock);
  const { addressOf } = limits;
  const isHostAllowed = allowedHosts({ isLoopback: isLoopback(host), listed: settings.allowedHosts });
  const devices = createDeviceSocketServer({ ...ports, addressOf, turns, devices: gateway.devices });
  const watches = createWatchSocketServer({ ...ports, addressOf, turns, authenticate, hub, threads });
  const metrics = createMetrics(
    () => gateway.counts(),
    () => liveLog.check(),
  );

  let isClosing = false;
  // Anybody may ask for these, and each asks the store or walks all of the metrics.
  const answers = { keptMs: OPEN_ANSWER_KEPT_MS, clock };
  const readiness = shareAnswer(() => checkReadiness({ store, liveLog, isClosing: false }), answers);
  worker?.offerMetrics(metrics.registry);
  const metricsText = shareAnswer(() => worker?.metricsOfAll() ?? metrics.text(), answers);
  const app = createHttpServer(
    {
      ...gateway.useCases,
      gatewayId,
      authenticate,
      hub,
      allowedOrigins,
      limits,
      turns,
      isHostAllowed,
      isCookieSecure: !isLoopback(host),
      trustedProxies: new TrustedProxies(settings.trustedProxies),
      readiness: () => (isClosing ? checkReadiness({ store, liveLog, isClosing }) : readiness()),
      metricsText: settings.metricsPort === null ? metricsText : null,
      metricsKey,
      localCredential: signsInOwner ? keys.devKey : null,
    },
    {
      logger,
      onServed: (request) => {
        metrics.observe(request);
        if (request.refusedOrigin !== null || REFUSED_STATUSES.has(request.status)) onRefused(request);
      },
      others: (server) => {
        const { tokenSecrets } = keys;
        registerStreamRoute(server, { authenticate, allowedOrigins, limits, store, hub, clock, tokenSecrets });
        registerConsoleAssets(server, { limits });
      },
    },
  );
  const counts = (): GatewayCounts => gateway.counts();
  const reports = new GatewayReports({ gatewayId, store: store.fleet, liveLog, troubles, counts, clock, log });
  const metricsServer = metricsPort === null ? null : createMetricsServer({ metricsText, metricsKey, isHostAllowed });
  const handlers = new Map([
    ["/devices/connect", devices.upgrade],
    ["/api/watch", watches.upgrade],
  ]);
  dispatchUpgrades(app.server, {
    handlers,
    allowedOrigins,
    isHostAllowed,
    onRefusedOrigin: (refusedOrigin, route) => onRefused({ method: "GET", route, status: 403, refusedOrigin }),
  });
  let withdraw = async (): Promise<void> => {};
  let closeQueues = async (): Promise<void> => {};
  const listen = async (): Promise<void> => {
    makeConstantPages();
    if (metricsServer !== null) await listenAt(metricsServer, { host, port: metricsPort ?? 0 });
    // A program's own server listens, and nobody can be told where.
    if (isAttached) {
      await app.ready();
      return;
    }
    const at = { host, port, isShared: worker !== null };
    closeQueues = await listenOnQueues(app.server, at, (queue) => app.listen(queue));
    const { devKey } = keys;
    withdraw = await announceGateway(settings, { devKey, isEphemeral, url: urlOf(host, portOf(app.server.address())) });
  };
  try {
    await gateway.start({ listen });
  } catch (error) {
    metricsServer?.close();
    await Promise.all([app.close(), closeQueues()]);
    metrics.close();
    throw error;
  }

  reports.start();
  const close = async (): Promise<void> => {
    isClosing = true;
    await reports.stop();
    await withdraw();
    // Takes no more connections. What is under way has the time of the drain.
    const closed = Promise.all([app.close(), closeQueues()]);
    await gateway.stop({ drainMs });
    await Promise.all([watches.close(), devices.close()]);
    // A client that still keeps its connection open is cut.
    const cancelCut = clock.after(SOCKET_CLOSE_TIMEOUT_MS, () => app.server.closeAllConnections());
    await closed;
    cancelCut();
    metricsServer?.close();
    metricsServer?.closeAllConnections();
    metrics.close();
    await closePorts();
  };
  let closing: Promise<void> | null = null;
  const common = { apiKey: keys.devKey, settings, store, close: () => (closing ??= close()) };
  return { gateway: { common, gatewayId, metricsServer }, server: app.server, connections: limits.connections };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("the server has no port although it listens");
  return address.port;
}

async function listenAt(server: Server, at: { readonly host: string; readonly port: number }): Promise<void> {
  server.listen(at);
  await once(server, "listening");
}

/** An address that can be opened: one that means every interface is reached by loopback. */
function urlOf(host: string, port: number): string {
  const reached = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}`;
}
