import pino from "pino";
import { createAiSdkModel } from "./adapters/ai-sdk/ai-sdk-model.ts";
import { createAjvSchemas } from "./adapters/ajv/ajv-schemas.ts";
import { createMemoryBell } from "./adapters/memory/memory-bell.ts";
import { createMemoryLiveLog } from "./adapters/memory/memory-live-log.ts";
import { openOutboundHttp } from "./adapters/outbound/outbound-http.ts";
import { openPgliteStore } from "./adapters/postgres/open-pglite-store.ts";
import { openPostgresStore } from "./adapters/postgres/open-postgres-store.ts";
import { openRedis } from "./adapters/redis/open-redis.ts";
import type { ToolFunction } from "./adapters/server-tools/function-tool.ts";
import { createServerTools } from "./adapters/server-tools/server-tools.ts";
import { mendDataFolder, prepareDataFolder } from "./data-folder.ts";
import { systemClock } from "./adapters/system/system-clock.ts";
import type { Ports } from "./assemble.ts";
import type { Settings } from "./config.ts";
import type { Bell } from "./ports/bell.ts";
import type { Clock } from "./ports/clock.ts";
import type { LiveLog } from "./ports/live-log.ts";
import type { Log } from "./ports/log.ts";
import type { Model } from "./ports/model.ts";
import type { Store } from "./ports/store.ts";
import { refuseSecondGateway } from "./refuse-second-gateway.ts";

/** What a program that embeds a gateway gives instead of the usual adapters. */
export interface PortOverrides {
  /** What tools of type `function` call, by name. */
  readonly functions?: Readonly<Record<string, ToolFunction>>;
  readonly model?: Model;
  readonly clock?: Clock;
  /** Whether nothing is kept: the embedded database lives in memory, and the keys with it. */
  readonly isEphemeral?: boolean;
  readonly logLevel?: "debug" | "info" | "warn" | "error" | "silent";
}

/** The ports of a gateway over real adapters. */
export interface OpenedPorts {
  readonly ports: Ports;
  /** The log of the ports, as the HTTP server takes it. */
  readonly logger: pino.Logger;
  /** Closes the store, the live log, the bell and the connections to models and tools. */
  close(): Promise<void>;
}

/**
 * Opens the adapters that the settings name. Rejects with `InvalidSettings` if the settings cannot work together, and
 * with what the adapters throw; then nothing stays open.
 */
export async function openPorts(settings: Settings, overrides: PortOverrides = {}): Promise<OpenedPorts> {
  const { clock = systemClock, isEphemeral = false } = overrides;
  // To stderr, because a program prints for people on stdout.
  const log = pino({ level: overrides.logLevel ?? "info" }, pino.destination({ fd: 2, sync: true }));
  const store = await openStore(settings, { isEphemeral, log });
  try {
    if (settings.databaseUrl !== null && settings.redisUrl === null) await refuseSecondGateway(store.fleet, clock);
    const { liveLog, bell } = await openBus(settings, clock, log);
    const schemas = createAjvSchemas();
    const outbound = openOutboundHttp(settings.proxies);
    const providers = { fetch: outbound.fetch, ...settings.providers };
    return {
      ports: {
        store,
        liveLog,
        bell,
        clock,
        model: overrides.model ?? createAiSdkModel(providers, clock),
        serverTools: createServerTools({ functions: overrides.functions, fetch: outbound.fetch }),
        schemas,
        log,
      },
      logger: log,
      async close() {
        await Promise.all([liveLog.close(), bell.close(), outbound.close()]);
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openStore(
  settings: Settings,
  { isEphemeral, log }: { readonly isEphemeral: boolean; readonly log: Log },
): Promise<Store> {
  const { databaseUrl, dataDir } = settings;
  if (databaseUrl !== null) return openPostgresStore({ url: databaseUrl });
  if (isEphemeral) return openPgliteStore({ dataDir: undefined });
  const privacy = await prepareDataFolder(dataDir);
  if (privacy.kind === "shared") log.warn({ dataDir }, privacy.detail);
  const store = await openPgliteStore({ dataDir });
  await mendDataFolder(dataDir);
  return store;
}

async function openBus(
  settings: Settings,
  clock: Clock,
  log: Log,
): Promise<{ readonly liveLog: LiveLog; readonly bell: Bell }> {
  if (settings.redisUrl !== null) return openRedis({ url: settings.redisUrl, clock, log });
  return { liveLog: createMemoryLiveLog({ clock, log }), bell: createMemoryBell({ log }) };
}
