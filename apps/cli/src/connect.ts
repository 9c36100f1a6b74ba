import { type Client, createClient } from "@hsafa/client";
import { createFiles, type Files } from "@hsafa/client/files";
import { createOperator, type Operator } from "@hsafa/client/operator";
import { readCliSettings } from "./config.ts";
import { CliError } from "./cli-error.ts";
import { own } from "./shown.ts";

/** Returns a client for the gateway and the key of the settings. Throws `CliError` if there is no key. */
export function connect(): Client {
  const { url } = readCliSettings();
  return createClient({ url, token: requireKey() });
}

/** Returns the calls of operators, for the same gateway and key. Throws as `connect` does. */
export function connectOperator(): Operator {
  const { url } = readCliSettings();
  return createOperator({ url, token: requireKey() });
}

/** Returns the calls about files, for the same gateway and key. Throws as `connect` does. */
export function connectFiles(): Files {
  const { url } = readCliSettings();
  return createFiles({ url, token: requireKey() });
}

/** Returns the key of the settings. If there is none for this URL, throws a `CliError` that says how to get one. */
export function requireKey(): string {
  const { key, url, dataDir } = readCliSettings();
  if (key.kind === "given") return key.apiKey;
  const running = key.kind === "elsewhere" ? key.gatewayUrl : null;
  if (running !== null) {
    throw new CliError(
      own`The key in ${dataDir} is for the gateway at ${running} alone, and not for ${url}.\nSet HSAFA_URL=${running}, or set HSAFA_API_KEY to a key of the other one.`,
    );
  }
  if (key.kind === "elsewhere") {
    throw new CliError(
      own`No gateway of ${dataDir} runs now, and its key is for no other.\nStart it with 'npx hsafa dev', or set HSAFA_API_KEY.`,
    );
  }
  throw new CliError(
    own`There is no API key: HSAFA_API_KEY is not set, and ${dataDir} holds none.\nStart a gateway here with 'npx hsafa dev', which makes one, or set HSAFA_API_KEY.`,
  );
}
