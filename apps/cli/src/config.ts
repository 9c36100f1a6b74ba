import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** What the commands talk to, and with which key. */
export interface Settings {
  readonly url: string;
  /** From `HSAFA_API_KEY`, else the one that `hsafa dev` wrote into the data folder; null when there is neither. */
  readonly apiKey: string | null;
  /** Where `hsafa dev` keeps its data; absolute. */
  readonly dataDir: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const URL_DEFAULT = "http://127.0.0.1:3001";
const DATA_DIR_DEFAULT = ".hsafa";

/** Reads the settings of PROTOCOL.md that concern the command line. An empty variable counts as unset. */
export function readSettings(env: Environment = process.env): Settings {
  const dataDir = resolve(env.HSAFA_DATA_DIR || DATA_DIR_DEFAULT);
  return { url: env.HSAFA_URL || URL_DEFAULT, apiKey: env.HSAFA_API_KEY || keyIn(dataDir), dataDir };
}

/** Everything the environment says, for the commands that start a gateway. */
export function environment(): Environment {
  return process.env;
}

function keyIn(dataDir: string): string | null {
  const file = join(dataDir, "key");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : null;
}
