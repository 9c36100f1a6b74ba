import { type Client, createClient } from "@hsafa/client";
import { readCliSettings } from "./config.ts";
import { CliError } from "./cli-error.ts";

/** A client for the gateway and key of the settings. */
export function connect(): Client {
  const { url } = readCliSettings();
  return createClient({ url, token: requireKey() });
}

/** The key of the settings, or a fault that says how to come by one. */
export function requireKey(): string {
  const { apiKey, dataDir } = readCliSettings();
  if (apiKey !== null) return apiKey;
  throw new CliError(
    `There is no API key: HSAFA_API_KEY is not set, and ${dataDir} holds none.\n` +
      "Start a gateway here with 'npx hsafa dev', which makes one, or set HSAFA_API_KEY.",
  );
}
