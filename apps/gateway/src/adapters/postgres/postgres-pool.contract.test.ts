import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openScene, start } from "../../../test/contracts/store/scene.ts";
import { type Certificates, makeCertificates } from "../../../test/services/certificates.ts";
import { startPgbouncer } from "../../../test/services/pgbouncer.ts";
import {
  freshDatabase,
  missingServices,
  startPrivatePostgres,
  type ThrowawayServer,
} from "../../../test/services/services.ts";
import { startPrivateStandby } from "../../../test/services/postgres-server.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import { openPostgresStore } from "./open-postgres-store.ts";
import { AN_ACTOR } from "../../../test/support/an-actor.ts";

async function asOperator<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A server that takes TLS at once, as Postgres 17 does, in front of one that does not. */
async function startTlsFront(target: string, { serverCert, serverKey }: Certificates) {
  const [cert, key] = await Promise.all([readFile(serverCert), readFile(serverKey)]);
  const sockets = new Set<Duplex>();
  const protocols: (string | false | null)[] = [];
  const front = createTlsServer({ cert, key, ALPNProtocols: ["postgresql"] }, (client) => {
    protocols.push(client.alpnProtocol);
    const upstream = connect(Number(new URL(target).port), "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => (socket === client ? upstream : client).destroy());
    }
    client.pipe(upstream).pipe(client);
  });
  await once(front.listen(0, "127.0.0.1"), "listening");
  return {
    url: `postgres://127.0.0.1:${(front.address() as AddressInfo).port}`,
    protocols,
    async close() {
      for (const socket of sockets) socket.destroy();
      front.close();
      await once(front, "close");
    },
  };
}

/** Uses the store as machines and people do. */
async function useStore(url: string): Promise<void> {
  const store = await openPostgresStore({ url });
  try {
    const scene = await openScene(store);
    const { runId } = await start(scene);
    await store.fleet.recordHeartbeat({ gatewayId: "g", stopping: false });
    expect(await scene.tenant.findRun({ runId })).toMatchObject({ id: runId });
    expect(
      (
        await scene.tenant.listRuns({
          limit: 5,
          cursor: undefined,
          status: undefined,
          agent: undefined,
          threadId: undefined,
          subject: undefined,
        })
      ).data,
    ).toHaveLength(1);
    await scene.tenant.enqueueInput({
      by: AN_ACTOR,
      runId,
      input: { kind: "cancel", reason: null },
      dedupe: { key: "k", bodyHash: "h" },
    });
    expect(await store.check()).toBeNull();
  } finally {
    await store.close();
  }
}

async function refusalOf(url: string): Promise<string> {
  return String(
    await openPostgresStore({ url }).then(
      (store) => store.close(),
      (error: unknown) => error,
    ),
  );
}

const withParameters = (url: string, parameters: string): string => `${url}?${parameters}`;
const tablesIn = (url: string) =>
  asOperator(url, async (client) => {
    const { rows } = await client.query<{ readonly schema: string }>(
      "select distinct schemaname as schema from pg_tables where tablename in ('runs', '_prisma_migrations', 'run_events') order by 1",
    );
    return rows.map(({ schema }) => schema);
  });

describe.skipIf(await missingServices("postgres"))("the schema", () => {
  test("a role with a schema of its own name works in it, for machines and for people", async () => {
    const { url, drop } = await freshDatabase();
    const role = `own_${crypto.randomUUID().slice(0, 8)}`;
    try {
      await asOperator(url, async (client) => {
        await client.query(`create role ${role} login`);
        await client.query(`create schema authorization ${role}`);
      });
      const own = new URL(url);
      own.username = role;
      await useStore(own.href);
      expect(await tablesIn(url)).toEqual([role]);
    } finally {
      await drop();
      await asOperator(new URL("/postgres", url).href, (client) => client.query(`drop role ${role}`));
    }
  });

  test("?schema= and search_path name a schema, which is made if need be", async () => {
    const { url, drop } = await freshDatabase();
    try {
      await useStore(withParameters(url, "schema=My%20Agents"));
      expect(await tablesIn(url)).toEqual(["My Agents"]);
      await asOperator(url, (client) => client.query("create schema later"));
      await useStore(withParameters(url, "options=-c%20search_path%3Dlater"));
      expect(await tablesIn(url)).toEqual(["My Agents", "later"]);
    } finally {
      await drop();
    }
  });

  test("tables of another program in public are not taken for hsafa's", async () => {
    const { url, drop } = await freshDatabase();
    try {
      await asOperator(url, async (client) => {
        await client.query(
          "create table _prisma_migrations (migration_name text, finished_at timestamptz, rolled_back_at timestamptz)",
        );
        await client.query("insert into _prisma_migrations values ('somebody-elses', now(), null)");
      });
      await useStore(withParameters(url, "schema=agents"));
    } finally {
      await drop();
    }
  });

  test("tables that are in public stay the ones in use when the role gets a schema of its own", async () => {
    const { url, drop } = await freshDatabase();
    try {
      await (await openPostgresStore({ url })).close();
      await asOperator(url, (client) => client.query("create schema postgres"));
      await useStore(url);
      expect(await tablesIn(url)).toEqual(["public"]);
    } finally {
      await drop();
    }
  });

  test("a role that may not make tables, or has no schema, is told what to do", async () => {
    const { url, drop } = await freshDatabase();
    const role = `poor_${crypto.randomUUID().slice(0, 8)}`;
    try {
      await asOperator(url, (client) => client.query(`create role ${role} login`));
      const poor = new URL(url);
      poor.username = role;
      expect(await refusalOf(poor.href)).toContain("create schema authorization");
      await asOperator(url, (client) => client.query("drop schema public"));
      expect(await refusalOf(url)).toMatch(/no schema.*create schema authorization/);
    } finally {
      await drop();
      await asOperator(new URL("/postgres", url).href, (client) => client.query(`drop role ${role}`));
    }
  });
});

describe.skipIf(await missingServices("private-postgres"))("TLS", () => {
  let certificates: Certificates;
  let server: ThrowawayServer;
  let folder: string;
  beforeAll(async () => {
    certificates = await makeCertificates({ owner: process.getuid?.() === 0 ? "postgres" : undefined });
    folder = await mkdtemp("/tmp/hsafa-test-hba-");
    await chmod(folder, 0o755);
    const rules = [
      "hostssl all bound 127.0.0.1/32 scram-sha-256",
      "host all unbound 127.0.0.1/32 md5",
      "hostssl all cert 127.0.0.1/32 trust clientcert=verify-ca",
      "hostssl all encrypted 127.0.0.1/32 trust",
      "hostnossl all plain 127.0.0.1/32 trust",
      "host all postgres 127.0.0.1/32 trust",
    ];
    await writeFile(join(folder, "hba.conf"), `${rules.join("\n")}\n`, { mode: 0o644 });
    const { serverCert, serverKey, ca } = certificates;
    server = await startPrivatePostgres({
      settings: [
        "ssl=on",
        `ssl_cert_file=${serverCert}`,
        `ssl_key_file=${serverKey}`,
        `ssl_ca_file=${ca}`,
        `hba_file=${join(folder, "hba.conf")}`,
      ],
    });
    await asOperator(server.url, async (client) => {
      for (const role of ["encrypted", "plain", "cert"]) await client.query(`create role ${role} login superuser`);
      await client.query("create role bound login superuser password 'secret'");
      await client.query("set password_encryption = 'md5'");
      await client.query("create role unbound login superuser password 'secret'");
    });
  }, 60_000);
  afterAll(async () => {
    await server.remove();
    await certificates.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const address = (parameters: string, role = "postgres", host = "localhost") => {
    const { port } = new URL(server.url);
    return `postgres://${role}@${host}:${port}/postgres?${parameters}`;
  };

  test.each([
    ["sslmode=disable", false],
    ["sslmode=allow", false],
    ["sslmode=prefer", true],
    ["sslmode=require", true],
    ["sslmode=no-verify", true],
  ])("%s encrypts as libpq does (encrypted: %s)", async (parameters, isEncrypted) => {
    const store = await openPostgresStore({
      url: address(`${parameters}&application_name=tls-${parameters.slice(8)}`),
    });
    try {
      const sessions = await asOperator(server.url, async (client) => {
        const { rows } = await client.query<{ readonly ssl: boolean }>(
          "select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = $1",
          [`tls-${parameters.slice(8)}`],
        );
        return rows.map(({ ssl }) => ssl);
      });
      expect(new Set(sessions)).toEqual(new Set([isEncrypted]));
    } finally {
      await store.close();
    }
  });

  test("allow and prefer fall back to what the server takes", async () => {
    for (const mode of ["allow", "prefer"]) {
      for (const role of ["plain", "encrypted"]) await useStoreOnce(address(`sslmode=${mode}`, role));
    }
    expect(await refusalOf(address("sslmode=require", "plain"))).toContain("no pg_hba.conf entry");
    expect(await refusalOf(address("sslmode=disable", "encrypted"))).toContain("add sslmode=require");
  });

  test("verify-ca checks the authority, verify-full the name too, and a refusal says what to write", async () => {
    const { ca, otherCa } = certificates;
    await useStoreOnce(address(`sslmode=verify-full&sslrootcert=${ca}`));
    await useStoreOnce(address(`sslmode=verify-ca&sslrootcert=${ca}`, "postgres", "127.0.0.1"));
    await useStoreOnce(address(`sslmode=require&sslrootcert=${ca}`, "postgres", "127.0.0.1"));
    expect(await refusalOf(address(`sslmode=verify-full&sslrootcert=${ca}`, "postgres", "127.0.0.1"))).toContain(
      "sslmode=verify-ca",
    );
    for (const parameters of [
      "sslmode=verify-full",
      "sslmode=verify-ca",
      `sslmode=verify-ca&sslrootcert=${otherCa}`,
      `sslmode=require&sslrootcert=${otherCa}`,
      "sslmode=verify-full&sslrootcert=system",
    ]) {
      expect(await refusalOf(address(parameters))).toMatch(/DATABASE_URL.*sslrootcert=<file>/);
    }
  });

  test("a client's certificate is shown with sslcert and sslkey", async () => {
    const { clientCert, clientKey } = certificates;
    await useStoreOnce(address(`sslmode=require&sslcert=${clientCert}&sslkey=${clientKey}`, "cert"));
    expect(await refusalOf(address("sslmode=require", "cert"))).toMatch(/certificate/);
  });

  test("channel_binding=require is kept, and refuses a server that cannot bind", async () => {
    await useStoreOnce(address("sslmode=require&channel_binding=require", "bound:secret"));
    await useStoreOnce(address("sslmode=require", "unbound:secret"));
    for (const role of ["unbound:secret", "encrypted"]) {
      expect(await refusalOf(address("sslmode=require&channel_binding=require", role))).toContain("channel_binding");
    }
  });

  test("sslnegotiation=direct begins with TLS, and a server that does not know that refuses the start with the cure", async () => {
    const { ca } = certificates;
    const front = await startTlsFront(server.url, certificates);
    try {
      const { port } = new URL(front.url);
      const direct = `sslmode=verify-full&sslrootcert=${ca}&sslnegotiation=direct`;
      await useStoreOnce(`postgres://postgres@localhost:${port}/postgres?${direct}`);
      expect(front.protocols).toContain("postgresql");
    } finally {
      await front.close();
    }
    expect(await refusalOf(address("sslmode=require&sslnegotiation=direct"))).toMatch(/Postgres 17.*Leave it out/);
  });

  async function useStoreOnce(url: string): Promise<void> {
    const store = await openPostgresStore({ url });
    try {
      expect(await store.check()).toBeNull();
    } finally {
      await store.close();
    }
  }
});

describe.skipIf(await missingServices("private-postgres"))("a server without TLS", () => {
  test("require says what to write instead, and prefer goes without", async () => {
    const server = await startPrivatePostgres();
    try {
      expect(await refusalOf(withParameters(server.url, "sslmode=require"))).toContain("sslmode=prefer");
      await useStore(withParameters(server.url, "sslmode=prefer"));
    } finally {
      await server.remove();
    }
  });
});

describe.skipIf(await missingServices("private-postgres"))("connections that are closed or lead elsewhere", () => {
  test("a server that closes idle sessions costs no statement", async () => {
    const server = await startPrivatePostgres({ settings: ["idle_session_timeout=200"] });
    const store = await openPostgresStore({ url: server.url, poolSize: 3 });
    try {
      const scene = await openScene(store);
      const { runId } = await start(scene);
      for (let round = 0; round < 3; round++) {
        await Promise.all(Array.from({ length: 3 }, () => store.fleet.readTails({ runIds: [runId] })));
        await vi.waitFor(
          () =>
            asOperator(server.url, async (client) => {
              const { rows } = await client.query("select from pg_stat_activity where application_name = 'hsafa'");
              expect(rows).toHaveLength(0);
            }),
          { timeout: 10_000 },
        );
        await store.fleet.recordHeartbeat({ gatewayId: "g", stopping: false });
        expect(await scene.tenant.findRun({ runId })).toMatchObject({ id: runId });
      }
    } finally {
      await store.close();
      await server.remove();
    }
  });

  test("of several hosts the one that takes writes is used, before and after it fails over", async () => {
    const primary = await startPrivatePostgres({ settings: ["wal_level=replica", "max_wal_senders=4"] });
    const standby = await startPrivateStandby(primary, {
      settings: ["hot_standby=on", "wal_level=replica", "max_wal_senders=4"],
    });
    const hosts = [standby.url, primary.url].map((url) => new URL(url).host);
    const store = await openPostgresStore({
      url: `postgres://postgres@127.0.0.1:1,${hosts.join(",")}/postgres?target_session_attrs=read-write`,
    });
    try {
      const scene = await openScene(store);
      await start(scene);
      await asOperator(primary.url, (client) =>
        vi.waitFor(async () => {
          const { rows } = await client.query(
            "select from pg_stat_replication where replay_lsn = pg_current_wal_lsn()",
          );
          expect(rows).toHaveLength(1);
        }),
      );
      await primary.stop("SIGKILL");
      await expect(store.fleet.recordHeartbeat({ gatewayId: "g", stopping: false })).rejects.toBeInstanceOf(
        StoreUnavailable,
      );
      await asOperator(standby.url, (client) => client.query("select pg_promote()"));
      await vi.waitFor(() => start(scene), { timeout: 10_000 });
      await store.fleet.recordHeartbeat({ gatewayId: "g", stopping: false });
    } finally {
      await store.close();
      await standby.remove();
      await primary.remove();
    }
  });
});

describe.skipIf(await missingServices("postgres", "pgbouncer"))("PgBouncer", () => {
  async function behindPooler(
    poolMode: "session" | "transaction" | "statement",
    work: (url: string, directUrl: string) => Promise<void>,
  ): Promise<void> {
    const { url, drop } = await freshDatabase();
    const pooler = await startPgbouncer(url, { poolMode });
    try {
      await work(pooler.url, url);
    } finally {
      await pooler.remove();
      await drop();
    }
  }

  test("in session mode it works, also with what Supabase and Prisma add to a URL", async () => {
    await behindPooler("session", async (url) => {
      await useStore(url);
      await useStore(withParameters(url, "pgbouncer=true&connection_limit=2&schema=agents"));
    });
  });

  test.each(["transaction", "statement"] as const)(
    "in %s mode the start says why not, and leaves nothing",
    async (poolMode) => {
      await behindPooler(poolMode, async (url, directUrl) => {
        expect(await refusalOf(url)).toMatch(/DATABASE_URL.*transaction mode.*session/);
        // The first sessions are there now, so the pooler hands them out in another order.
        expect(await refusalOf(url)).toMatch(/DATABASE_URL.*transaction mode.*session/);
        expect(await tablesIn(directUrl)).toEqual([]);
      });
    },
  );
});
