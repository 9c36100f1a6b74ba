import { setImmediate as nextTurn } from "node:timers/promises";
import { START } from "@hsafa/protocol";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { delta, ear, fact } from "../../../test/contracts/live-log.suite.ts";
import { missingServices, startPrivateRedis, type ThrowawayServer } from "../../../test/services/services.ts";
import { LIVE_LOG_TIMEOUT_MS, LIVE_LOG_TTL_MS } from "../../ports/limits.ts";
import { REDIS_START_WAIT_MAX_MS } from "./limits.ts";
import type { AppendOutcome, LiveLog } from "../../ports/live-log.ts";
import { systemClock } from "../system/clock.ts";
import type { RedisNotice } from "./connection.ts";
import { openRedis, type RedisBus } from "./open-redis.ts";

/** What a busy machine may add to a promised bound. */
const SLACK_MS = 1500;
const UNAVAILABLE: AppendOutcome = { kind: "unavailable" };
/** Long enough for a reconnect at its slowest. */
const RECOVERY = { timeout: 15_000, interval: 20 };

const newStranger = (url: string) => createClient({ url });

describe.skipIf(await missingServices("private-redis"))("Redis comes and goes", () => {
  let server: ThrowawayServer;
  const opened: RedisBus[] = [];
  let notices: RedisNotice[] = [];

  beforeAll(async () => {
    server = await startPrivateRedis();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((bus) => bus.close()));
    notices = [];
  });
  afterAll(async () => {
    await server.remove();
  });

  /** With patience for a busy machine, except where the test is about its end. */
  async function open(timeoutMs = 10_000): Promise<RedisBus> {
    const notify = (notice: RedisNotice) => void notices.push(notice);
    const bus = await openRedis({ url: server.url, clock: systemClock, notify, timeoutMs });
    opened.push(bus);
    return bus;
  }

  /** Somebody else at the same Redis. */
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

  /** Whether the outcome is there without waiting for anything from outside. */
  const atOnce = (outcome: Promise<AppendOutcome>) => Promise.race([outcome, nextTurn("waited")]);

  async function worksAgain(liveLog: LiveLog): Promise<void> {
    await vi.waitFor(async () => {
      const outcome = await liveLog.append({ runId: crypto.randomUUID(), records: [delta(1, 1)] });
      expect(outcome.kind).toBe("appended");
    }, RECOVERY);
    await vi.waitFor(async () => expect(await liveLog.check()).toBe(true), RECOVERY);
  }

  test("a gateway starts while Redis is down, and finds it when it comes", async () => {
    await server.stop("SIGKILL");
    const startedAt = performance.now();
    const { liveLog, bell } = await open();
    expect(performance.now() - startedAt).toBeLessThan(REDIS_START_WAIT_MAX_MS + SLACK_MS);
    expect(await liveLog.check()).toBe(false);
    const runId = crypto.randomUUID();
    expect(await atOnce(liveLog.append({ runId, records: [delta(1, 1)] }))).toEqual(UNAVAILABLE);
    expect(await liveLog.read({ runId, after: START, limit: 1 })).toEqual([]);
    const heard = ear();
    await liveLog.subscribe({ runId, listener: heard.listener });
    bell.ring({ about: "run", runId });
    liveLog.sendProgress({ runId, json: "{}" });

    await server.start();
    await heard.hears(() => heard.doubts() > 0);
    await worksAgain(liveLog);
    await liveLog.append({ runId, records: [delta(1, 1)] });
    await heard.hears(() => heard.records().length > 0);
    expect(heard.news).toEqual([{ kind: "records", records: [delta(1, 1)] }]);
  });

  test("Redis is killed and restarted: appends fail at once, then every listener hears doubt and hears on", async () => {
    const { liveLog } = await open();
    const runs = Array.from({ length: 50 }, () => ({ runId: crypto.randomUUID(), heard: ear() }));
    await Promise.all(runs.map(({ runId, heard }) => liveLog.subscribe({ runId, listener: heard.listener })));
    await server.stop("SIGKILL");
    await vi.waitFor(() => expect(notices.filter((notice) => notice.kind === "away")).toHaveLength(2), RECOVERY);
    for (const { runId } of runs) {
      expect(await atOnce(liveLog.append({ runId, records: [delta(1, 1)] }))).toEqual(UNAVAILABLE);
    }
    expect(await liveLog.check()).toBe(false);

    await server.start();
    await Promise.all(runs.map(({ heard }) => heard.hears(() => heard.doubts() === 1)));
    await worksAgain(liveLog);
    await Promise.all(runs.map(({ runId }) => liveLog.append({ runId, records: [delta(1, 1)] })));
    await Promise.all(runs.map(({ heard }) => heard.hears(() => heard.records().length === 1)));
    expect(notices.map((notice) => notice.kind)).toEqual(["away", "away", "back", "back"]);
  });

  test("Redis hangs: appends are given up in time, the next fail at once, and late replies change nothing", async () => {
    const { liveLog } = await open(LIVE_LOG_TIMEOUT_MS);
    const runId = crypto.randomUUID();
    const heard = ear();
    await liveLog.subscribe({ runId, listener: heard.listener });
    await liveLog.append({ runId, records: [fact(1, START)] });
    const redis = await pid();
    process.kill(redis, "SIGSTOP");
    try {
      const startedAt = performance.now();
      const givenUp = await Promise.all([
        liveLog.append({ runId, records: [delta(1, 1)] }),
        liveLog.append({ runId, records: [delta(1, 2)] }),
        liveLog.read({ runId, after: START, limit: 10 }),
      ]);
      expect(performance.now() - startedAt).toBeLessThan(LIVE_LOG_TIMEOUT_MS + SLACK_MS);
      expect(givenUp).toEqual([UNAVAILABLE, UNAVAILABLE, []]);
      for (let sub = 3; sub < 1000; sub++) {
        expect(await atOnce(liveLog.append({ runId, records: [delta(1, sub)] }))).toEqual(UNAVAILABLE);
      }
      expect(await liveLog.check()).toBe(false);
      const late = ear();
      const subscription = await liveLog.subscribe({ runId: crypto.randomUUID(), listener: late.listener });
      subscription.unsubscribe();
    } finally {
      process.kill(redis, "SIGCONT");
    }
    await worksAgain(liveLog);
    // What had reached the socket was written after all, as any cut-off write may be; nothing of the thousand that
    // failed at once was.
    await liveLog.append({ runId, records: [fact(2, { seq: 1, sub: 999 })] });
    const stored = await liveLog.read({ runId, after: START, limit: 5000 });
    expect(stored).toEqual([fact(1, START), delta(1, 1), delta(1, 2), fact(2, { seq: 1, sub: 999 })]);
    await heard.hears(() => heard.records().length === stored.length);
    expect(heard.records()).toEqual(stored);
  });

  test("a connection that looks open but is silent is replaced, and its listeners hear doubt", async () => {
    const { liveLog } = await open();
    const runId = crypto.randomUUID();
    const heard = ear();
    await liveLog.subscribe({ runId, listener: heard.listener });
    const redis = await pid();
    process.kill(redis, "SIGSTOP");
    try {
      const silent = () => notices.filter((notice) => notice.kind === "away");
      await vi.waitFor(() => expect(silent()).toHaveLength(2), RECOVERY);
      expect(silent().map((notice) => String(notice.error))).toEqual(
        Array(2).fill(expect.stringContaining("no answer")),
      );
    } finally {
      process.kill(redis, "SIGCONT");
    }
    await heard.hears(() => heard.doubts() > 0);
    await worksAgain(liveLog);
    await liveLog.append({ runId, records: [delta(1, 1)] });
    await heard.hears(() => heard.records().length === 1);
    // The replaced connections are gone, on the side of Redis too.
    await vi.waitFor(async () => expect(await connections()).toEqual(["hsafa-commands", "hsafa-subscriber"]));
  });

  test("our own blocked event loop is not taken for a slow Redis", async () => {
    const { liveLog } = await open(LIVE_LOG_TIMEOUT_MS);
    const runId = crypto.randomUUID();
    await liveLog.append({ runId, records: [fact(1, START)] });
    const outcome = liveLog.append({ runId, records: [delta(1, 1)] });
    await nextTurn();
    const until = performance.now() + 2 * LIVE_LOG_TIMEOUT_MS;
    while (performance.now() < until);
    expect(await outcome).toEqual({ kind: "appended", accepted: [delta(1, 1)] });
  });

  test("the subscriber's connection is cut by an operator: doubt, then news again", async () => {
    const { liveLog, bell } = await open();
    const other = await open();
    const runId = systemClock.newId();
    const heard = ear();
    const rung: unknown[] = [];
    bell.listen((ring) => rung.push(ring));
    await liveLog.subscribe({ runId, listener: heard.listener });
    await stranger((client) => client.sendCommand(["CLIENT", "KILL", "TYPE", "pubsub"]));
    await heard.hears(() => heard.doubts() === 1);
    await other.liveLog.append({ runId, records: [delta(1, 1)] });
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
      ...runIds.map((runId) => liveLog.subscribe({ runId, listener: () => {} })),
      ...ears.map((each) => liveLog.subscribe({ runId: same, listener: each.listener })),
    ]);
    expect(await connections()).toEqual(["hsafa-commands", "hsafa-subscriber"]);
    const channel = `run:{${same}}:notify`;
    const subscribers = () => stranger(async (client) => (await client.pubSubNumSub([channel]))[channel]);
    expect(await subscribers()).toBe(1);
    await liveLog.append({ runId: same, records: [delta(1, 1)] });
    await Promise.all(ears.map((each) => each.hears((news) => news.length === 1)));

    for (const subscription of subscriptions) subscription.unsubscribe();
    await vi.waitFor(async () => {
      expect(await stranger((client) => client.pubSubChannels())).toEqual(["hsafa:bell"]);
    }, RECOVERY);
  });

  test("closing gives both connections back, whatever was under way", async () => {
    const bus = await open();
    const runId = crypto.randomUUID();
    const underWay = [
      bus.liveLog.append({ runId, records: [delta(1, 1)] }),
      bus.liveLog.subscribe({ runId, listener: () => {} }),
      bus.liveLog.check(),
    ];
    await bus.close();
    await Promise.all(underWay);
    await vi.waitFor(async () => expect(await connections()).toEqual([]), RECOVERY);
    expect(notices).toEqual([]);
  });

  test("an error that is no refusal of the position: unavailable, nothing announced, told once", async () => {
    const { liveLog } = await open();
    const [spoilt, sound] = [crypto.randomUUID(), crypto.randomUUID()];
    const heard = ear();
    await liveLog.subscribe({ runId: spoilt, listener: heard.listener });
    await stranger((client) => client.set(`run:{${spoilt}}:stream`, "somebody else's"));
    for (let sub = 1; sub <= 3; sub++) {
      expect(await liveLog.append({ runId: spoilt, records: [delta(1, sub)] })).toEqual(UNAVAILABLE);
    }
    expect(await liveLog.append({ runId: sound, records: [delta(1, 1)] })).toMatchObject({ kind: "appended" });
    await stranger((client) => client.del(`run:{${spoilt}}:stream`));
    await liveLog.append({ runId: spoilt, records: [delta(1, 4)] });
    await heard.hears((news) => news.length > 0);
    expect(heard.news).toEqual([{ kind: "records", records: [delta(1, 4)] }]);
    expect(notices).toMatchObject([{ kind: "refused", connection: "commands" }]);
  });

  test("Redis is out of memory: unavailable while it lasts, nothing announced", async () => {
    const { liveLog } = await open();
    const runId = crypto.randomUUID();
    const heard = ear();
    await liveLog.subscribe({ runId, listener: heard.listener });
    await stranger((client) => client.configSet("maxmemory", "1"));
    expect(await liveLog.append({ runId, records: [delta(1, 1), delta(1, 2)] })).toEqual(UNAVAILABLE);
    await stranger((client) => client.configSet("maxmemory", "0"));
    await liveLog.append({ runId, records: [delta(1, 3)] });
    await heard.hears((news) => news.length > 0);
    expect(heard.records()).toEqual([delta(1, 3)]);
  });

  test("a script that Redis has forgotten is sent again", async () => {
    const { liveLog } = await open();
    const runId = crypto.randomUUID();
    await liveLog.append({ runId, records: [delta(1, 1)] });
    await stranger((client) => client.scriptFlush());
    expect(await liveLog.append({ runId, records: [delta(1, 2)] })).toMatchObject({ kind: "appended" });
  });

  test("the stream looks as the contract says, and does not stay for ever", async () => {
    const { liveLog } = await open();
    const runId = crypto.randomUUID();
    await liveLog.append({ runId, records: [fact(1, START), delta(1, 1)] });
    const key = `run:{${runId}}:stream`;
    const [entries, ttlMs] = await stranger((client) => Promise.all([client.xRange(key, "-", "+"), client.pTTL(key)]));
    expect(entries).toEqual([
      { id: "1-0", message: { type: "step.started", ts: "1700000000000", payload: '{"step":1}', prev: "0-0" } },
      { id: "1-1", message: { type: "text.delta", ts: "1700000000001", payload: delta(1, 1).payload } },
    ]);
    expect(ttlMs).toBeGreaterThan(LIVE_LOG_TTL_MS - 60_000);
    expect(ttlMs).toBeLessThanOrEqual(LIVE_LOG_TTL_MS);
  });

  test("garbage on a run's channel is doubt, and does not cost the connection", async () => {
    const { liveLog } = await open();
    const runId = crypto.randomUUID();
    const heard = ear();
    await liveLog.subscribe({ runId, listener: heard.listener });
    await stranger((client) => client.publish(`run:{${runId}}:notify`, "1-0 garbage"));
    await heard.hears(() => heard.doubts() === 1);
    await liveLog.append({ runId, records: [delta(1, 1)] });
    await heard.hears((news) => news.length === 1);
    expect(heard.news).toEqual([{ kind: "records", records: [delta(1, 1)] }]);
    expect(notices).toEqual([]);
  });
});

test("an address that is none is refused with what to write instead, and without its password", async () => {
  for (const url of [
    "",
    "localhost",
    "http://user:geheim@host",
    "redis://user:geheim@host:port",
    "redis://:geheim@h/x",
  ]) {
    const refusal = await openRedis({ url, clock: systemClock, notify: () => {} }).catch((error: unknown) => error);
    expect(String(refusal)).toContain("REDIS_URL");
    expect(String(refusal)).not.toContain("geheim");
  }
});
