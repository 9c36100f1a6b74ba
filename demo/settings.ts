import { parseArgs } from "node:util";

/** The settings of the demo. No other file of the demo reads the environment. */
export interface DemoSettings {
  /** `demo/script`, or the real model that was asked for. */
  readonly model: string;
  /** Null: the demo starts a gateway in a process of its own. */
  readonly running: { readonly url: string; readonly apiKey: string } | null;
  /** The environment of the processes that the demo starts. It holds nothing that leads to somebody's data. */
  readonly childEnv: Readonly<Record<string, string | undefined>>;
}

export const SCRIPTED_MODEL = "demo/script";

const KEY_OF_PROVIDER: Readonly<Record<string, string>> = {
  openai: "OPENAI_API_KEY",
  anthropic: "ANTHROPIC_API_KEY",
  google: "GOOGLE_GENERATIVE_AI_API_KEY",
  xai: "XAI_API_KEY",
  "openai-compatible": "OPENAI_COMPATIBLE_BASE_URL",
};

const USAGE = `npm run demo                                 with a scripted model: needs no key and no network
npm run demo -- --model openai/gpt-5-mini    with a real model: needs its provider's key in the environment
npm run demo -- --url http://127.0.0.1:3001  against a gateway that runs already, with HSAFA_API_KEY`;

/** Reads arguments and environment. Returns a text that says what is wrong, if anything is. */
export function readDemoSettings(): DemoSettings | string {
  const { env } = process;
  let given: { model?: string; url?: string };
  try {
    given = parseArgs({ options: { model: { type: "string" }, url: { type: "string" } } }).values;
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`;
  }
  const { model = SCRIPTED_MODEL, url } = given;
  const provider = model.split("/")[0] ?? "";
  if (model !== SCRIPTED_MODEL) {
    const keyName = KEY_OF_PROVIDER[provider];
    if (keyName === undefined) {
      return `'${model}' names no model this can be played with: write <provider>/<model>, with provider ${Object.keys(KEY_OF_PROVIDER).join(", ")}.`;
    }
    // A running gateway has its own provider keys.
    if (url === undefined && !env[keyName]) return `${model} needs ${keyName} in the environment.`;
  }
  const {
    DATABASE_URL: _1,
    REDIS_URL: _2,
    HSAFA_ADMIN_KEY: _3,
    HSAFA_JWT_SECRET: _4,
    HSAFA_JWT_SECRETS_OLD: _8,
    HSAFA_DEMO_MODELS: _9,
    HSAFA_ALLOWED_HOSTS: _10,
    HSAFA_LEASE_MS: _5,
    HSAFA_SECRETS_KEY: _6,
    HSAFA_SECRETS_DIR: _7,
    HSAFA_S3_BUCKET: _11,
    ...rest
  } = env;
  const harmless = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith("HSAFA_SECRET_")));
  const childEnv = { ...harmless, HOST: "127.0.0.1", NO_COLOR: "1", FORCE_COLOR: undefined };
  if (url === undefined) return { model, running: null, childEnv };
  if (!env.HSAFA_API_KEY) return `--url needs that gateway's key in HSAFA_API_KEY.`;
  return { model, running: { url, apiKey: env.HSAFA_API_KEY }, childEnv };
}
