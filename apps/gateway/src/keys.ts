import { createHash, randomBytes, randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { SCOPES } from "@hsafa/protocol";
import { apiKeyHash, newApiKey } from "./access/api-key.ts";
import { type TokenSecrets, tokenSecrets } from "./access/browser-token.ts";
import { keepLine } from "./adapters/system/keep-line.ts";
import { persistedSecret } from "./adapters/system/persisted-secret.ts";
import { InvalidSettings, isLoopback, type Settings } from "./config.ts";
import { prepareDataFolder } from "./data-folder.ts";
import type { FleetKeys } from "./ports/fleet-keys.ts";

/** The secrets of a gateway: given by an operator, or made for development on this machine. */
export interface Keys {
  /** The API key made for development; null where an operator gives one, or where other machines can connect. */
  readonly devKey: string | null;
  /** The hash of that key, or of the operator's own; null: there is neither. */
  readonly initialKeyHash: string | null;
  /** Sign and check browser tokens. */
  readonly tokenSecrets: TokenSecrets;
}

interface Folder {
  /** Returns the secret of this name, and makes it if there is none. */
  keep(name: string, make: () => string): Promise<string>;
  forget(name: string): Promise<void>;
  /** Names the folder in the store, where keys of several folders may be. */
  readonly origin: string;
}

/**
 * Takes the keys from the settings, and makes those that are missing. The store then knows the initial key, with every
 * scope, in the tenant `default`. Rejects with `InvalidSettings` if nobody could ever use this gateway.
 *
 * 1. There is one operator's key, and one development key of each folder. Another one ends the one before.
 * 2. An operator's key ends every development key. So does a gateway that other machines can connect to.
 * 3. A key that was revoked is never taken again. A development key is then made anew.
 */
export async function prepareKeys(
  settings: Settings,
  fleet: Pick<FleetKeys, "ensureApiKey" | "endInitialKeys">,
  { isEphemeral }: { readonly isEphemeral: boolean },
): Promise<Keys> {
  const folder = isEphemeral ? noFolder() : dataFolder(settings);
  const jwtSecret =
    settings.jwtSecret ?? (await folder.keep("jwt-secret", () => randomBytes(32).toString("base64url")));
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const devKey = await prepareInitialKey(settings, fleet, folder);
  const initialKey = settings.adminKey ?? devKey;
  return {
    devKey,
    initialKeyHash: initialKey === null ? null : apiKeyHash(initialKey),
    tokenSecrets: tokenSecrets(bytes(jwtSecret), settings.formerJwtSecrets.map(bytes)),
  };
}

/** Returns the development key, or null where there is none. */
async function prepareInitialKey(
  { adminKey, host }: Settings,
  fleet: Pick<FleetKeys, "ensureApiKey" | "endInitialKeys">,
  folder: Folder,
): Promise<string | null> {
  const initial = { tenantName: "default", scopes: SCOPES };
  if (adminKey !== null) {
    const keyHash = apiKeyHash(adminKey);
    const ends = [OPERATOR, DEVELOPMENT]; // 1. and 2.
    const { isRevoked } = await fleet.ensureApiKey({ ...initial, name: "operator", keyHash, origin: OPERATOR, ends });
    if (!isRevoked) return null;
    // 3.
    throw new InvalidSettings(
      "HSAFA_ADMIN_KEY was revoked, or replaced by another one, and is never taken again; make one with 'openssl rand -hex 32'.",
    );
  }
  if (!isLoopback(host)) {
    const { isKeyLeft } = await fleet.endInitialKeys({ ends: [DEVELOPMENT] }); // 2.
    if (isKeyLeft) return null;
    throw new InvalidSettings(
      `HSAFA_ADMIN_KEY is required: HOST (${host}) is not loopback, and there is no API key with which anybody could use this gateway. Make one with 'openssl rand -hex 32'.`,
    );
  }
  const { origin } = folder;
  for (;;) {
    const devKey = await folder.keep("key", newApiKey);
    const made = { ...initial, name: "dev", keyHash: apiKeyHash(devKey), origin, ends: [origin] }; // 1.
    if (!(await fleet.ensureApiKey(made)).isRevoked) return devKey;
    await folder.forget("key"); // 3.
  }
}

const OPERATOR = "operator";
const DEVELOPMENT = "development";

function dataFolder({ dataDir, databaseUrl }: Settings): Folder {
  // The embedded database lies in this very folder.
  const place = createHash("sha256")
    .update(`${hostname()}\n${resolve(dataDir)}`)
    .digest("hex")
    .slice(0, 16);
  return {
    async keep(name, make) {
      await prepareDataFolder(dataDir);
      return persistedSecret({ path: join(dataDir, name), make });
    },
    forget: (name) => rm(join(dataDir, name), { force: true }),
    origin: databaseUrl === null ? DEVELOPMENT : `${DEVELOPMENT}:${place}`,
  };
}

/** What is made is gone with the process. */
function noFolder(): Folder {
  return {
    keep: (_name, make) => Promise.resolve(make()),
    forget: () => Promise.resolve(),
    origin: `${DEVELOPMENT}:${randomUUID()}`,
  };
}

/**
 * Tells the commands of this folder where its gateway listens. They send the development key nowhere else. Of several
 * gateways that share a folder, the last one that started is named. Resolves with what takes that back.
 */
export async function announceGateway(
  settings: Settings,
  { devKey, isEphemeral, url }: { readonly devKey: string | null; readonly isEphemeral: boolean; readonly url: string },
): Promise<() => Promise<void>> {
  // Without a development key and with a database elsewhere, there may be no folder.
  if (isEphemeral || (devKey === null && settings.databaseUrl !== null)) return async () => {};
  return keepLine(join(settings.dataDir, "url"), url);
}
