import { setImmediate as nextTurn } from "node:timers/promises";
import { START } from "@hsafa/protocol";
import { createClient } from "@redis/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { delta, ear, fact, LIVE_LOG_SUITE_TENANT as TENANT } from "../../../test/contracts/live-log.suite.ts";
import { missingServices, startPrivateRedis, type ThrowawayServer } from "../../../test/services/services.ts";
import { type RecordingLog, recordingLog } from "../../../test/support/recording-log.ts";
import { LIVE_LOG_TIMEOUT_MS, LIVE_LOG_TTL_MS } from "../../ports/limits.ts";
import { REDIS_CONNECT_TIMEOUT_MS, REDIS_START_WAIT_MAX_MS } from "./limits.ts";
import type { AppendOutcome, LiveLog } from "../../ports/live-log.ts";
import { systemClock } from "../system/system-clock.ts";
import { runKey } from "./run-key.ts";
import { openRedis, type RedisBus } from "./open-redis.ts";

/** What a busy machine may add to a promised bound, in milliseconds. */
const SLACK_MS = 1500;
const UNAVAILABLE: AppendOutcome = { kind: "unavailable" };
/** Long enough for a reconnect at its slowest. */
const RECOVERY = { timeout: 15_000, interval: 20 };

const newStranger = (url: string) => createClient({ url });

describe.skipIf(await missingServices("private-redis"))("Redis comes and goes", () => {
  let server: ThrowawayServer;
  const opened: RedisBus[] = [];
  /** Shared by the gateways of one test. */
  let log: RecordingLog;

  beforeAll(async () => {
    server = await startPrivateRedis();
  });
  beforeEach(() => {
    log = recordingLog();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((bus) => bus.close()));
  });
  afterAll(async () => {
    await server.remove();
  });

  const logged = (): string[] => log.lines.map(({ message }) => message);
  const outages = () => log.lines.filter(({ message }) => message === "Redis is away");

  /** Long timeouts are for a busy machine. A test about a timeout gives its own. */
  async function open(timeoutMs = 10_000): Promise<RedisBus> {
    const bus = await openRedis({ url: server.url, clock: systemClock, log, timeoutMs });
    opened.push(bus);
    return bus;
  }

  /** A client of somebody else at the same Redis. */
  async function stranger<T>(use: (client: ReturnType<typeof newStranger>) => Promise<T>): Promise<T> {
    const client = newStranger(server.url);
    await client.connect();
    try {
      return await use(client);
    } finally {
      client.destroy();
    }
  }

  async function pid(): Promise<number> {
    const info = await stranger((client) => client.info("server"));
    return Number(/process_id:(\d+)/.exec(info)?.[1]);
  }

  /** The gateway's own connections, by name. */
  const connections = () =>
    stranger(async (client) => {
      const list = await client.clientList();
      return list
        .flatMap(({ name }) => (name.startsWith("hsafa-") ? [name] : []))
        .toSorted((a, b) => a.localeCompare(b));
    });

  /** Returns the outcome if it comes without waiting for anything from outside. */
  const atOnce = (outcome: Promise<AppendOutcome>) => Promise.race([outcome, nextTurn("waited")]);

  async function worksAgain(liveLog: LiveLog): Promise<void> {
    await vi.waitFor(async () => {
      const outcome = await liveLog.forTenant(TENANT).append({ runId: crypto.randomUUID(), records: [delta(1, 1)] });
      expect(outcome.kind).toBe("appended");
    }, RECOVERY);
    await vi.waitFor(async () => expect(await liveLog.check()).toBeNull(), RECOVERY);
  }

  test("a gateway starts while Redis is down, and uses it once it is up", async () => {
    await server.stop("SIGKILL");
    const startedAt = performance.now();
    const { liveLog, bell } = await open();
    expect(performance.now() - startedAt).toBeLessThan(REDIS_START_WAIT_MAX_MS + SLACK_MS);
    expect(await liveLog.check()).not.toBeNull();
    const runId = crypto.randomUUID();
    expect(await atOnce(liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 1)] }))).toEqual(UNAVAILABLE);
    expect(await liveLog.forTenant(TENANT).read({ runId, after: START, limit: 1 })).toEqual([]);
    const heard = ear();
    await liveLog.forTenant(TENANT).subscribe({ runId, listener: heard.listener });
    bell.ring({ about: "run", runId });
    liveLog.forTenant(TENANT).sendProgress({ runId, json: "{}" });

    await server.start();
    await heard.hears(() => heard.resyncs() > 0);
    await worksAgain(liveLog);
    await liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 1)] });
    await heard.hears(() => heard.records().length > 0);
    expect(heard.messages).toEqual([{ kind: "records", records: [delta(1, 1)] }]);
  });

  test("while Redis is dead appends fail at once, and after its restart every listener resyncs and hears again", async () => {
    const { liveLog } = await open();
    const runs = Array.from({ length: 50 }, () => ({ runId: crypto.randomUUID(), heard: ear() }));
    await Promise.all(
      runs.map(({ runId, heard }) => liveLog.forTenant(TENANT).subscribe({ runId, listener: heard.listener })),
    );
    await server.stop("SIGKILL");
    await vi.waitFor(() => expect(outages()).toHaveLength(2), RECOVERY);
    for (const { runId } of runs) {
      expect(await atOnce(liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 1)] }))).toEqual(UNAVAILABLE);
    }
    expect(await liveLog.check()).not.toBeNull();

    await server.start();
    await Promise.all(runs.map(({ heard }) => heard.hears(() => heard.resyncs() === 1)));
    await worksAgain(liveLog);
    await Promise.all(runs.map(({ runId }) => liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 1)] })));
    await Promise.all(runs.map(({ heard }) => heard.hears(() => heard.records().length === 1)));
    expect(logged()).toEqual(["Redis is away", "Redis is away", "Redis is back", "Redis is back"]);
  });

  test("while Redis hangs appends are given up in time, later ones fail at once, and late replies change nothing", async () => {
    const { liveLog } = await open(LIVE_LOG_TIMEOUT_MS);
    const runId = crypto.randomUUID();
    const heard = ear();
    await liveLog.forTenant(TENANT).subscribe({ runId, listener: heard.listener });
    await liveLog.forTenant(TENANT).append({ runId, records: [fact(1, START)] });
    const redis = await pid();
    process.kill(redis, "SIGSTOP");
    try {
      const startedAt = performance.now();
      const givenUp = await Promise.all([
        liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 1)] }),
        liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 2)] }),
        liveLog.forTenant(TENANT).read({ runId, after: START, limit: 10 }),
      ]);
      expect(performance.now() - startedAt).toBeLessThan(LIVE_LOG_TIMEOUT_MS + SLACK_MS);
      expect(givenUp).toEqual([UNAVAILABLE, UNAVAILABLE, []]);
      for (let sub = 3; sub < 1000; sub++) {
        expect(await atOnce(liveLog.forTenant(TENANT).append({ runId, records: [delta(1, sub)] }))).toEqual(
          UNAVAILABLE,
        );
      }
      expect(await liveLog.check()).not.toBeNull();
      const late = ear();
      const subscription = await liveLog
        .forTenant(TENANT)
        .subscribe({ runId: crypto.randomUUID(), listener: late.listener });
      subscription.unsubscribe();
    } finally {
      process.kill(redis, "SIGCONT");
    }
    await worksAgain(liveLog);
    // The two that had reached the socket were written after all, as a write that is given up may be. Those that failed
    // at once were not.
    await liveLog.forTenant(TENANT).append({ runId, records: [fact(2, { seq: 1, sub: 999 })] });
    const stored = await liveLog.forTenant(TENANT).read({ runId, after: START, limit: 5000 });
    expect(stored).toEqual([fact(1, START), delta(1, 1), delta(1, 2), fact(2, { seq: 1, sub: 999 })]);
    await heard.hears(() => heard.records().length === stored.length);
    expect(heard.records()).toEqual(stored);
  });

  test("a Redis that hangs from the start is given up in time, and told (R9)", async () => {
    const redis = await pid();
    process.kill(redis, "SIGSTOP");
    try {
      const { liveLog } = await open();
      const told = `no connection within ${REDIS_CONNECT_TIMEOUT_MS} ms`;
      await vi.waitFor(async () => expect(await liveLog.check()).toContain(told), RECOVERY);
    } finally {
      process.kill(redis, "SIGCONT");
    }
  });

  test("a connection that looks open but is silent is replaced, and its listeners resync", async () => {
    const { liveLog } = await open();
    const runId = crypto.randomUUID();
    const heard = ear();
    await liveLog.forTenant(TENANT).subscribe({ runId, listener: heard.listener });
    const redis = await pid();
    process.kill(redis, "SIGSTOP");
    try {
      await vi.waitFor(() => expect(outages()).toHaveLength(2), RECOVERY);
      expect(outages().map(({ fields }) => String(fields.err))).toEqual(
        Array(2).fill(expect.stringContaining("no answer")),
      );
    } finally {
      process.kill(redis, "SIGCONT");
    }
    await heard.hears(() => heard.resyncs() > 0);
    await worksAgain(liveLog);
    await liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 1)] });
    await heard.hears(() => heard.records().length === 1);
    // Redis has let go of the replaced connections too.
    await vi.waitFor(async () => expect(await connections()).toEqual(["hsafa-commands", "hsafa-subscriber"]));
  });

  test("our own blocked event loop is not taken for a slow Redis", async () => {
    const { liveLog } = await open(LIVE_LOG_TIMEOUT_MS);
    const runId = crypto.randomUUID();
    await liveLog.forTenant(TENANT).append({ runId, records: [fact(1, START)] });
    const outcome = liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 1)] });
    await nextTurn();
    const until = performance.now() + 2 * LIVE_LOG_TIMEOUT_MS;
    while (performance.now() < until);
    expect(await outcome).toEqual({ kind: "appended", accepted: [delta(1, 1)] });
  });

  test("after an operator cut the subscriber's connection, listeners resync and hear again", async () => {
    const { liveLog, bell } = await open();
    const other = await open();
    const runId = systemClock.newId();
    const heard = ear();
    const rung: unknown[] = [];
    bell.listen((ring) => rung.push(ring));
    await liveLog.forTenant(TENANT).subscribe({ runId, listener: heard.listener });
    await stranger((client) => client.sendCommand(["CLIENT", "KILL", "TYPE", "pubsub"]));
    await heard.hears(() => heard.resyncs() === 1);
    await other.liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 1)] });
    await heard.hears(() => heard.records().length === 1);
    await vi.waitFor(() => {
      other.bell.ring({ about: "run", runId });
      expect(rung.length).toBeGreaterThan(0);
    }, RECOVERY);
  });

  test("500 watched runs cost one connection, and 500 listeners of one run one subscription", async () => {
    const { liveLog } = await open();
    const runIds = Array.from({ length: 500 }, () => crypto.randomUUID());
    const same = crypto.randomUUID();
    const ears = runIds.map(() => ear());
    const subscriptions = await Promise.all([
      ...runIds.map((runId) => liveLog.forTenant(TENANT).subscribe({ runId, listener: () => {} })),
      ...ears.map((each) => liveLog.forTenant(TENANT).subscribe({ runId: same, listener: each.listener })),
    ]);
    expect(await connections()).toEqual(["hsafa-commands", "hsafa-subscriber"]);
    const channel = runKey({ tenantId: TENANT, runId: same, name: "notify" });
    const subscribers = () => stranger(async (client) => (await client.pubSubNumSub([channel]))[channel]);
    expect(await subscribers()).toBe(1);
    await liveLog.forTenant(TENANT).append({ runId: same, records: [delta(1, 1)] });
    await Promise.all(ears.map((each) => each.hears((messages) => messages.length === 1)));

    for (const subscription of subscriptions) subscription.unsubscribe();
    await vi.waitFor(async () => {
      const channels = await stranger((client) => client.pubSubChannels());
      expect(channels.filter((name) => !name.includes("hsafa-probe"))).toEqual(["hsafa:bell"]);
    }, RECOVERY);
  });

  test("closing ends both connections, with any work in flight", async () => {
    const bus = await open();
    const runId = crypto.randomUUID();
    const underWay = [
      bus.liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 1)] }),
      bus.liveLog.forTenant(TENANT).subscribe({ runId, listener: () => {} }),
      bus.liveLog.check(),
    ];
    await bus.close();
    await Promise.all(underWay);
    await vi.waitFor(async () => expect(await connections()).toEqual([]), RECOVERY);
    expect(log.lines).toEqual([]);
  });

  test("an error other than a refused position means unavailable, publishes nothing and is logged once", async () => {
    const { liveLog } = await open();
    const [spoilt, sound] = [crypto.randomUUID(), crypto.randomUUID()];
    const heard = ear();
    await liveLog.forTenant(TENANT).subscribe({ runId: spoilt, listener: heard.listener });
    await stranger((client) =>
      client.set(runKey({ tenantId: TENANT, runId: spoilt, name: "stream" }), "somebody else's"),
    );
    for (let sub = 1; sub <= 3; sub++) {
      expect(await liveLog.forTenant(TENANT).append({ runId: spoilt, records: [delta(1, sub)] })).toEqual(UNAVAILABLE);
    }
    expect(await liveLog.forTenant(TENANT).append({ runId: sound, records: [delta(1, 1)] })).toMatchObject({
      kind: "appended",
    });
    await stranger((client) => client.del(runKey({ tenantId: TENANT, runId: spoilt, name: "stream" })));
    await liveLog.forTenant(TENANT).append({ runId: spoilt, records: [delta(1, 4)] });
    await heard.hears((messages) => messages.length > 0);
    expect(heard.messages).toEqual([{ kind: "records", records: [delta(1, 4)] }]);
    expect(log.lines).toMatchObject([{ message: "Redis refused a command", fields: { connection: "commands" } }]);
  });

  test("a Redis out of memory is unavailable, and nothing is published", async () => {
    const { liveLog } = await open();
    const runId = crypto.randomUUID();
    const heard = ear();
    await liveLog.forTenant(TENANT).subscribe({ runId, listener: heard.listener });
    await stranger((client) => client.configSet("maxmemory", "1"));
    expect(await liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 1), delta(1, 2)] })).toEqual(UNAVAILABLE);
    expect(await liveLog.check()).toContain("OOM");
    await stranger((client) => client.configSet("maxmemory", "0"));
    await worksAgain(liveLog);
    await liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 3)] });
    await heard.hears((messages) => messages.length > 0);
    expect(heard.records()).toEqual([delta(1, 3)]);
  });

  test("a script that Redis has forgotten is sent again", async () => {
    const { liveLog } = await open();
    const runId = crypto.randomUUID();
    await liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 1)] });
    await stranger((client) => client.scriptFlush());
    expect(await liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 2)] })).toMatchObject({
      kind: "appended",
    });
  });

  test("the stream has the form of the contract, and a time to live (R9)", async () => {
    const { liveLog } = await open();
    const runId = crypto.randomUUID();
    await liveLog.forTenant(TENANT).append({ runId, records: [fact(1, START), delta(1, 1)] });
    const key = runKey({ tenantId: TENANT, runId, name: "stream" });
    const [entries, ttlMs] = await stranger((client) => Promise.all([client.xRange(key, "-", "+"), client.pTTL(key)]));
    expect(entries).toEqual([
      { id: "1-0", message: { type: "step.started", ts: "1700000000000", payload: '{"step":1}', prev: "0-0" } },
      { id: "1-1", message: { type: "text.delta", ts: "1700000000001", payload: delta(1, 1).payload } },
    ]);
    expect(ttlMs).toBeGreaterThan(LIVE_LOG_TTL_MS - 60_000);
    expect(ttlMs).toBeLessThanOrEqual(LIVE_LOG_TTL_MS);
  });

  test("garbage on a run's channel makes listeners resync, and the connection stays", async () => {
    const { liveLog } = await open();
    const runId = crypto.randomUUID();
    const heard = ear();
    await liveLog.forTenant(TENANT).subscribe({ runId, listener: heard.listener });
    await stranger((client) => client.publish(runKey({ tenantId: TENANT, runId, name: "notify" }), "1-0 garbage"));
    await heard.hears(() => heard.resyncs() === 1);
    await liveLog.forTenant(TENANT).append({ runId, records: [delta(1, 1)] });
    await heard.hears((messages) => messages.length === 1);
    expect(heard.messages).toEqual([{ kind: "records", records: [delta(1, 1)] }]);
    expect(log.lines).toEqual([]);
  });
});

test("a malformed address is refused with an example, and without its password", async () => {
  for (const url of [
    "",
    "localhost",
    "http://user:geheim@host",
    "redis://user:geheim@host:port",
    "redis://:geheim@h/x",
  ]) {
    const refusal = await openRedis({ url, clock: systemClock, log: recordingLog() }).catch((error: unknown) => error);
    expect(String(refusal)).toContain("REDIS_URL");
    expect(String(refusal)).not.toContain("geheim");
  }
});
