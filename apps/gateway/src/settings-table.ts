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
  /** Bits by which a secret must surprise, as `secretBits` estimates. A random one has about twice as many. */
  readonly bitsMin?: number;
  readonly readBy: readonly SettingsReader[];
}

const gateway = ["gateway"] as const;
const commands = ["commands"] as const;
const quota = { min: 0, max: Number.MAX_SAFE_INTEGER, readBy: gateway } as const;

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
    meaning:
      "an operator's own key with every scope in the tenant `default`: the first key of a fleet; another one ends it; the same on every gateway",
    unset: "on loopback, a development key is made and kept in the data folder",
    charactersMin: 32,
    bitsMin: 56,
    readBy: gateway,
  },
  HSAFA_JWT_SECRET: {
    meaning:
      "signs browser tokens; required, and checked to be hard to guess, when `HOST` is not loopback; the same on every gateway",
    unset: "one is made and kept in the data folder",
    charactersMin: 32,
    bitsMin: 56,
    readBy: gateway,
  },
  HSAFA_JWT_SECRETS_OLD: {
    meaning:
      "former values of `HSAFA_JWT_SECRET`, separated by commas: their tokens are taken until they expire, at most 24 h; the same on every gateway",
    unset: "tokens of other secrets are refused",
    charactersMin: 32,
    bitsMin: 56,
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
  HSAFA_ALLOWED_HOSTS: {
    meaning:
      "names under which requests may reach the gateway (their `Host`, without a port), separated by commas; others get 403",
    unset: "on loopback `localhost` and its addresses, else any name",
    readBy: gateway,
  },
  HSAFA_METRICS_KEY: {
    meaning: "what a reader of `/metrics` must send as `Authorization: Bearer`",
    unset: "anybody reads them",
    charactersMin: 32,
    bitsMin: 56,
    readBy: gateway,
  },
  HSAFA_METRICS_PORT: {
    meaning: "port on which `/metrics` is served, at the address of `HOST`, in place of `PORT`; `0` is any free port",
    unset: "`/metrics` is served on `PORT`",
    min: 0,
    max: 65_535,
    readBy: gateway,
  },
  HSAFA_DEMO_MODELS: {
    meaning: "`on`: agents may have models of the provider `demo`, which cost no key and run here; `off`: they may not",
    unset: "`on` on loopback, else `off`",
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
    default: 200,
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
  HSAFA_QUOTA_ACTIVE_RUNS: {
    meaning:
      "runs of one tenant that have not ended, over all gateways; beyond: 429 `quota_exceeded`; an operator sets it for a tenant by `PUT /api/quotas`",
    default: 5_000_000,
    ...quota,
  },
  HSAFA_QUOTA_QUEUED_RUNS: { meaning: "those of them that have not begun", default: 1_000_000, ...quota },
  HSAFA_QUOTA_DEVICES: { meaning: "the same for devices, connected or not", default: 100_000, ...quota },
  HSAFA_QUOTA_THREADS: { meaning: "the same for threads", default: 50_000_000, ...quota },
  HSAFA_QUOTA_AGENT_VERSIONS: { meaning: "the same for versions of all agents", default: 100_000, ...quota },
  HSAFA_QUOTA_STORED_BYTES: {
    meaning: "the same for bytes of events, configs, tools of devices, metadata, files and audit entries",
    default: 1024 ** 4,
    ...quota,
  },
  HSAFA_QUOTA_TOKENS_PER_DAY: {
    meaning: "the same for tokens that models report in a day (UTC); a run whose next step finds none left fails",
    default: 10_000_000_000,
    ...quota,
  },
  HSAFA_MODEL_PRICES: {
    meaning:
      'what models cost, in US dollars per million tokens: JSON such as `{"openai/gpt-5-mini": {"input": 0.25, "output": 2, "cachedInput": 0.025}}`, or the path of a file with it; the same on every gateway',
    unset: "no cost is recorded, and no run may have the limit `costUsd`",
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
  HSAFA_OUTBOUND_ALLOW: {
    meaning:
      "what HTTP tools, and files of messages at an address, may reach outside of the public internet: `none`, or a list in the form of `NO_PROXY` (`tools.internal, 10.0.0.0/8, 127.0.0.1:8080`)",
    unset: "`none` with `hsafa start`; loopback with `hsafa dev`, and where a program starts a gateway on loopback",
    readBy: gateway,
  },
  HSAFA_SECRETS_KEY: {
    meaning:
      "seals the secrets that are set over the API; the same on every gateway; several separated by commas: the first seals, all open",
    unset: "one is made and kept in the data folder; with `DATABASE_URL` no secrets can be set",
    charactersMin: 32,
    bitsMin: 56,
    readBy: gateway,
  },
  HSAFA_SECRETS_DIR: {
    meaning:
      "folder with secrets of the tenant `default`, a file each, as Docker and Kubernetes mount them; `HSAFA_SECRET_<NAME>` in the environment is a secret likewise",
    unset: "none",
    readBy: gateway,
  },
  HSAFA_WORKERS: {
    meaning:
      "processes that serve the port: a number, or `auto` for one on each core; more than one needs `DATABASE_URL` and `REDIS_URL`, and each has the places, rates and connections of a gateway",
    default: 1,
    min: 1,
    max: 64,
    readBy: gateway,
  },
  HSAFA_S3_BUCKET: {
    meaning: "bucket of a service that speaks S3, where files are kept; the same on every gateway",
    unset: "files are kept in the database",
    readBy: gateway,
  },
  HSAFA_S3_ENDPOINT: {
    meaning: "address of that service, such as `https://s3.eu-central-1.amazonaws.com`; required with a bucket",
    unset: "none",
    readBy: gateway,
  },
  HSAFA_S3_REGION: { meaning: "region of the bucket", default: "us-east-1", readBy: gateway },
  HSAFA_S3_ACCESS_KEY_ID: {
    meaning: "names the key to the bucket, which may read, write and delete objects; required with a bucket",
    unset: "none",
    readBy: gateway,
  },
  HSAFA_S3_SECRET_ACCESS_KEY: { meaning: "that key; required with a bucket", unset: "none", readBy: gateway },
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
  HSAFA_URL: {
    meaning: "gateway that commands talk to; unset, the one that runs with the data folder goes first",
    default: "http://127.0.0.1:3001",
    readBy: commands,
  },
  HSAFA_API_KEY: {
    meaning: "key that commands use",
    unset: "the development key in the data folder, for the gateway alone that made it",
    readBy: commands,
  },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof settingsTable;
