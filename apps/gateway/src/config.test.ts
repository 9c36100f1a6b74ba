import { describe, expect, test } from "vitest";
import { InvalidSettings, readSettings } from "./config.ts";
import { type Setting, settingsTable } from "./settings-table.ts";

function faultsOf(env: Record<string, string>): string {
  try {
    readSettings(env);
    return "";
  } catch (error) {
    if (error instanceof InvalidSettings) return error.message;
    throw error;
  }
}

test("nothing set, or set to nothing, is the embedded default", () => {
  const settings = {
    host: "127.0.0.1",
    port: 3001,
    databaseUrl: null,
    redisUrl: null,
    dataDir: ".hsafa",
    adminKey: null,
    jwtSecret: null,
    leaseMs: 6000,
    allowedOrigins: [],
  };
  expect(readSettings({})).toMatchObject(settings);
  expect(readSettings({ PORT: "", DATABASE_URL: " ", HSAFA_ADMIN_KEY: "", HSAFA_ALLOWED_ORIGINS: "" })).toMatchObject(
    settings,
  );
});

test("a tenant has quotas by default, and what is set is read, 0 and what a double counts exactly included", () => {
  expect(Object.values(readSettings({}).quotas).every((limit) => limit > 10_000)).toBe(true);
  const { quotas } = readSettings({
    HSAFA_QUOTA_ACTIVE_RUNS: "1",
    HSAFA_QUOTA_QUEUED_RUNS: "2",
    HSAFA_QUOTA_DEVICES: "0",
    HSAFA_QUOTA_THREADS: "4",
    HSAFA_QUOTA_AGENT_VERSIONS: "5",
    HSAFA_QUOTA_STORED_BYTES: "9007199254740991",
    HSAFA_QUOTA_TOKENS_PER_DAY: "7",
  });
  expect(quotas).toEqual({
    activeRuns: 1,
    queuedRuns: 2,
    devices: 0,
    threads: 4,
    agentVersions: 5,
    storedBytes: Number.MAX_SAFE_INTEGER,
    tokensPerDay: 7,
  });
  expect(faultsOf({ HSAFA_QUOTA_DEVICES: "-1" })).toContain("HSAFA_QUOTA_DEVICES");
});

test("the table of prices is handed on as it is", () => {
  expect(readSettings({}).modelPrices).toBeNull();
  expect(readSettings({ HSAFA_MODEL_PRICES: "prices.json" }).modelPrices).toBe("prices.json");
});

test("the metrics have a port of their own only if it is set, and never that of all calls", () => {
  expect(readSettings({}).metricsPort).toBeNull();
  expect(readSettings({ HSAFA_METRICS_PORT: "9100", PORT: "3001" }).metricsPort).toBe(9100);
  expect(readSettings({ HSAFA_METRICS_PORT: "0", PORT: "0" }).metricsPort).toBe(0);
  for (const [metrics, port] of [
    ["3001", "3001"],
    ["3001", ""],
    ["70000", "3001"],
    ["x", "3001"],
  ]) {
    expect(() => readSettings({ HSAFA_METRICS_PORT: metrics, PORT: port })).toThrow(/HSAFA_METRICS_PORT/);
  }
});

test("everything set is read", () => {
  const read = readSettings({
    HOST: "0.0.0.0",
    PORT: "0",
    DATABASE_URL: "postgres://u:p@db/hsafa",
    REDIS_URL: "rediss://cache",
    HSAFA_DATA_DIR: "/var/lib/hsafa",
    HSAFA_ADMIN_KEY: "Zq8rT2mVx5Lw9Kd3Hs7Jb4Nc6Pf1Gy0A",
    HSAFA_JWT_SECRET: "4f1c9b7e02d8a365c1e09f7b3d52a8e6",
    HSAFA_LEASE_MS: "1000",
    HSAFA_ALLOWED_ORIGINS: "https://a.example, http://localhost:5173",
    OPENAI_API_KEY: "k",
    OPENAI_COMPATIBLE_BASE_URL: "http://127.0.0.1:11434/v1",
  });
  expect(read).toMatchObject({
    port: 0,
    leaseMs: 1000,
    allowedOrigins: ["https://a.example", "http://localhost:5173"],
    providers: { openai: { apiKey: "k" }, openaiCompatible: { baseUrl: "http://127.0.0.1:11434/v1" } },
  });
});

describe("what cannot work is told by its variable, all at once", () => {
  test("all at once", () => {
    const message = faultsOf({
      HOST: "0.0.0.0",
      PORT: "70000",
      HSAFA_LEASE_MS: "1",
      HSAFA_ADMIN_KEY: "short",
      DATABASE_URL: "mysql://x",
    });
    for (const name of ["HSAFA_JWT_SECRET", "PORT", "HSAFA_LEASE_MS", "HSAFA_ADMIN_KEY", "DATABASE_URL"]) {
      expect(message).toContain(name);
    }
  });

  test.each(["HSAFA_ADMIN_KEY", "HSAFA_JWT_SECRET"])(
    "a %s that is easy to guess does not serve other machines, and does on loopback",
    (name) => {
      const env = {
        HSAFA_ADMIN_KEY: "Zq8rT2mVx5Lw9Kd3Hs7Jb4Nc6Pf1Gy0A",
        HSAFA_JWT_SECRET: "4f1c9b7e02d8a365c1e09f7b3d52a8e6",
        [name]: "a".repeat(40),
      };
      expect(faultsOf({ ...env, HOST: "0.0.0.0" })).toMatch(new RegExp(`^- ${name} is easy to guess`, "m"));
      expect(faultsOf({ ...env, HOST: "0.0.0.0" })).toContain("openssl rand -hex 32");
      expect(readSettings(env)).toMatchObject({ host: "127.0.0.1" });
    },
  );

  test.each([
    ["PORT", "3001x"],
    ["PORT", "-1"],
    ["HSAFA_LEASE_MS", "6s"],
    ["REDIS_URL", "http://cache"],
    ["HSAFA_JWT_SECRET", "short"],
    ["HSAFA_ADMIN_KEY", `${"a".repeat(20)}.${"b".repeat(20)}`],
    ["HSAFA_ALLOWED_ORIGINS", "*"],
    ["HSAFA_ALLOWED_ORIGINS", "https://a.example/path"],
    ["OPENAI_COMPATIBLE_BASE_URL", "localhost"],
    ["OPENAI_COMPATIBLE_STREAM_OPTIONS", "sometimes"],
    ["HTTPS_PROXY", "socks5://proxy:1080"],
    ["HSAFA_TENANT_REQUESTS_PER_S", "0"],
    ["HSAFA_TRUST_PROXY", "10.0.0.0/33"],
    ["HSAFA_TRUST_PROXY", "true"],
    ["HTTP_PROXY", "http://"],
    ["HSAFA_OUTBOUND_ALLOW", "10.0.0.0/33"],
    ["HSAFA_OUTBOUND_ALLOW", "http://127.0.0.1:8080"],
    ["HSAFA_OUTBOUND_ALLOW", "10.0"],
    ["HSAFA_SECRETS_KEY", "short"],
    ["HSAFA_SECRETS_KEY", `${"long-enough".repeat(3)},short`],
    ["HSAFA_OUTBOUND_ALLOW", "none, 10.0.0.1/x"],
    ["HSAFA_END_WITH_PARENT", "yes"],
  ])("%s=%s", (name, value) => {
    expect(faultsOf({ [name]: value })).toContain(name);
  });

  test.each([
    "redis-sentinel://:hunter2@one:26379/mymaster",
    "redis+sentinel://one:26379",
    "rediss+sentinel://one:26379",
    "redis-cluster://one:6379",
    "redis+cluster://one:6379",
    "redis://:hunter2@one:6379,two:6379",
  ])("REDIS_URL=%s, a Sentinel or a Cluster, with the cure", (value) => {
    const message = faultsOf({ REDIS_URL: value });
    expect(message).toMatch(/REDIS_URL.*Sentinel or Cluster.*proxy/);
    expect(message).not.toContain("hunter2");
  });

  test("a password is never repeated", () => {
    expect(faultsOf({ DATABASE_URL: "mysql://u:hunter2@db" })).not.toContain("hunter2");
  });
});

test.each(["127.0.0.1", "127.1.2.3", "localhost", "::1"])("on %s no secret is asked for", (host) => {
  expect(readSettings({ HOST: host }).jwtSecret).toBeNull();
});

test("the table lists exactly the variables that a gateway reads", () => {
  const read = new Set<string>();
  readSettings(
    new Proxy<Record<string, string>>(
      {},
      {
        get(_env, name) {
          // The proxies' names may be lower case.
          read.add(String(name).replace(/^\w+_proxy$/, (lower) => lower.toUpperCase()));
          return undefined;
        },
      },
    ),
  );
  const listed = Object.entries<Setting>(settingsTable).filter(([, { readBy }]) => readBy.includes("gateway"));
  expect([...read].toSorted()).toEqual(listed.map(([name]) => name).toSorted());
});

test("proxies are taken from names of either case, with or without a scheme", () => {
  const lower = {
    http_proxy: "one:3128",
    HTTP_PROXY: "http://two:1",
    https_proxy: "",
    HTTPS_PROXY: "https://u:p@s:8443",
  };
  expect(readSettings({ ...lower, no_proxy: "localhost, .internal 10.0.0.0/8" }).proxies).toEqual({
    http: "http://one:3128",
    https: "https://u:p@s:8443",
    except: ["localhost", ".internal", "10.0.0.0/8"],
  });
});

test("the gateway ends with its parent if a person says so, or npm started it", () => {
  expect(readSettings({}).endsWithParent).toBe("never");
  expect(readSettings({ npm_execpath: "/npm" }).endsWithParent).toBe("with_npm");
  expect(readSettings({ npm_execpath: "/npm", HSAFA_END_WITH_PARENT: "false" }).endsWithParent).toBe("never");
  expect(readSettings({ HSAFA_END_WITH_PARENT: "true" }).endsWithParent).toBe("always");
});

test.each<[string, readonly string[] | null]>([
  ["", null],
  ["none", []],
  ["*", ["*"]],
  [
    "tools.internal, .corp 10.0.0.0/8,127.0.0.1:8080 [::1]:80 fd00::/8",
    ["tools.internal", ".corp", "10.0.0.0/8", "127.0.0.1:8080", "[::1]:80", "fd00::/8"],
  ],
])("what tools may reach is read from '%s'", (value, allowed) => {
  expect(readSettings({ HSAFA_OUTBOUND_ALLOW: value }).outboundAllow).toEqual(allowed);
});

test("a bucket is read with all that it needs, and each lack is named", () => {
  const bucket = { HSAFA_S3_BUCKET: "hsafa-files", HSAFA_S3_ENDPOINT: "https://s3.example.com" };
  const key = { HSAFA_S3_ACCESS_KEY_ID: "id", HSAFA_S3_SECRET_ACCESS_KEY: "key" };
  expect(readSettings({}).s3).toBeNull();
  expect(readSettings({ ...bucket, ...key }).s3).toEqual({
    bucket: "hsafa-files",
    endpoint: "https://s3.example.com",
    region: "us-east-1",
    accessKeyId: "id",
    secretAccessKey: "key",
  });
  expect(readSettings({ ...bucket, ...key, HSAFA_S3_REGION: "eu-central-1" }).s3?.region).toBe("eu-central-1");
  const faults = faultsOf({ HSAFA_S3_BUCKET: "Not A Bucket" });
  for (const name of ["BUCKET", "ENDPOINT", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"])
    expect(faults).toContain(`HSAFA_S3_${name} `);
  expect(faultsOf({ ...bucket, ...key, HSAFA_S3_ENDPOINT: "s3.example.com" })).toContain("HSAFA_S3_ENDPOINT");
});

test("secrets of tools are read from every variable of their form, and of several keys the order stays", () => {
  const keys = ["the-new-key-of-this-test-0123456789", "the-old-key-of-this-test-0123456789"];
  const env = { HSAFA_SECRETS_KEY: keys.join(", "), HSAFA_SECRET_CRM: "a", HSAFA_SECRET_: "b", HSAFA_SECRET_MAIL: "" };
  expect(readSettings(env).secrets).toEqual({ masterKeys: keys, folder: null, environment: { CRM: "a" } });
  expect(readSettings({ HSAFA_SECRETS_DIR: "/run/secrets" }).secrets.folder).toBe("/run/secrets");
});
