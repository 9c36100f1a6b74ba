import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Certificates, makeCertificates } from "../../../test/services/certificates.ts";
import { missingServices, startPrivatePostgres, type ThrowawayServer } from "../../../test/services/services.ts";
import { openPostgresStore } from "./open-postgres-store.ts";
import { asOperator, refusalOf, usePostgresStore, withParameters } from "../../../test/services/use-postgres-store.ts";

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
      await usePostgresStore(withParameters(server.url, "sslmode=prefer"));
    } finally {
      await server.remove();
    }
  });
});
