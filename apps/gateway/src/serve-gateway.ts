import type { AddressInfo } from "node:net";
import { assemble } from "./assemble.ts";
import { isLoopback, type Settings } from "./config.ts";
import { createDeviceSocketServer } from "./edge/device/device-socket-server.ts";
import { createMetrics } from "./edge/http/metrics.ts";
import { RequestLimits } from "./edge/http/request-limits.ts";
import { createHttpServer } from "./edge/http/server.ts";
import { OPEN_ANSWER_KEPT_MS, SOCKET_CLOSE_TIMEOUT_MS } from "./edge/limits.ts";
import { dispatchUpgrades } from "./edge/socket/upgrade.ts";
import { registerStreamRoute } from "./edge/stream/stream-route.ts";
import { createWatchSocketServer } from "./edge/watch/watch-socket-server.ts";
import { DRAIN_MS } from "./engine/limits.ts";
import { ensureInitialKey, type Keys, readKeys } from "./keys.ts";
import type { OpenedPorts } from "./open-ports.ts";
import type { Store } from "./ports/store.ts";
import { checkReadiness } from "./readiness.ts";
import { shareAnswer } from "./runtime/share-answer.ts";

/** One gateway that serves. */
export interface Gateway {
  readonly url: string;
  /** The key made for the first start on loopback; null where keys are given from outside. */
  readonly apiKey: string | null;
  readonly settings: Settings;
  /** For programs that embed the gateway, and tests. */
  readonly store: Store;
  /** Hands the runs in progress over, tells every socket, and closes everything that was opened. */
  close(): Promise<void>;
}

export interface ServeOptions {
  readonly isEphemeral?: boolean;
  readonly drainMs?: number;
}

/**
 * Serves a gateway on ports that are open, and closes them with it. Rejects with what the ports throw, and with what
 * listening throws; then everything is closed.
 */
export async function serveGateway(
  settings: Settings,
  opened: OpenedPorts,
  options: ServeOptions = {},
): Promise<Gateway> {
  const { isEphemeral = false, drainMs = DRAIN_MS } = options;
  try {
    const keys = await readKeys(settings, { isEphemeral });
    await ensureInitialKey(opened.ports.store.fleet, keys);
    return await serve(settings, opened, { keys, drainMs });
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function serve(
  settings: Settings,
  { ports, logger, close: closePorts }: OpenedPorts,
  { keys, drainMs }: { readonly keys: Keys; readonly drainMs: number },
): Promise<Gateway> {
  const { store, liveLog, clock } = ports;
  const { allowedOrigins, host, port } = settings;
  const gateway = assemble(ports, {
    leaseDurationMs: settings.leaseMs,
    // The embedded database belongs to one process.
    isOnlyGateway: settings.databaseUrl === null,
    tokenSecret: keys.tokenSecret,
  });
  const { gatewayId, authenticate, hub } = gateway;
  const devices = createDeviceSocketServer({ ...ports, devices: gateway.devices });
  const watches = createWatchSocketServer({ ...ports, authenticate, hub });
  const metrics = createMetrics(
    () => gateway.counts(),
    () => liveLog.check(),
  );

  const limits = new RequestLimits({ rates: settings.rates, trustedProxies: settings.trustedProxies }, clock);
  let isClosing = false;
  // Anybody may ask for these, and each asks the store or walks all of the metrics.
  const answers = { keptMs: OPEN_ANSWER_KEPT_MS, clock };
  const readiness = shareAnswer(() => checkReadiness({ store, liveLog, isClosing: false }), answers);
  const metricsText = shareAnswer(() => metrics.text(), answers);
  const app = createHttpServer(
    {
      ...gateway.useCases,
      authenticate,
      allowedOrigins,
      limits,
      isCookieSecure: !isLoopback(host),
      readiness: () => (isClosing ? checkReadiness({ store, liveLog, isClosing }) : readiness()),
      metricsText,
    },
    {
      logger,
      onServed: metrics.observe,
      others: (server) => registerStreamRoute(server, { authenticate, allowedOrigins, limits, store, hub, clock }),
    },
  );
  const handlers = new Map([
    ["/devices/connect", devices.upgrade],
    ["/api/watch", watches.upgrade],
  ]);
  dispatchUpgrades(app.server, { handlers, allowedOrigins });
  try {
    await gateway.start({ listen: async () => void (await app.listen({ host, port })) });
  } catch (error) {
    await app.close();
    metrics.close();
    throw error;
  }

  const close = async (): Promise<void> => {
    isClosing = true;
    // Takes no more connections. What is under way has the time of the drain.
    const closed = app.close();
    await gateway.stop({ drainMs });
    await Promise.all([watches.close(), devices.close()]);
    // A client that still keeps its connection open is cut.
    const cancelCut = clock.after(SOCKET_CLOSE_TIMEOUT_MS, () => app.server.closeAllConnections());
    await closed;
    cancelCut();
    metrics.close();
    await closePorts();
  };
  let closing: Promise<void> | null = null;
  const url = urlOf(host, portOf(app.server.address()));
  logger.info({ url, gatewayId }, "the gateway serves");
  return { url, apiKey: keys.devKey, settings, store, close: () => (closing ??= close()) };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("the server has no port although it listens");
  return address.port;
}

/** An address that can be opened: one that means every interface is reached by loopback. */
function urlOf(host: string, port: number): string {
  const reached = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}`;
}
