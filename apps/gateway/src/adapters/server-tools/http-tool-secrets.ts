import { isCredentialName } from "../../core/is-credential-name.ts";
import type { ResolvedHttpTool } from "./http-request.ts";

/** Headers that say nothing of who asks. */
export const HARMLESS_HEADERS: readonly string[] = ["accept", "content-type", "idempotency-key"];

/**
 * What no message about this tool may repeat. That is the values of its headers, the user and password of its address,
 * and what its query and its body fix. They are read from the texts, since an address may be no URL.
 */
export function httpToolSecrets(server: ResolvedHttpTool): string[] {
  const headers = Object.entries(server.headers).filter(([name]) => !HARMLESS_HEADERS.includes(name.toLowerCase()));
  return [...headers.flatMap(([, value]) => partsOf(value)), ...userOf(server.url), ...valuesOf(fixedOf(server))];
}

/**
 * What no result of this tool may repeat: its secrets, and what by its name is a credential. A result may hold the
 * other fixed values for good reasons.
 */
export function httpToolCredentials(server: ResolvedHttpTool): string[] {
  const named = <Entry extends readonly [string, string]>(entries: readonly Entry[]): Entry[] =>
    entries.filter(([name]) => isCredentialName(name));
  const headers = named(Object.entries(server.headers)).flatMap(([, value]) => partsOf(value));
  return [...headers, ...userOf(server.url), ...valuesOf(named(fixedOf(server)))];
}

/** A server may repeat the token of `Bearer <token>` alone, and the user and password that `Basic` encodes. */
function partsOf(value: string): string[] {
  const [, encoded] = /^basic\s+([\w+/=-]+)$/i.exec(value.trim()) ?? [];
  const user = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString();
  return [value, ...value.split(/\s+/), ...(user === "" ? [] : [user, user.slice(user.indexOf(":") + 1)])];
}

function userOf(url: string): string[] {
  const [, userinfo = ""] = /^[^/?#]*\/\/([^/?#]*)@/.exec(url) ?? [];
  return [userinfo, ...userinfo.split(":")].flatMap((text) => [text, decoded(text)]);
}

function fixedOf({ url, query, body }: ResolvedHttpTool): (readonly [string, string])[] {
  const text = url.includes("?") ? url.slice(url.indexOf("?")).split("#", 1)[0] : "";
  return [...new URLSearchParams(text), ...Object.entries(query), ...Object.entries(body)];
}

function valuesOf(fixed: readonly (readonly [string, string])[]): string[] {
  return fixed.map(([, value]) => value).filter((value) => !/[{}]/.test(value));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
