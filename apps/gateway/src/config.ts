/** The only reader of the gateway's environment. It checks all values at once; others give them their meaning. */
import { isAddressRange, isTargetEntry } from "./is-target-entry.ts";
import { secretBits } from "./secret-bits.ts";
import { secretVariables } from "./secret-variables.ts";
import { type SettingName, settingsTable } from "./settings-table.ts";

/** Where a model provider is reached, and with which key. */
export interface ProviderAccess {
  readonly apiKey?: string;
  readonly baseUrl?: string;
}

/** Everything that a gateway takes from its environment. */
export interface Settings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Null: PGlite under the data folder. */
  readonly databaseUrl: string | null;
  /** Null: the live log is in this process. */
  readonly redisUrl: string | null;
  readonly dataDir: string;
  readonly adminKey: string | null;
  readonly jwtSecret: string | null;
  /** Their tokens are taken beside those of `jwtSecret`. */
  readonly formerJwtSecrets: readonly string[];
  /** Milliseconds. */
  readonly leaseMs: number;
  readonly allowedOrigins: readonly string[];
  /** Names under which the gateway is served; empty: as `allowedHosts` has it. */
  readonly allowedHosts: readonly string[];
  /** Null: anybody reads the metrics. */
  readonly metricsKey: string | null;
  /** Null: the metrics are on the port of all calls. */
  readonly metricsPort: number | null;
  /** Whether agents may have models of the provider `demo`. */
  readonly demoModels: boolean;
  /** Requests a second on this gateway: of one tenant, of one key or token, and of one address without either. */
  readonly rates: {
    readonly tenantPerSecond: number;
    readonly principalPerSecond: number;
    readonly addressPerSecond: number;
  };
  /** Addresses and ranges of proxies in front of the gateway, whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** What one tenant may have, over all gateways, unless an operator set otherwise. */
  readonly quotas: {
    readonly activeRuns: number;
    readonly queuedRuns: number;
    readonly devices: number;
    readonly threads: number;
    readonly agentVersions: number;
    readonly storedBytes: number;
    readonly tokensPerDay: number;
  };
  /** What models cost: JSON, or the path of a file with it; null: no price is known. */
  readonly modelPrices: string | null;
  /** The proxies of requests to models and of HTTP tools; null: none. */
  readonly proxies: { readonly http: string | null; readonly https: string | null; readonly except: readonly string[] };
  /**
   * What tools reach outside of the public internet, in the form of `NO_PROXY`; null: nothing is said. `hsafa start`
   * then allows nothing. A gateway that a program starts on loopback allows loopback.
   */
  readonly outboundAllow: readonly string[] | null;
  /** Where the secrets of tools come from, beside the store. */
  readonly secrets: {
    /** Seal what is set over the API: the first one seals, all open. */
    readonly masterKeys: readonly string[];
    readonly folder: string | null;
    /** By their names as in `HSAFA_SECRET_<NAME>`. */
    readonly environment: Readonly<Record<string, string>>;
  };
  /** Processes that serve the port; `auto`: one for each core, if the store allows it. Only `hsafa start` heeds it. */
  readonly workers: number | "auto";
  /** Where files are kept; null: in the database. */
  readonly s3: {
    readonly bucket: string;
    readonly endpoint: string;
    readonly region: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  } | null;
  /** Whether the gateway ends when its parent process does. `with_npm`: only if npm started it. */
  readonly endsWithParent: "always" | "never" | "with_npm";
  readonly providers: {
    readonly openai?: ProviderAccess;
    readonly anthropic?: ProviderAccess;
    readonly google?: ProviderAccess;
    readonly xai?: ProviderAccess;
    readonly openaiCompatible?: ProviderAccess & { readonly streamOptions?: "auto" | "never" };
  };
}

/** Some variables have values that cannot work. The message names each and says what to do. */
export class InvalidSettings extends Error {
  override readonly name = "InvalidSettings";
}

/** The settings whose values must be hard to guess. */
type SecretName =
  | "HSAFA_ADMIN_KEY"
  | "HSAFA_JWT_SECRET"
  | "HSAFA_JWT_SECRETS_OLD"
  | "HSAFA_METRICS_KEY"
  | "HSAFA_SECRETS_KEY";

/** The settings whose values are whole numbers. */
type NumberName =
  | "PORT"
  | "HSAFA_LEASE_MS"
  | "HSAFA_METRICS_PORT"
  | "HSAFA_WORKERS"
  | "HSAFA_TENANT_REQUESTS_PER_S"
  | "HSAFA_KEY_REQUESTS_PER_S"
  | "HSAFA_ADDRESS_REQUESTS_PER_S"
  | (`HSAFA_QUOTA_${string}` & SettingName);

const NEEDED_WITH_BUCKET = "is required with HSAFA_S3_BUCKET.";

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the settings of the table. An empty variable counts as unset. Throws `InvalidSettings` with every fault. */
export function readSettings(env: Environment = process.env): Settings {
  const faults: string[] = [];
  const text = (name: SettingName): string | null => env[name]?.trim() || null;
  const host = text("HOST") ?? settingsTable.HOST.default;
  const fault = (name: SettingName, must: string): void => {
    faults.push(`${name} ${must}`);
  };

  function integer(name: Exclude<NumberName, "HSAFA_METRICS_PORT">): number {
    const value = text(name);
    return value === null ? settingsTable[name].default : within(name, value);
  }

  function within(name: NumberName, value: string): number {
    const { min, max } = settingsTable[name];
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    fault(name, `must be a whole number from ${min} to ${max}, not '${value}'.`);
    return min;
  }

  function metricsPort(): number | null {
    const value = text("HSAFA_METRICS_PORT");
    const port = value === null ? null : within("HSAFA_METRICS_PORT", value);
    if (port !== null && port !== 0 && port === Number(text("PORT") ?? settingsTable.PORT.default)) {
      fault("HSAFA_METRICS_PORT", "must be another port than PORT.");
    }
    return port;
  }

  function address(name: SettingName, protocols: readonly string[]): string | null {
    const value = text(name);
    // The message leaves the value out, because it may hold a password.
    if (value !== null && !(URL.canParse(value) && protocols.includes(new URL(value).protocol))) {
      fault(name, `must be an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}.`);
    }
    return value;
  }

  /** One primary: the addresses of a Sentinel and of a Cluster name none. */
  function redisAddress(): string | null {
    const value = text("REDIS_URL");
    if (
      value !== null &&
      (/^\w[\w+.-]*(sentinel|cluster)[\w+.-]*:/.test(value) || /^[^?]*,/.test(value.replace(/^.*@/, "")))
    ) {
      fault(
        "REDIS_URL",
        "must lead to one primary; hsafa does not speak to Sentinel or Cluster. Give the address of a proxy or a service that leads to the present primary (docs/deploy/redis.md).",
      );
      return value;
    }
    return address("REDIS_URL", ["redis:", "rediss:"]);
  }

  /** The adapter reads the rest: an address of Postgres may name several hosts, and is then no URL. */
  function databaseAddress(): string | null {
    const value = text("DATABASE_URL");
    if (value !== null && !/^postgres(ql)?:\/\//.test(value)) {
      fault("DATABASE_URL", "must be an address that begins with postgres:// or postgresql://.");
    }
    return value;
  }

  /** A variable that other programs read too. By custom its name may be lower case, which wins. */
  function shared(name: "HTTP_PROXY" | "HTTPS_PROXY" | "NO_PROXY"): string | null {
    return env[name.toLowerCase()]?.trim() || text(name);
  }

  function proxy(name: "HTTP_PROXY" | "HTTPS_PROXY"): string | null {
    const value = shared(name);
    if (value === null) return null;
    const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
    if (URL.canParse(url) && ["http:", "https:"].includes(new URL(url).protocol)) return url;
    fault(name, "must be an address that begins with http:// or https://; other kinds of proxies are not spoken.");
    return null;
  }

  function trustedProxies(): readonly string[] {
    const entries = list("HSAFA_TRUST_PROXY");
    for (const entry of entries.filter((one) => !isAddressRange(one))) {
      fault("HSAFA_TRUST_PROXY", `must list addresses and ranges like '10.0.0.0/8', not '${entry}'.`);
    }
    return entries.filter(isAddressRange);
  }

  function outboundAllow(): Settings["outboundAllow"] {
    const value = text("HSAFA_OUTBOUND_ALLOW");
    if (value === null) return null;
    const entries = value === "none" ? [] : list("HSAFA_OUTBOUND_ALLOW");
    for (const entry of entries.filter((one) => !isTargetEntry(one))) {
      const example = "'tools.internal, 10.0.0.0/8, 127.0.0.1:8080'";
      fault(
        "HSAFA_OUTBOUND_ALLOW",
        `must be 'none', or list hosts, addresses and ranges like ${example}, not '${entry}'.`,
      );
    }
    return entries;
  }

  /** The values of a variable that may have several, separated by spaces or commas. */
  function list(name: SettingName): readonly string[] {
    return (text(name) ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  }

  function workers(): Settings["workers"] {
    if (text("HSAFA_WORKERS") === "auto") return "auto";
    const count = integer("HSAFA_WORKERS");
    if (count > 1 && (text("DATABASE_URL") === null || text("REDIS_URL") === null)) {
      // The embedded database, and a live log in memory, belong to one process.
      fault("HSAFA_WORKERS", "needs DATABASE_URL and REDIS_URL for more than one; set both, or 1.");
    }
    return count;
  }

  function endsWithParent(): Settings["endsWithParent"] {
    const value = text("HSAFA_END_WITH_PARENT");
    if (value === "true") return "always";
    if (value !== null && value !== "false") fault("HSAFA_END_WITH_PARENT", `must be true or false, not '${value}'.`);
    return value === null && text("npm_execpath") !== null ? "with_npm" : "never";
  }

  function secret(name: SecretName): string | null {
    const value = text(name);
    if (value !== null) checkSecret(name, value);
    return value;
  }

  function secrets(name: SecretName): readonly string[] {
    const values = list(name);
    for (const value of values) checkSecret(name, value);
    return values;
  }

  function checkSecret(name: SecretName, value: string): void {
    const { charactersMin, bitsMin } = settingsTable[name];
    if (value.length < charactersMin) {
      fault(name, `must have ${charactersMin} characters or more; make one with 'openssl rand -hex 32'.`);
    } else if (!isLoopback(host) && secretBits(value) < bitsMin) {
      const why = `is easy to guess, and HOST (${host}) lets other machines connect`;
      fault(name, `${why}; make one with 'openssl rand -hex 32'.`);
    }
  }

  function allowedHosts(): readonly string[] {
    const names = list("HSAFA_ALLOWED_HOSTS");
    for (const name of names) {
      const url = `http://${name}`;
      if (URL.canParse(url) && new URL(url).host === name.toLowerCase() && new URL(url).port === "") continue;
      fault("HSAFA_ALLOWED_HOSTS", `must list names like 'hsafa.example.com', without a port, not '${name}'.`);
    }
    return names;
  }

  function demoModels(): boolean {
    const value = text("HSAFA_DEMO_MODELS");
    if (value !== null && value !== "on" && value !== "off") {
      fault("HSAFA_DEMO_MODELS", `must be 'on' or 'off', not '${value}'.`);
    }
    return value === null ? isLoopback(host) : value === "on";
  }

  function s3(): Settings["s3"] {
    const bucket = text("HSAFA_S3_BUCKET");
    const region = text("HSAFA_S3_REGION") ?? settingsTable.HSAFA_S3_REGION.default;
    const endpoint = address("HSAFA_S3_ENDPOINT", ["https:", "http:"]);
    const accessKeyId = text("HSAFA_S3_ACCESS_KEY_ID");
    const secretAccessKey = text("HSAFA_S3_SECRET_ACCESS_KEY");
    if (bucket === null) return null;
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
      fault("HSAFA_S3_BUCKET", `must be the name of a bucket, such as 'hsafa-files', not '${bucket}'.`);
    }
    if (endpoint === null) fault("HSAFA_S3_ENDPOINT", NEEDED_WITH_BUCKET);
    if (accessKeyId === null) fault("HSAFA_S3_ACCESS_KEY_ID", NEEDED_WITH_BUCKET);
    if (secretAccessKey === null) fault("HSAFA_S3_SECRET_ACCESS_KEY", NEEDED_WITH_BUCKET);
    if (endpoint === null || accessKeyId === null || secretAccessKey === null) return null;
    return { bucket, endpoint, region, accessKeyId, secretAccessKey };
  }

  function access(keyName: SettingName, baseUrlName?: SettingName): ProviderAccess | undefined {
    const apiKey = text(keyName);
    const baseUrl = baseUrlName === undefined ? null : address(baseUrlName, ["http:", "https:"]);
    if (apiKey === null && baseUrl === null) return undefined;
    return { ...(apiKey === null ? {} : { apiKey }), ...(baseUrl === null ? {} : { baseUrl }) };
  }

  function streamOptions(): "auto" | "never" {
    const name = "OPENAI_COMPATIBLE_STREAM_OPTIONS";
    const value = text(name) ?? settingsTable[name].default;
    if (value === "auto" || value === "never") return value;
    fault(name, `must be 'auto' or 'never', not '${value}'.`);
    return "auto";
  }

  const jwtSecret = secret("HSAFA_JWT_SECRET");
  if (jwtSecret === null && !isLoopback(host)) {
    fault(
      "HSAFA_JWT_SECRET",
      `is required when HOST (${host}) is not loopback; make one with 'openssl rand -hex 32', the same for every gateway.`,
    );
  }
  const adminKey = secret("HSAFA_ADMIN_KEY");
  // A key with dots could be taken for a token.
  if (adminKey !== null && !/^[\x21-\x2d\x2f-\x7e]+$/.test(adminKey)) {
    fault("HSAFA_ADMIN_KEY", "must consist of visible ASCII characters, without spaces and dots.");
  }
  const allowedOrigins = list("HSAFA_ALLOWED_ORIGINS");
  for (const origin of allowedOrigins) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
    fault("HSAFA_ALLOWED_ORIGINS", `must list origins like 'https://app.example.com', not '${origin}'.`);
  }
  const compatible = access("OPENAI_COMPATIBLE_API_KEY", "OPENAI_COMPATIBLE_BASE_URL");
  const asksForUsage = streamOptions();
  const settings: Settings = {
    host,
    port: integer("PORT"),
    databaseUrl: databaseAddress(),
    redisUrl: redisAddress(),
    dataDir: text("HSAFA_DATA_DIR") ?? settingsTable.HSAFA_DATA_DIR.default,
    adminKey,
    jwtSecret,
    formerJwtSecrets: secrets("HSAFA_JWT_SECRETS_OLD"),
    leaseMs: integer("HSAFA_LEASE_MS"),
    allowedOrigins,
    allowedHosts: allowedHosts(),
    metricsKey: secret("HSAFA_METRICS_KEY"),
    metricsPort: metricsPort(),
    demoModels: demoModels(),
    rates: {
      tenantPerSecond: integer("HSAFA_TENANT_REQUESTS_PER_S"),
      principalPerSecond: integer("HSAFA_KEY_REQUESTS_PER_S"),
      addressPerSecond: integer("HSAFA_ADDRESS_REQUESTS_PER_S"),
    },
    trustedProxies: trustedProxies(),
    quotas: {
      activeRuns: integer("HSAFA_QUOTA_ACTIVE_RUNS"),
      queuedRuns: integer("HSAFA_QUOTA_QUEUED_RUNS"),
      devices: integer("HSAFA_QUOTA_DEVICES"),
      threads: integer("HSAFA_QUOTA_THREADS"),
      agentVersions: integer("HSAFA_QUOTA_AGENT_VERSIONS"),
      storedBytes: integer("HSAFA_QUOTA_STORED_BYTES"),
      tokensPerDay: integer("HSAFA_QUOTA_TOKENS_PER_DAY"),
    },
    modelPrices: text("HSAFA_MODEL_PRICES"),
    proxies: {
      http: proxy("HTTP_PROXY"),
      https: proxy("HTTPS_PROXY"),
      except: (shared("NO_PROXY") ?? "").split(/[\s,]+/).filter((entry) => entry !== ""),
    },
    outboundAllow: outboundAllow(),
    s3: s3(),
    secrets: {
      masterKeys: secrets("HSAFA_SECRETS_KEY"),
      folder: text("HSAFA_SECRETS_DIR"),
      environment: secretVariables(env),
    },
    workers: workers(),
    endsWithParent: endsWithParent(),
    providers: {
      openai: access("OPENAI_API_KEY"),
      anthropic: access("ANTHROPIC_API_KEY"),
      google: access("GOOGLE_GENERATIVE_AI_API_KEY"),
      xai: access("XAI_API_KEY"),
      openaiCompatible: compatible === undefined ? undefined : { ...compatible, streamOptions: asksForUsage },
    },
  };
  if (faults.length > 0)
    throw new InvalidSettings(
      `hsafa cannot start with these settings:\n${faults.map((line) => `- ${line}`).join("\n")}`,
    );
  return settings;
}

/** Returns whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
