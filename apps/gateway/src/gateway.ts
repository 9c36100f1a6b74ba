import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { scopeSchema } from "@hsafa/protocol/schema";
import pino from "pino";
import { createAiSdkModel } from "./adapters/ai-sdk/ai-sdk-model.ts";
import { createAjvSchemas } from "./adapters/ajv/ajv-schemas.ts";
import type { ToolFunction } from "./adapters/server-tools/function-tool.ts";
import { createServerTools } from "./adapters/server-tools/server-tools.ts";
import { createMemoryBell } from "./adapters/memory/bell.ts";
import { createMemoryLiveLog } from "./adapters/memory/live-log.ts";
import { openPgliteStore } from "./adapters/postgres/open-pglite-store.ts";
import { openPostgresStore } from "./adapters/postgres/open-postgres-store.ts";
import type { RedisNotice } from "./adapters/redis/connection.ts";
import { openRedis } from "./adapters/redis/open-redis.ts";
import { systemClock } from "./adapters/system/clock.ts";
import { persistedSecret } from "./adapters/system/persisted-secret.ts";
import { InvalidSettings, isLoopback, type Settings } from "./config.ts";
import { apiKeyHash, newApiKey } from "./access/api-key.ts";
import { createAuthenticate } from "./access/authenticate.ts";
import { createFollowHub } from "./follow/follow-hub.ts";
import { DRAIN_MS } from "./engine/limits.ts";
import { GATEWAY_TIMEOUT_MS } from "./ports/limits.ts";
import { SECOND_GATEWAY_LOOK_MS } from "./limits.ts";
import { SOCKET_CLOSE_TIMEOUT_MS } from "./edge/limits.ts";
import { createDeviceServer } from "./edge/device/device-server.ts";
import { createMetrics } from "./edge/http/metrics.ts";
import { createHttpServer } from "./edge/http/server.ts";
import { registerStreamRoute } from "./edge/stream/stream-route.ts";
import { dispatchUpgrades } from "./edge/socket/upgrade.ts";
import { createWatchServer } from "./edge/watch/watch-server.ts";
import { Engine } from "./engine/engine.ts";
import type { Bell } from "./ports/bell.ts";
import type { Clock } from "./ports/clock.ts";
import type { LiveLog } from "./ports/live-log.ts";
import type { Model } from "./ports/model.ts";
import type { Store } from "./ports/store.ts";

export type { ToolFunction } from "./adapters/server-tools/function-tool.ts";
export { InvalidSettings, readSettings, type Settings } from "./config.ts";

/** One gateway, serving. */
export interface Gateway {
  readonly url: string;
  /** The key made for the first start on loopback; null where keys are given from outside. */
  readonly apiKey: string | null;
  readonly settings: Settings;
  /** For programs that embed the gateway, and tests. */
  readonly store: Store;
  /** Hands the runs in progress over, tells every socket, and lets go of everything that was opened. */
  close(): Promise<void>;
}

/** What a program that embeds a gateway may bring along. */
export interface Overrides {
  /** What tools of type `function` call, by name. */
  readonly functions?: Readonly<Record<string, ToolFunction>>;
  readonly model?: Model;
  readonly clock?: Clock;
  /** Keeps nothing: the embedded database lives in memory, and the keys with it. */
  readonly isEphemeral?: boolean;
  readonly logLevel?: "debug" | "info" | "warn" | "error" | "silent";
  /** How long steps in progress may finish when the gateway closes, in milliseconds. */
  readonly drainMs?: number;
  /** Stands between the gateway and its services: for tests that make them fail. */
  readonly wrapServices?: (services: Services) => Services;
}

interface Services {
  readonly store: Store;
  readonly liveLog: LiveLog;
  readonly bell: Bell;
}

/**
 * Starts a gateway; resolves when it serves. Throws `InvalidSettings` where the settings cannot work together, and what
 * the adapters throw.
 */
export async function startGateway(settings: Settings, overrides: Overrides = {}): Promise<Gateway> {
  const { clock = systemClock, isEphemeral = false, drainMs = DRAIN_MS } = overrides;
  // To stderr: what a program prints for people is on stdout.
  const log = pino({ level: overrides.logLevel ?? "info" }, pino.destination({ fd: 2, sync: true }));
  const report = (error: unknown): void => log.error({ err: error }, "a listener failed");
  const onTrouble = (what: string, error: unknown): void => log.error({ err: error }, what);
  const gatewayId = clock.newId();
  // What was opened, to be closed in the opposite order, also when the start fails half-way.
  const opened: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (let close = opened.pop(); close !== undefined; close = opened.pop()) await close();
  };

  try {
    const ownStore = await openStore(settings, isEphemeral);
    opened.push(() => ownStore.close());
    if (settings.databaseUrl !== null && settings.redisUrl === null) await refuseSecondGateway(ownStore, clock);
    const bus = await openBus(settings, clock, {
      report,
      notify: (notice) => log.warn(notice.kind === "back" ? notice : { ...notice, err: notice.error }, "about Redis"),
    });
    const { wrapServices: standBetween = (services: Services) => services } = overrides;
    const { store, liveLog, bell } = standBetween({ store: ownStore, ...bus });
    opened.push(async () => {
      await Promise.all([liveLog.close(), bell.close()]);
    });
    const secrets = await readSecrets(settings, isEphemeral);
    const initialKey = settings.adminKey ?? secrets.devKey;
    if (initialKey !== null) {
      await store.fleet.ensureApiKey({
        tenantName: "default",
        name: settings.adminKey === null ? "dev" : "operator",
        keyHash: apiKeyHash(initialKey),
        scopes: scopeSchema.options,
      });
    }

    const schemas = createAjvSchemas();
    const tokenSecret = new TextEncoder().encode(secrets.jwtSecret);
    const authenticate = createAuthenticate({ fleet: store.fleet, tokenSecret, clock });
    const hub = createFollowHub({ store, liveLog, clock, report });
    const engine = new Engine({
      gatewayId,
      leaseDurationMs: settings.leaseMs,
      // The embedded database is one process's alone.
      isOnlyGateway: settings.databaseUrl === null,
      store: store.fleet,
      liveLog,
      bell,
      localFeed: hub,
      clock,
      model: overrides.model ?? createAiSdkModel(settings.providers, clock),
      serverTools: createServerTools({ functions: overrides.functions }),
      schemas,
      log,
    });
    const devices = createDeviceServer({ gatewayId, authenticate, store, liveLog, bell, clock, onTrouble });
    const watches = createWatchServer({ authenticate, store, hub, clock, report });
    const metrics = createMetrics(() => ({ runsHeld: engine.runsHeld, ...hub.counts() }));
    opened.push(() => Promise.resolve(metrics.close()));

    let isClosing = false;
    const { allowedOrigins } = settings;
    const app = createHttpServer(
      {
        store,
        bell,
        clock,
        schemas,
        authenticate,
        tokenSecret,
        allowedOrigins,
        isCookieSecure: !isLoopback(settings.host),
        readiness: () => whatIsMissing(store, liveLog, isClosing),
        metricsText: () => metrics.text(),
      },
      {
        logger: log,
        onServed: metrics.observe,
        others: (server) => registerStreamRoute(server, { authenticate, allowedOrigins, store, hub, clock }),
      },
    );
    const handlers = new Map([
      ["/devices/connect", devices.upgrade],
      ["/api/watch", watches.upgrade],
    ]);
    dispatchUpgrades(app.server, { handlers, allowedOrigins });
    // The first beat registers this gateway, before a device can connect through it.
    await store.fleet.recordHeartbeat({ gatewayId, stopping: false });
    try {
      await app.listen({ host: settings.host, port: settings.port });
    } catch (error) {
      await store.fleet.recordHeartbeat({ gatewayId, stopping: true });
      await app.close();
      throw error;
    }
    devices.start();
    engine.start();

    const close = async (): Promise<void> => {
      isClosing = true;
      const closed = app.close();
      await engine.stop({ drainMs });
      hub.close();
      await Promise.all([watches.close(), devices.close()]);
      // Requests under way have had the time of the drain; whoever still keeps a connection open is cut.
      const cut = clock.after(SOCKET_CLOSE_TIMEOUT_MS, () => app.server.closeAllConnections());
      await closed;
      cut();
      await closeAll();
    };
    let closing: Promise<void> | null = null;
    const url = urlOf(settings.host, portOf(app.server.address()));
    log.info({ url, gatewayId }, "the gateway serves");
    return { url, apiKey: secrets.devKey, settings, store, close: () => (closing ??= close()) };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function openStore(settings: Settings, isEphemeral: boolean): Promise<Store> {
  if (settings.databaseUrl !== null) return openPostgresStore({ url: settings.databaseUrl });
  return openPgliteStore({ dataDir: isEphemeral ? undefined : settings.dataDir });
}

async function openBus(
  settings: Settings,
  clock: Clock,
  hearers: { readonly report: (error: unknown) => void; readonly notify: (notice: RedisNotice) => void },
): Promise<{ readonly liveLog: LiveLog; readonly bell: Bell }> {
  if (settings.redisUrl !== null) return openRedis({ url: settings.redisUrl, clock, notify: hearers.notify });
  const { report } = hearers;
  return { liveLog: createMemoryLiveLog({ clock, report }), bell: createMemoryBell({ report }) };
}

/**
 * A live log in this process serves one gateway only. One that was killed a moment ago still counts as alive, so only a
 * gateway that beats while we look is another one.
 */
async function refuseSecondGateway(store: Store, clock: Clock): Promise<void> {
  const startedAt = clock.monotonic();
  const elapsed = (): number => clock.monotonic() - startedAt;
  while ((await store.fleet.countLiveGateways({ withinMs: GATEWAY_TIMEOUT_MS })) > 0) {
    if ((await store.fleet.countLiveGateways({ withinMs: Math.floor(elapsed()) })) > 0) {
      throw new InvalidSettings(
        "Another gateway runs on this DATABASE_URL. Set REDIS_URL, the same for all of them, so that they can tell each other what happens; or end the other one.",
      );
    }
    if (elapsed() > SECOND_GATEWAY_LOOK_MS) return;
    await new Promise<void>((resolve) => clock.after(SECOND_GATEWAY_LOOK_MS / 20, resolve));
  }
}

/** What is made for development on this machine and kept in the data folder; elsewhere operators give them. */
async function readSecrets(
  settings: Settings,
  isEphemeral: boolean,
): Promise<{ readonly devKey: string | null; readonly jwtSecret: string }> {
  const keep = (name: string, make: () => string): Promise<string> =>
    isEphemeral ? Promise.resolve(make()) : persistedSecret({ path: join(settings.dataDir, name), make });
  const needsDevKey = settings.adminKey === null && isLoopback(settings.host);
  return {
    devKey: needsDevKey ? await keep("key", newApiKey) : null,
    jwtSecret: settings.jwtSecret ?? (await keep("jwt-secret", () => randomBytes(32).toString("base64url"))),
  };
}

async function whatIsMissing(store: Store, liveLog: LiveLog, isClosing: boolean): Promise<string | null> {
  if (isClosing) return "This gateway is going away; ask another one.";
  const missing = await store.check();
  if (missing !== null) return `The store does not serve: ${missing}`;
  return (await liveLog.check()) ? null : "Redis does not answer; runs go on, and watchers are served from Postgres.";
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
