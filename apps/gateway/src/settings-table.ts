/**
 * Every environment variable that hsafa reads, in the order in which the docs list them. `config.ts` reads the
 * gateway's by this table. `npm run docs` writes the tables of README.md and PROTOCOL.md from it.
 */

export type SettingsReader = "gateway" | "commands";

/** One environment variable, as a person needs to know it. `meaning` and `unset` are Markdown. */
export interface Setting {
  readonly meaning: string;
  /** What holds while the variable is unset. A setting with a default has no need of it. */
  readonly unset?: string;
  readonly default?: string | number;
  /** The bounds of a number. */
  readonly min?: number;
  readonly max?: number;
  /** A shorter text is refused. */
  readonly charactersMin?: number;
  readonly readBy: readonly SettingsReader[];
}

const gateway = ["gateway"] as const;
const commands = ["commands"] as const;

export const settingsTable = {
  PORT: {
    meaning: "port on which the gateway listens; `0` is any free port",
    default: 3001,
    min: 0,
    max: 65_535,
    readBy: gateway,
  },
  HOST: { meaning: "address on which the gateway listens", default: "127.0.0.1", readBy: gateway },
  DATABASE_URL: { meaning: "Postgres 15 or later", unset: "PGlite in the data folder", readBy: gateway },
  REDIS_URL: {
    meaning: "Redis 7 or later, or Valkey",
    unset: "a live log in this process; a second gateway on one `DATABASE_URL` is then refused",
    readBy: gateway,
  },
  HSAFA_DATA_DIR: {
    meaning: "folder of the embedded database, of the development key and of the kept secret; one process at a time",
    default: ".hsafa",
    readBy: ["gateway", "commands"],
  },
  HSAFA_ADMIN_KEY: {
    meaning: "an operator's own key with every scope in the tenant `default`: the first key of a fleet",
    unset: "on loopback, a development key is made and kept in the data folder",
    charactersMin: 32,
    readBy: gateway,
  },
  HSAFA_JWT_SECRET: {
    meaning: "signs browser tokens; required when `HOST` is not loopback; the same on every gateway",
    unset: "one is made and kept in the data folder",
    charactersMin: 32,
    readBy: gateway,
  },
  HSAFA_LEASE_MS: {
    meaning: "how long a gateway holds a run without renewing its lease, in ms; the same on every gateway",
    default: 6000,
    min: 500,
    max: 300_000,
    readBy: gateway,
  },
  HSAFA_ALLOWED_ORIGINS: {
    meaning: "origins of browsers, for CORS and WebSocket, separated by commas",
    unset: "same origin only",
    readBy: gateway,
  },
  HSAFA_TENANT_REQUESTS_PER_S: {
    meaning:
      "requests a second that one tenant may make of this gateway; as many as for 4 s at once; beyond: 429 with `Retry-After`",
    default: 500,
    min: 1,
    max: 1_000_000,
    readBy: gateway,
  },
  HSAFA_KEY_REQUESTS_PER_S: {
    meaning: "the same for one API key, and for the browser tokens of one key that are bound alike",
    default: 250,
    min: 1,
    max: 1_000_000,
    readBy: gateway,
  },
  HSAFA_ADDRESS_REQUESTS_PER_S: {
    meaning:
      "the same for requests of one address without a valid credential; an IPv6 network of 64 bits is one address",
    default: 100,
    min: 1,
    max: 1_000_000,
    readBy: gateway,
  },
  HSAFA_TRUST_PROXY: {
    meaning:
      "addresses and ranges of proxies in front of the gateway, separated by commas, whose `X-Forwarded-For` names the client's address",
    unset: "the address of the connection counts",
    readBy: gateway,
  },
  HTTP_PROXY: {
    meaning:
      "proxy for requests to models and of HTTP tools whose address begins with `http://`; lower case too, which wins",
    unset: "none",
    readBy: gateway,
  },
  HTTPS_PROXY: {
    meaning: "the same for `https://`; the proxy tunnels (CONNECT); lower case too, which wins",
    unset: "none",
    readBy: gateway,
  },
  NO_PROXY: {
    meaning:
      "what is reached without a proxy, separated by commas: `*`, a host with those below it, an address or a range (`10.0.0.0/8`), each also with `:port`; lower case too, which wins",
    unset: "nothing",
    readBy: gateway,
  },
  HSAFA_END_WITH_PARENT: {
    meaning: "`true`: the gateway stops, as by SIGTERM, when the process that started it ends; `false`: it does not",
    unset: "`true` if npm or npx started it, else `false`",
    readBy: gateway,
  },
  npm_execpath: {
    meaning: "set by npm and npx themselves, and by programs like them: it tells that one of them started the gateway",
    unset: "nothing follows",
    readBy: gateway,
  },
  OPENAI_API_KEY: { meaning: "key of the model provider `openai`", unset: "none", readBy: gateway },
  ANTHROPIC_API_KEY: { meaning: "key of the model provider `anthropic`", unset: "none", readBy: gateway },
  GOOGLE_GENERATIVE_AI_API_KEY: { meaning: "key of the model provider `google`", unset: "none", readBy: gateway },
  XAI_API_KEY: { meaning: "key of the model provider `xai`", unset: "none", readBy: gateway },
  OPENAI_COMPATIBLE_BASE_URL: {
    meaning:
      "any server that speaks OpenAI chat completions (Ollama, vLLM, LM Studio), as provider `openai-compatible`",
    unset: "none",
    readBy: gateway,
  },
  OPENAI_COMPATIBLE_API_KEY: { meaning: "key of that server", unset: "none", readBy: gateway },
  OPENAI_COMPATIBLE_STREAM_OPTIONS: {
    meaning:
      "whether that server is asked for the usage of its streams (`stream_options`): `auto`, until it refuses that; `never`",
    default: "auto",
    readBy: gateway,
  },
  HSAFA_URL: { meaning: "gateway that commands talk to", default: "http://127.0.0.1:3001", readBy: commands },
  HSAFA_API_KEY: {
    meaning: "key that commands use",
    unset: "the development key in the data folder",
    readBy: commands,
  },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof settingsTable;
