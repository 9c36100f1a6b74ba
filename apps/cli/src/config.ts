import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";

/** Which gateway the commands talk to, and with which key. */
export interface CliSettings {
  readonly url: string;
  readonly key: CliKey;
  /** The folder in which `hsafa dev` keeps its data; an absolute path. */
  readonly dataDir: string;
}

/** The key of the settings. */
export type CliKey =
  | { readonly kind: "given"; readonly apiKey: string }
  /** The key that a gateway made for development lies in the data folder, and this URL is not that gateway's. */
  | { readonly kind: "elsewhere"; readonly gatewayUrl: string | null }
  | { readonly kind: "missing" };

type Environment = Readonly<Record<string, string | undefined>>;

/** The address at which `hsafa dev` listens when nothing else is said. */
const URL_DEFAULT = "http://127.0.0.1:3001";
const DATA_DIR_DEFAULT = ".hsafa";

/**
 * Reads the settings that the commands need. An empty variable counts as unset. Without `HSAFA_URL`, the gateway is the
 * one that runs with this data folder, whatever its port.
 */
export function readCliSettings(env: Environment = process.env): CliSettings {
  const dataDir = resolve(env.HSAFA_DATA_DIR || DATA_DIR_DEFAULT);
  const url = env.HSAFA_URL || urlIn(dataDir) || URL_DEFAULT;
  return { url, key: env.HSAFA_API_KEY ? { kind: "given", apiKey: env.HSAFA_API_KEY } : keyIn(dataDir, url), dataDir };
}

/** The option `--workers` stands for `HSAFA_WORKERS`, which the gateway in this process reads. */
export function setWorkers(count: string): void {
  process.env.HSAFA_WORKERS = count;
}

/** The whole environment, for the commands that start a gateway. */
export function environment(): Environment {
  return process.env;
}

/** What the terminal calls itself. */
export function terminalName(): string | undefined {
  return process.env.TERM;
}

/** Which gateway gets a key is said by the person, and by no file of a folder that they happen to be in. */
const OF_COMMANDS: ReadonlySet<string> = new Set(["HSAFA_URL", "HSAFA_API_KEY"]);

/**
 * Adds what the file `.env` of this folder says to the environment, for the modules of a project and for `hsafa dev`. A
 * variable that is set already keeps its value.
 */
export function loadEnvFile(file = ".env"): void {
  if (!existsSync(file)) return;
  for (const [name, value] of Object.entries(parseEnv(readFileSync(file, "utf8")))) {
    if (value !== undefined && !OF_COMMANDS.has(name)) process.env[name] ??= value;
  }
}

/** The development key is for the gateway that runs with this folder, whose address stands beside it. */
function keyIn(dataDir: string, url: string): CliKey {
  const apiKey = textOf(join(dataDir, "key"));
  if (apiKey === "") return { kind: "missing" };
  const gatewayUrl = urlIn(dataDir);
  const isIts = URL.canParse(url) && new URL(url).origin === gatewayUrl;
  return isIts ? { kind: "given", apiKey } : { kind: "elsewhere", gatewayUrl };
}

/** The address of the gateway that runs with this folder, or null. A killed one leaves its own there. */
function urlIn(dataDir: string): string | null {
  return textOf(join(dataDir, "url")) || null;
}

function textOf(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").trim() : "";
}
