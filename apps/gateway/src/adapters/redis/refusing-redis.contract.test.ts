import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { START } from "@hsafa/protocol";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { delta, ear, LIVE_LOG_SUITE_TENANT as TENANT } from "../../../test/contracts/live-log.suite.ts";
import { makeCertificates } from "../../../test/services/certificates.ts";
import { startPrivateRedis } from "../../../test/services/redis-server.ts";
import { askRedis, REDIS_REFUSALS } from "../../../test/services/refusing-redis.ts";
import { missingServices, type ThrowawayServer } from "../../../test/services/services.ts";
import { recordingLog } from "../../../test/support/recording-log.ts";
import { systemClock } from "../system/system-clock.ts";
import { runKey } from "./run-key.ts";
import { openRedis, type RedisBus } from "./open-redis.ts";
import { parseRedisAddress } from "./redis-address.ts";

/** How soon a gateway that only listens must know that Redis does not serve, in milliseconds. */
const NOTICED = { timeout: 5000, interval: 20 };
const RECOVERY = { timeout: 15_000, interval: 20 };

/** The address of a service: who connects anew reaches the present target, who is connected stays where it is. */
async function serviceAddress(target: string) {
  let { port } = new URL(target);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("error", () => upstream.destroy()).on("close", () => upstream.destroy());
    upstream.on("error", () => client.destroy()).on("close", () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    leadTo(url: string) {
      ({ port } = new URL(url));
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function appends(bus: RedisBus): Promise<boolean> {
  const { kind } = await bus.liveLog.forTenant(TENANT).append({ runId: crypto.randomUUID(), records: [delta(1, 1)] });
  return kind === "appended";
}

describe.skipIf(await missingServices("private-redis"))(
  "a Redis that answers PING and refuses to serve is away",
  () => {
    let server: ThrowawayServer;
    const buses: RedisBus[] = [];
    beforeEach(async () => {
      server = await startPrivateRedis();
    });
    afterEach(async () => {
      await Promise.all(buses.splice(0).map((bus) => bus.close()));
      await server.remove();
    });

    async function open(url = server.url): Promise<RedisBus> {
      const bus = await openRedis({ url, clock: systemClock, log: recordingLog(), timeoutMs: 10_000 });
      buses.push(bus);
      return bus;
    }

    test.each(REDIS_REFUSALS)(
      "$says ($because): nothing waits for it, it is told with its code, and it is used again once it serves",
      async ({ says, start }) => {
        const redis = await start();
        onTestFinished(() => redis.remove());
        // One that writes, and one that only listens, as a gateway does that has watchers and no runs.
        const [writer, listener] = [await open(redis.url), await open(redis.url)];
        expect(await appends(writer)).toBe(true);
        await redis.refuse();
        await vi.waitFor(async () => expect(await writer.liveLog.check()).toContain(says), NOTICED);
        await vi.waitFor(async () => expect(await listener.liveLog.check()).toContain(says), NOTICED);
        expect(await appends(writer)).toBe(false);
        await redis.serve();
        await vi.waitFor(async () => expect(await writer.liveLog.check()).toBeNull(), RECOVERY);
        await vi.waitFor(async () => expect(await listener.liveLog.check()).toBeNull(), RECOVERY);
        const runId = crypto.randomUUID();
        const heard = ear();
        await listener.liveLog.forTenant(TENANT).subscribe({ runId, listener: heard.listener });
        await writer.liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 1)] });
        await heard.hears(() => heard.records().length === 1);
        expect(await listener.liveLog.forTenant(TENANT).read({ runId, after: START, limit: 5 })).toEqual([delta(1, 1)]);
      },
    );

    test("NOAUTH: a password that was changed is told, also to a gateway that starts then", async () => {
      const bus = await open();
      await askRedis(server.url, "CONFIG", "SET", "requirepass", "geheim");
      const secret = server.url.replace("redis://", "redis://:geheim@");
      await askRedis(secret, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      await askRedis(secret, "CLIENT", "KILL", "TYPE", "pubsub");
      await vi.waitFor(async () => expect(await bus.liveLog.check()).toMatch(/NOAUTH|WRONGPASS/), NOTICED);
      const late = await open();
      expect(await late.liveLog.check()).toMatch(/NOAUTH|WRONGPASS/);
      await askRedis(secret, "CONFIG", "SET", "requirepass", "");
      await vi.waitFor(async () => expect(await late.liveLog.check()).toBeNull(), RECOVERY);
    });

    test("after a failover the name is looked up again, and both connections lead to the new primary", async () => {
      const next = await startPrivateRedis();
      const service = await serviceAddress(server.url);
      try {
        const [writer, listener] = [await open(service.url), await open(service.url)];
        expect(await appends(writer)).toBe(true);
        service.leadTo(next.url);
        // A former primary that nobody has told where the new one is: nothing that is published there comes here.
        await askRedis(server.url, "REPLICAOF", "127.0.0.1", "1");
        await vi.waitFor(async () => expect(await appends(writer)).toBe(true), RECOVERY);
        const runId = crypto.randomUUID();
        const heard = ear();
        await listener.liveLog.forTenant(TENANT).subscribe({ runId, listener: heard.listener });
        let sub = 0;
        await vi.waitFor(async () => {
          await writer.liveLog.forTenant(TENANT).append({ runId, records: [delta(1, ++sub)] });
          expect(heard.records().length).toBeGreaterThan(0);
        }, RECOVERY);
        expect(await askRedis(next.url, "EXISTS", runKey({ tenantId: TENANT, runId, name: "stream" }))).toBe(1);
      } finally {
        await Promise.all(buses.splice(0).map((bus) => bus.close()));
        await service.close();
        await next.remove();
      }
    });

    test("a key of a wrong type is no outage", async () => {
      const bus = await open();
      const runId = crypto.randomUUID();
      await askRedis(server.url, "SET", runKey({ tenantId: TENANT, runId, name: "stream" }), "x");
      expect((await bus.liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 1)] })).kind).toBe("unavailable");
      expect(await bus.liveLog.check()).toBeNull();
      expect(await appends(bus)).toBe(true);
    });
  },
);

describe.skipIf(await missingServices("private-redis"))("what is no single primary", () => {
  test("a Redis Cluster is refused at the start, with the cure", async () => {
    const server = await startPrivateRedis({ settings: ["--cluster-enabled", "yes"] });
    const refusal = openRedis({ url: server.url, clock: systemClock, log: recordingLog(), timeoutMs: 10_000 });
    await expect(refusal).rejects.toThrow(/Cluster.*proxy/);
    await server.remove();
  });

  test("a Sentinel is refused at the start, with the cure", async () => {
    const server = await startPrivateRedis({ isSentinel: true });
    const refusal = openRedis({ url: server.url, clock: systemClock, log: recordingLog(), timeoutMs: 10_000 });
    await expect(refusal).rejects.toThrow(/Sentinel.*proxy/);
    await server.remove();
  });
});

describe.skipIf(await missingServices("private-redis"))("rediss://", () => {
  test("the authority, the name and a client's certificate count, as the address says", async () => {
    const certificates = await makeCertificates();
    const { ca, otherCa, serverCert, serverKey, clientCert, clientKey } = certificates;
    const server = await startPrivateRedis({
      settings: ["--tls-cert-file", serverCert, "--tls-key-file", serverKey, "--tls-ca-cert-file", ca],
      isTls: true,
    });
    const { port } = new URL(server.url);
    const identity = `ssl_certfile=${clientCert}&ssl_keyfile=${clientKey}`;
    const outcome = async (host: string, parameters: string) => {
      const url = `rediss://${host}:${port}?${parameters}`;
      const bus = await openRedis({ url, clock: systemClock, log: recordingLog(), timeoutMs: 10_000 });
      const away = await bus.liveLog.check();
      await bus.close();
      return away;
    };
    try {
      expect(await outcome("localhost", `ssl_ca_certs=${ca}&${identity}`)).toBeNull();
      expect(await outcome("127.0.0.1", `ssl_ca_certs=${ca}&${identity}&ssl_check_hostname=false`)).toBeNull();
      expect(await outcome("localhost", `ssl_cert_reqs=none&${identity}`)).toBeNull();
      expect(await outcome("localhost", identity)).toContain("certificate");
      expect(await outcome("localhost", `ssl_ca_certs=${otherCa}&${identity}`)).toContain("certificate");
      expect(await outcome("127.0.0.1", `ssl_ca_certs=${ca}&${identity}`)).toContain("altnames");
      expect(await outcome("localhost", `ssl_ca_certs=${ca}`)).not.toBeNull();
    } finally {
      await server.remove();
      await certificates.remove();
    }
  });
});

test.each([
  ["redis://host?tls=true&family=6", "tls, family"],
  ["redis://host?ssl_ca_certs=/x", "rediss://"],
  ["rediss://host?ssl_ca_certs=/nowhere.pem", "ssl_ca_certs"],
  ["rediss://host?ssl_cert_reqs=maybe", "ssl_cert_reqs"],
  ["rediss://host?ssl_check_hostname=perhaps", "ssl_check_hostname"],
  ["rediss://host?ssl_certfile=/c", "ssl_keyfile"],
  ["redis-sentinel://host:26379/mymaster", "Sentinel"],
])("the address %s is refused with what to do, and what it does not know is named", (url, says) => {
  expect(() => parseRedisAddress(url.replace("//", "//user:geheim@"))).toThrow(says);
  expect(() => parseRedisAddress(url.replace("//", "//user:geheim@"))).not.toThrow("geheim");
});
