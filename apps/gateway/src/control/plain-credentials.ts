import type { ConfigWarning, JsonObject, JsonValue } from "@hsafa/protocol";
import { isCredentialName } from "../core/is-credential-name.ts";
import { withoutKeys } from "../core/redact-secrets.ts";
import type { ValidationFault } from "../access/schema-faults.ts";

/** Stands for a credential in a config that is shown. */
const MASK = "***";
const MASK_IN_URL = /\*\*\*@|=\*\*\*(?:[&#]|$)/;

/** Headers whose values anybody may read. A header that is not listed is taken for a credential when it is shown. */
const HARMLESS_HEADER = /^(accept(-[a-z]+)?|cache-control|content-[a-z]+|idempotency-key|user-agent)$/i;

/** A text in a config that is a credential, or holds one. */
export interface Found {
  readonly path: string;
  readonly text: string;
  /** The text as it is shown. */
  readonly masked: string;
  /** Whether it is a credential by its name or its form, and not only a header that may be one. */
  readonly isCertain: boolean;
}

/** Returns a warning for each credential of a config that it holds in clear. */
export function plainCredentials(found: readonly Found[]): readonly ConfigWarning[] {
  return found.filter(({ isCertain }) => isCertain).map(({ path }) => ({ path: `config.${path}`, message: ADVICE }));
}

const ADVICE =
  'holds a credential in clear, which stays in the database; set it as a secret, and write {"secret": "<name>"} here';

/** Returns a fault for each mask among them: the config was read from a gateway, and what it hid is not there. */
export function masksAmong(found: readonly Found[]): readonly ValidationFault[] {
  return found
    .filter(({ text, masked }) => text === masked)
    .map(({ path }) => ({ path: `config.${path}`, message: "is a mask; write the credential, or refer to a secret" }));
}

/** Returns the config as it is shown: its credentials are masked, and references to secrets stay. */
export function maskCredentials(config: JsonObject): JsonObject {
  const masks = new Map(credentialsIn(config).map(({ path, masked }) => [path, masked]));
  return masks.size === 0 ? config : (withTexts(config, "", masks) as JsonObject);
}

function withTexts(value: JsonValue, path: string, texts: ReadonlyMap<string, string>): JsonValue {
  if (typeof value === "string") return texts.get(path) ?? value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item, index) => withTexts(item, pathOf(path, index), texts));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, withTexts(item, pathOf(path, name), texts)]),
  );
}

/** Returns the credentials in a config. Each of its names is looked at once, which takes a while where it has many. */
export function credentialsIn(config: JsonObject): Found[] {
  const tools = Array.isArray(config.tools) ? config.tools : [];
  const settings = objectOf(config.settings);
  return [
    ...tools.flatMap((tool, index) => ofServer(objectOf(objectOf(tool).server), `tools.${index}.server`)),
    ...namedIn(objectOf(settings.providerOptions), "settings.providerOptions"),
  ];
}

function ofServer({ url, headers, query, body }: JsonObject, path: string): Found[] {
  const found: Found[] = [];
  if (typeof url === "string") {
    const masked = maskedUrl(url);
    if (masked !== url || MASK_IN_URL.test(url))
      found.push({ path: `${path}.url`, text: url, masked, isCertain: true });
  }
  for (const [name, text] of Object.entries(objectOf(headers))) {
    if (typeof text !== "string" || HARMLESS_HEADER.test(name)) continue;
    found.push({ path: pathOf(`${path}.headers`, name), text, masked: MASK, isCertain: isCredential(name, text) });
  }
  for (const [place, fixed] of Object.entries({ query, body })) {
    for (const [name, text] of Object.entries(objectOf(fixed))) {
      if (typeof text !== "string" || !(isCredential(name, text) || text === MASK)) continue;
      found.push({ path: pathOf(`${path}.${place}`, name), text, masked: MASK, isCertain: true });
    }
  }
  return found;
}

/** The texts in a value, however deep, whose names are those of credentials. Paths are made for these alone. */
function namedIn(value: JsonObject, path: string): Found[] {
  const found: Found[] = [];
  const names: string[] = [];
  const walk = (within: JsonValue | undefined): void => {
    if (typeof within !== "object" || within === null) return;
    const fields = within as Readonly<Record<string, JsonValue>>;
    // `Object.entries` takes three times as long where there are many names.
    for (const name of Object.keys(fields)) {
      const item = fields[name];
      names.push(name);
      if (typeof item !== "string") walk(item);
      else if (isCredentialName(name))
        found.push({ path: names.reduce(pathOf, path), text: item, masked: MASK, isCertain: true });
      names.pop();
    }
  };
  walk(value);
  return found;
}

/** The user and password of a URL, and the credentials in its query. A placeholder is none. */
function maskedUrl(url: string): string {
  const [address = "", ...fragments] = url.split("#");
  const [place = "", ...queries] = address.split("?");
  const query = queries
    .join("?")
    .replaceAll(/([^&=]+)=([^&{}]+)(?=&|$)/g, (pair, name: string) =>
      isCredentialName(decoded(name)) ? `${name}=${MASK}` : pair,
    );
  const masked = place.replace(/^([^/]*\/\/)[^/]*@/, `$1${MASK}@`);
  return [queries.length === 0 ? masked : `${masked}?${query}`, ...fragments].join("#");
}

function isCredential(name: string, text: string): boolean {
  return isCredentialName(name) || withoutKeys(text) !== text;
}

/** A name may hold dots, so each name is quoted in which one stands. */
function pathOf(path: string, name: string | number): string {
  const shown = String(name).includes(".") ? JSON.stringify(name) : String(name);
  return path === "" ? shown : `${path}.${shown}`;
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
