import { describe, expect, test } from "vitest";
import { connectOptionsOf } from "./connect-options.ts";
import { parsePostgresAddress } from "./postgres-address.ts";

const parsed = parsePostgresAddress;
const ways = (url: string) => connectOptionsOf(parsed(url));
/** Whether each way to connect uses TLS, in order. */
const tlsOf = (url: string) => ways(url).map(({ ssl }) => ssl !== false);
const refusal = (url: string): string => {
  try {
    connectOptionsOf(parsed(url));
  } catch (error) {
    return String(error);
  }
  return "";
};

describe("what an address says", () => {
  test("user, password and database are read with what is percent-encoded in them", () => {
    expect(parsed("postgres://my%40user:p%2F%3A@db.example:6543/my%20db")).toMatchObject({
      user: "my@user",
      password: "p/:",
      database: "my db",
      hosts: [{ host: "db.example", port: 6543 }],
    });
    expect(parsed("postgresql://db")).toMatchObject({
      user: undefined,
      password: undefined,
      database: undefined,
      hosts: [{ host: "db", port: 5432 }],
    });
  });

  test("an at sign and a colon in a password need no encoding, and an empty password is none", () => {
    expect(parsed("postgres://u:a@b:c@db/x")).toMatchObject({ user: "u", password: "a@b:c", hosts: [{ host: "db" }] });
    expect(parsed("postgres://u:@db/x").password).toBeUndefined();
  });

  test("several hosts, IPv6 addresses and sockets are hosts", () => {
    expect(parsed("postgres://u@one:5433,two,[::1]:6000/x").hosts).toEqual([
      { host: "one", port: 5433 },
      { host: "two", port: 5432 },
      { host: "::1", port: 6000 },
    ]);
    expect(parsed("postgres://u@%2Fvar%2Frun%2Fpostgresql/x").hosts).toEqual([
      { host: "/var/run/postgresql", port: 5432 },
    ]);
    expect(parsed("postgres:///x?host=/run/pg&port=6000").hosts).toEqual([{ host: "/run/pg", port: 6000 }]);
  });

  test("URLs as Neon, Supabase, RDS and Prisma's users have them are taken as they are", () => {
    expect(
      parsed("postgresql://me:pw@ep-x-123.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require"),
    ).toMatchObject({ sslMode: "require", channelBinding: "require" });
    expect(parsed("postgres://me:pw@ep.neon.tech/db?sslmode=require&options=endpoint%3Dep-x-123")).toMatchObject({
      options: "endpoint=ep-x-123",
    });
    expect(
      parsed("postgres://postgres.ref:pw@aws-0-eu.pooler.supabase.com:6543/postgres?pgbouncer=true&connection_limit=1"),
    ).toMatchObject({ user: "postgres.ref", saysTransactionPooler: true, poolSize: 1 });
    expect(
      parsed(
        "postgres://postgres.ref:pw@aws-0-eu.pooler.supabase.com:5432/postgres?sslmode=require&supa=base-pooler.x",
      ),
    ).toMatchObject({ sslMode: "require" });
    expect(
      parsed("postgres://u:p@db.rds.amazonaws.com:5432/x?sslmode=verify-full&sslrootcert=/etc/rds.pem"),
    ).toMatchObject({ sslMode: "verify-full", sslRootCert: "/etc/rds.pem" });
    expect(parsed("postgres://u@db/x?schema=agents&connect_timeout=15&pool_timeout=30&socket_timeout=5")).toMatchObject(
      {
        schema: "agents",
        connectTimeoutMs: 15_000,
      },
    );
    expect(parsed("postgres://u@a,b/x?target_session_attrs=read-write&application_name=mine")).toMatchObject({
      applicationName: "mine",
    });
  });

  test.each([
    ["postgres://u@db/x?sslmdoe=require", "sslmdoe"],
    ["postgres://u@db/x?sslmode=on", "verify-full"],
    ["postgres://u@db/x?ssl=yes", "sslmode"],
    ["postgres://u@db/x?connection_limit=0", "connection_limit"],
    ["postgres://u@db/x?connect_timeout=soon", "seconds"],
    ["postgres://u@db/x?target_session_attrs=standby", "writes"],
    ["postgres://u@db/x?channel_binding=maybe", "channel_binding"],
    ["postgres://u@db/x?sslmode=require&sslcert=/c.pem", "sslkey"],
    ["postgres://u@db/x?sslmode=require&sslnegotiation=tls", "sslnegotiation"],
    ["postgres://u@db/x?sslnegotiation=direct", "sslmode=require"],
    ["postgres://u@db/x?sslmode=prefer&sslnegotiation=direct", "sslmode=require"],
    ["postgres://u@db:port/x", "host and port"],
    ["postgres://u@db:70000/x", "host and port"],
    ["postgres://u:p%zz@db/x", "%25"],
    ["localhost", "postgres://user:password@host:5432/name"],
    ["postgres://u@db/x?sslmode=verify-ca&sslrootcert=/nowhere.pem", "sslrootcert"],
  ])("%s is refused with what to do", (url, says) => {
    expect(refusal(url)).toContain("DATABASE_URL");
    expect(refusal(url)).toContain(says);
  });

  test("no refusal contains the password", () => {
    for (const url of ["postgres://u:geheim@db/x?nonsense=1", "postgres://u:geheim@db:x/y", "postgres://u:geheim/db"]) {
      expect(refusal(url)).not.toBe("");
      expect(refusal(url)).not.toContain("geheim");
    }
  });
});

describe("sslmode as libpq means it", () => {
  test("each mode tries encrypted and plain connections in libpq's order", () => {
    const tried = Object.fromEntries(
      ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"].map((mode) => [
        mode,
        tlsOf(`postgres://db/x?sslmode=${mode}`),
      ]),
    );
    expect(tried).toEqual({
      disable: [false],
      allow: [false, true],
      prefer: [true, false],
      require: [true],
      "verify-ca": [true],
      "verify-full": [true],
    });
  });

  test("without sslmode it is prefer, but this machine is not encrypted for", () => {
    expect(tlsOf("postgres://db/x")).toEqual([true, false]);
    for (const host of ["localhost", "127.0.0.1", "[::1]", "%2Frun"])
      expect(tlsOf(`postgres://${host}/x`)).toEqual([false]);
    expect(tlsOf("postgres://localhost/x?sslmode=require")).toEqual([true]);
  });

  test("require checks no certificate, and verify-full checks certificate and name", () => {
    expect(ways("postgres://db/x?sslmode=require")).toMatchObject([{ ssl: { rejectUnauthorized: false } }]);
    expect(ways("postgres://db/x?sslmode=no-verify")).toMatchObject([{ ssl: { rejectUnauthorized: false } }]);
    expect(ways("postgres://db/x?sslmode=verify-full")).toEqual([
      { host: "db", port: 5432, ssl: { rejectUnauthorized: true } },
    ]);
    expect(ways("postgres://db/x?ssl=true")).toMatchObject([{ ssl: { rejectUnauthorized: true } }]);
    const [way] = ways("postgres://db/x?sslmode=verify-ca");
    expect(way?.ssl).toMatchObject({ rejectUnauthorized: true });
    expect(way?.ssl).toHaveProperty("checkServerIdentity");
  });
});
