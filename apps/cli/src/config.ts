import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Which gateway the commands talk to, and with which key. */
export interface CliSettings {
  readonly url: string;
  /** `HSAFA_API_KEY`, else the key that `hsafa dev` wrote into the data folder; null when there is neither. */
  readonly apiKey: string | null;
  /** The folder in which `hsafa dev` keeps its data; an absolute path. */
  readonly dataDir: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The address at which `hsafa dev` listens when nothing else is said. */
export const URL_DEFAULT = "http://127.0.0.1:3001";
const DATA_DIR_DEFAULT = ".hsafa";

/** Reads the settings that the commands need. An empty variable counts as unset. */
export function readCliSettings(env: Environment = process.env): CliSettings {
  const dataDir = resolve(env.HSAFA_DATA_DIR || DATA_DIR_DEFAULT);
  return { url: env.HSAFA_URL || URL_DEFAULT, apiKey: env.HSAFA_API_KEY || keyIn(dataDir), dataDir };
}

/** The whole environment, for the commands that start a gateway. */
export function environment(): Environment {
  return process.env;
}

function keyIn(dataDir: string): string | null {
  const file = join(dataDir, "key");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : null;
}
