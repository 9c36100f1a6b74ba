import { type Client, createClient } from "@hsafa/client";
import { readCliSettings } from "./config.ts";
import { CliError } from "./cli-error.ts";

/** Returns a client for the gateway and the key of the settings. Throws `CliError` if there is no key. */
export function connect(): Client {
  const { url } = readCliSettings();
  return createClient({ url, token: requireKey() });
}

/** Returns the key of the settings. If there is none, throws a `CliError` that says how to get one. */
export function requireKey(): string {
  const { apiKey, dataDir } = readCliSettings();
  if (apiKey !== null) return apiKey;
  throw new CliError(
    `There is no API key: HSAFA_API_KEY is not set, and ${dataDir} holds none.\n` +
      "Start a gateway here with 'npx hsafa dev', which makes one, or set HSAFA_API_KEY.",
  );
}
