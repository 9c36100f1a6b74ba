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

test("everything set is read", () => {
  const read = readSettings({
    HOST: "0.0.0.0",
    PORT: "0",
    DATABASE_URL: "postgres://u:p@db/hsafa",
    REDIS_URL: "rediss://cache",
    HSAFA_DATA_DIR: "/var/lib/hsafa",
    HSAFA_ADMIN_KEY: "a".repeat(32),
    HSAFA_JWT_SECRET: "b".repeat(32),
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
    ["HSAFA_END_WITH_PARENT", "yes"],
  ])("%s=%s", (name, value) => {
    expect(faultsOf({ [name]: value })).toContain(name);
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
