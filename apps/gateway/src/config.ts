/** The only reader of the environment. What it says is checked here, all of it at once; what it means is for others. */

/** Where a model provider is reached, and with which key. */
export interface ProviderAccess {
  readonly apiKey?: string;
  readonly baseUrl?: string;
}

/** Everything a gateway is told from outside. */
export interface Settings {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Null: PGlite under the data folder. */
  readonly databaseUrl: string | null;
  /** Null: in this process. */
  readonly redisUrl: string | null;
  readonly dataDir: string;
  readonly adminKey: string | null;
  readonly jwtSecret: string | null;
  /** Milliseconds. */
  readonly leaseMs: number;
  readonly allowedOrigins: readonly string[];
  readonly providers: {
    readonly openai?: ProviderAccess;
    readonly anthropic?: ProviderAccess;
    readonly google?: ProviderAccess;
    readonly xai?: ProviderAccess;
    readonly openaiCompatible?: ProviderAccess;
  };
}

/** Variables that cannot be worked with; the message names each and says what to do. */
export class InvalidSettings extends Error {
  override readonly name = "InvalidSettings";
}

type Environment = Readonly<Record<string, string | undefined>>;

const LEASE_MIN_MS = 500;
const LEASE_MAX_MS = 300_000;
const SECRET_CHARACTERS_MIN = 32;

/**
 * Reads the settings of PROTOCOL.md; an empty variable counts as unset. Throws `InvalidSettings` with every fault there
 * is.
 */
export function readSettings(env: Environment = process.env): Settings {
  const faults: string[] = [];
  const text = (name: string): string | null => env[name]?.trim() || null;
  const fault = (name: string, must: string): void => {
    faults.push(`${name} ${must}`);
  };

  function integer(name: string, fallback: number, min: number, max: number): number {
    const value = text(name);
    if (value === null) return fallback;
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    fault(name, `must be a whole number from ${min} to ${max}, not '${value}'.`);
    return fallback;
  }

  function address(name: string, protocols: readonly string[]): string | null {
    const value = text(name);
    // The value is not told: it may hold a password.
    if (value !== null && !(URL.canParse(value) && protocols.includes(new URL(value).protocol))) {
      fault(name, `must be an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}.`);
    }
    return value;
  }

  function secret(name: string): string | null {
    const value = text(name);
    if (value !== null && value.length < SECRET_CHARACTERS_MIN) {
      fault(name, `must have ${SECRET_CHARACTERS_MIN} characters or more; make one with 'openssl rand -hex 32'.`);
    }
    return value;
  }

  function access(keyName: string, baseUrlName?: string): ProviderAccess | undefined {
    const apiKey = text(keyName);
    const baseUrl = baseUrlName === undefined ? null : address(baseUrlName, ["http:", "https:"]);
    if (apiKey === null && baseUrl === null) return undefined;
    return { ...(apiKey === null ? {} : { apiKey }), ...(baseUrl === null ? {} : { baseUrl }) };
  }

  const host = text("HOST") ?? "127.0.0.1";
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
  const allowedOrigins = (text("HSAFA_ALLOWED_ORIGINS") ?? "").split(/[\s,]+/).filter((origin) => origin !== "");
  for (const origin of allowedOrigins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      fault(
        "HSAFA_ALLOWED_ORIGINS",
        `must list origins like 'https://app.example.com', separated by commas, not '${origin}'.`,
      );
    }
  }
  const settings: Settings = {
    host,
    port: integer("PORT", 3001, 0, 65_535),
    databaseUrl: address("DATABASE_URL", ["postgres:", "postgresql:"]),
    redisUrl: address("REDIS_URL", ["redis:", "rediss:"]),
    dataDir: text("HSAFA_DATA_DIR") ?? ".hsafa",
    adminKey,
    jwtSecret,
    leaseMs: integer("HSAFA_LEASE_MS", 6000, LEASE_MIN_MS, LEASE_MAX_MS),
    allowedOrigins,
    providers: {
      openai: access("OPENAI_API_KEY"),
      anthropic: access("ANTHROPIC_API_KEY"),
      google: access("GOOGLE_GENERATIVE_AI_API_KEY"),
      xai: access("XAI_API_KEY"),
      openaiCompatible: access("OPENAI_COMPATIBLE_API_KEY", "OPENAI_COMPATIBLE_BASE_URL"),
    },
  };
  if (faults.length > 0)
    throw new InvalidSettings(
      `hsafa cannot start with these settings:\n${faults.map((line) => `- ${line}`).join("\n")}`,
    );
  return settings;
}

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
