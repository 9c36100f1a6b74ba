import { randomBytes } from "node:crypto";
import { join } from "node:path";
import pino from "pino";
import { createAiSdkModel } from "./adapters/ai-sdk/ai-sdk-model.ts";
import { createAjvSchemas } from "./adapters/ajv/ajv-schemas.ts";
import { createMemoryBell } from "./adapters/memory/memory-bell.ts";
import { createMemoryLiveLog } from "./adapters/memory/memory-live-log.ts";
import { fileTypeMediaTypes } from "./adapters/file-type/file-type-media-types.ts";
import { createLinkedFiles } from "./adapters/outbound/linked-files.ts";
import { createS3FileStore } from "./adapters/s3/s3-file-store.ts";
import { openOutboundHttp } from "./adapters/outbound/outbound-http.ts";
import { createEnvelopeBox } from "./adapters/secrets/envelope-box.ts";
import { createTenantSecrets } from "./adapters/secrets/tenant-secrets.ts";
import type { ToolFunction } from "./adapters/server-tools/function-tool.ts";
import { createServerTools } from "./adapters/server-tools/server-tools.ts";
import { mendDataFolder, prepareDataFolder } from "./data-folder.ts";
import { persistedSecret } from "./adapters/system/persisted-secret.ts";
import { readModelPrices } from "./adapters/system/read-model-prices.ts";
import { systemClock } from "./adapters/system/system-clock.ts";
import type { Ports } from "./assemble.ts";
import { InvalidSettings, isLoopback, type Settings } from "./config.ts";
import type { ModelPrices } from "./core/priced-usage.ts";
import type { Bell } from "./ports/bell.ts";
import type { Clock } from "./ports/clock.ts";
import type { LiveLog } from "./ports/live-log.ts";
import type { Log } from "./ports/log.ts";
import type { Model } from "./ports/model.ts";
import type { Store } from "./ports/store.ts";
import { openLog } from "./open-log.ts";
import { fileStores } from "./ports/file-store.ts";
import { secretsOfSettings } from "./secrets-of-settings.ts";
import { refuseSecondGateway } from "./refuse-second-gateway.ts";

/** What a program that embeds a gateway gives instead of the usual adapters. */
export interface PortOverrides {
  /** What tools of type `function` call, by name. */
  readonly functions?: Readonly<Record<string, ToolFunction>>;
  readonly model?: Model;
  readonly clock?: Clock;
  /** Whether nothing is kept: the embedded database lives in memory, and the keys with it. */
  readonly isEphemeral?: boolean;
  /** How long the live log keeps a run after its last write, in milliseconds. */
  readonly liveLogTtlMs?: number;
  readonly logLevel?: "debug" | "info" | "warn" | "error" | "silent";
}

/** The ports of a gateway over real adapters. */
export interface OpenedPorts {
  readonly ports: Ports;
  /** What models cost. */
  readonly prices: ModelPrices;
  /** The log of the ports, as the HTTP server takes it. */
  readonly logger: pino.Logger;
  /** Closes the store, the live log, the bell and the connections to models and tools. */
  close(): Promise<void>;
}

/**
 * Opens the adapters that the settings name. Only their vendors are loaded: the others would take 20 MB. Rejects with
 * `InvalidSettings` if the settings cannot work together, and with what the adapters throw; then nothing stays open.
 */
export async function openPorts(settings: Settings, overrides: PortOverrides = {}): Promise<OpenedPorts> {
  const { clock = systemClock, isEphemeral = false } = overrides;
  const prices = modelPricesOf(settings);
  // To stderr, because a program prints for people on stdout.
  const { keys, passwords } = secretsOfSettings(settings);
  const log = openLog(overrides.logLevel ?? "info", {
    secrets: [...keys, ...passwords],
    to: pino.destination({ fd: 2, sync: true }),
  });
  const store = await openStore(settings, { isEphemeral, log });
  try {
    if (settings.databaseUrl !== null && settings.redisUrl === null) await refuseSecondGateway(store.fleet, clock);
    const { liveLog, bell } = await openBus(settings, { clock, log, ttlMs: overrides.liveLogTtlMs });
    const schemas = createAjvSchemas();
    const outbound = openOutboundHttp(settings.proxies, { allowed: allowedTargets(settings) });
    // A gateway that has no model to ask spares the memory.
    if (Object.values(settings.providers).some((access) => access !== undefined)) await outbound.load();
    const box = createEnvelopeBox(await masterKeysOf(settings, isEphemeral));
    const { folder, environment } = settings.secrets;
    const secrets = createTenantSecrets({ store, box, folder, environment });
    const providers = { demoModels: settings.demoModels, fetch: outbound.fetch, ...settings.providers };
    return {
      ports: {
        store,
        liveLog,
        bell,
        clock,
        model: overrides.model ?? createAiSdkModel(providers, clock),
        serverTools: createServerTools({
          functions: overrides.functions,
          fetch: outbound.guardedFetch,
          secrets,
          known: keys,
        }),
        schemas,
        secretBox: box,
        files:
          settings.s3 === null
            ? fileStores(store.files)
            : fileStores(createS3FileStore(settings.s3, outbound), store.files),
        mediaTypes: fileTypeMediaTypes,
        linkedFiles: createLinkedFiles(outbound),
        log,
      },
      prices,
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

function modelPricesOf({ modelPrices }: Settings): ModelPrices {
  if (modelPrices === null) return new Map();
  const read = readModelPrices(modelPrices);
  if (read.kind === "read") return read.prices;
  throw new InvalidSettings(`hsafa cannot start with these settings:\n- HSAFA_MODEL_PRICES ${read.must}`);
}

/** A key that is kept in the data folder serves the database that lies there too, and no other. */
async function masterKeysOf(settings: Settings, isEphemeral: boolean): Promise<readonly string[]> {
  const { databaseUrl, dataDir, secrets } = settings;
  if (secrets.masterKeys.length > 0 || databaseUrl !== null) return secrets.masterKeys;
  const make = (): string => randomBytes(32).toString("base64url");
  return [isEphemeral ? make() : await persistedSecret({ path: join(dataDir, "secrets-key"), make })];
}

/** What tools may reach outside of the public internet: on one's own machine this machine, where nobody says more. */
function allowedTargets({ outboundAllow, host }: Settings): readonly string[] {
  return outboundAllow ?? (isLoopback(host) ? LOOPBACK : []);
}

const LOOPBACK = ["127.0.0.0/8", "::1"];

async function openStore(
  settings: Settings,
  { isEphemeral, log }: { readonly isEphemeral: boolean; readonly log: Log },
): Promise<Store> {
  const { databaseUrl, dataDir } = settings;
  if (databaseUrl !== null) {
    const { openPostgresStore } = await import("./adapters/postgres/open-postgres-store.ts");
    return openPostgresStore({ url: databaseUrl });
  }
  const { openPgliteStore } = await import("./adapters/postgres/open-pglite-store.ts");
  if (isEphemeral) return openPgliteStore({ dataDir: undefined });
  const privacy = await prepareDataFolder(dataDir);
  if (privacy.kind === "shared") log.warn({ dataDir }, privacy.detail);
  const store = await openPgliteStore({ dataDir });
  await mendDataFolder(dataDir);
  return store;
}

async function openBus(
  settings: Settings,
  params: { readonly clock: Clock; readonly log: Log; readonly ttlMs: number | undefined },
): Promise<{ readonly liveLog: LiveLog; readonly bell: Bell }> {
  if (settings.redisUrl !== null) {
    const { openRedis } = await import("./adapters/redis/open-redis.ts");
    return openRedis({ url: settings.redisUrl, ...params });
  }
  return { liveLog: createMemoryLiveLog(params), bell: createMemoryBell(params) };
}
