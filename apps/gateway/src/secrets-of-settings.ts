import type { Settings } from "./config.ts";

/** The values of the settings that nothing may tell. */
interface SettingSecrets {
  /** Made for machines, so that no innocent text holds one. */
  readonly keys: readonly string[];
  /** Of addresses. One may be a common word. */
  readonly passwords: readonly string[];
}

/** Returns the keys of the settings, and the passwords in their addresses. */
export function secretsOfSettings(settings: Settings): SettingSecrets {
  const { adminKey, jwtSecret, databaseUrl, redisUrl, proxies, providers, secrets, s3 } = settings;
  const { openai, anthropic, google, xai, openaiCompatible } = providers;
  const access = [openai, anthropic, google, xai, openaiCompatible].filter((one) => one !== undefined);
  const made = [adminKey, jwtSecret, s3?.secretAccessKey, ...access.map(({ apiKey }) => apiKey)];
  const addresses = [databaseUrl, redisUrl, proxies.http, proxies.https, ...access.map(({ baseUrl }) => baseUrl)];
  const given = (texts: readonly (string | null | undefined)[]): string[] =>
    texts.filter((text) => typeof text === "string");
  return {
    keys: [...given(made), ...secrets.masterKeys, ...Object.values(secrets.environment)],
    passwords: given(addresses).flatMap(passwordsOf),
  };
}

/**
 * An address of Postgres may name several hosts, and is then no URL. So the text is read. A password that is the name
 * of its user hides nothing, and may be a common word such as `postgres`.
 */
function passwordsOf(address: string): string[] {
  const [, user, ofUser] = /^[^/?#]*\/\/([^/?#@:]*):([^/?#@]*)@/.exec(address) ?? [];
  const [, ofQuery] = /[?&]password=([^&#]*)/.exec(address) ?? [];
  const found = [ofUser, ofQuery].filter((text) => text !== undefined && text !== user);
  return found.flatMap((text = "") => [text, decoded(text)]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
