import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { SCOPES } from "@hsafa/protocol";
import { apiKeyHash, newApiKey } from "./access/api-key.ts";
import { persistedSecret } from "./adapters/system/persisted-secret.ts";
import { isLoopback, type Settings } from "./config.ts";
import { prepareDataFolder } from "./data-folder.ts";
import type { FleetStore } from "./ports/fleet-store.ts";

/** The secrets of a gateway: given by an operator, or made for development on this machine. */
export interface Keys {
  /** The API key made for development; null where an operator gives one, or where other machines can connect. */
  readonly devKey: string | null;
  /** The API key that the store must know, and the name under which it is kept; null: there is none. */
  readonly initialKey: { readonly name: string; readonly key: string } | null;
  /** Signs browser tokens. */
  readonly tokenSecret: Uint8Array;
}

/**
 * Takes the keys from the settings, and makes those that are missing. What it makes is kept in the data folder, so that
 * the next start has the same; an ephemeral gateway keeps nothing.
 */
export async function readKeys(settings: Settings, { isEphemeral }: { readonly isEphemeral: boolean }): Promise<Keys> {
  async function keep(name: string, make: () => string): Promise<string> {
    if (isEphemeral) return make();
    await prepareDataFolder(settings.dataDir);
    return persistedSecret({ path: join(settings.dataDir, name), make });
  }
  const { adminKey } = settings;
  const devKey = adminKey === null && isLoopback(settings.host) ? await keep("key", newApiKey) : null;
  const jwtSecret = settings.jwtSecret ?? (await keep("jwt-secret", () => randomBytes(32).toString("base64url")));
  return {
    devKey,
    initialKey: initialKeyOf(adminKey, devKey),
    tokenSecret: new TextEncoder().encode(jwtSecret),
  };
}

function initialKeyOf(adminKey: string | null, devKey: string | null): Keys["initialKey"] {
  if (adminKey !== null) return { name: "operator", key: adminKey };
  return devKey === null ? null : { name: "dev", key: devKey };
}

/** Makes the initial key known to the store, with every scope, in the tenant `default`. */
export async function ensureInitialKey(fleet: Pick<FleetStore, "ensureApiKey">, keys: Keys): Promise<void> {
  if (keys.initialKey === null) return;
  const { name, key } = keys.initialKey;
  await fleet.ensureApiKey({ tenantName: "default", name, keyHash: apiKeyHash(key), scopes: SCOPES });
}
