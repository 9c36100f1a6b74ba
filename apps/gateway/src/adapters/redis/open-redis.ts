import type { Bell } from "../../ports/bell.ts";
import type { Clock } from "../../ports/clock.ts";
import { LIVE_LOG_TIMEOUT_MS } from "../../ports/limits.ts";
import type { LiveLog, LiveMessage } from "../../ports/live-log.ts";
import type { Log } from "../../ports/log.ts";
import { Channels } from "./channels.ts";
import { Connection } from "./connection.ts";
import { REDIS_START_WAIT_MAX_MS } from "./limits.ts";
import { parseLiveMessage } from "./live-message.ts";
import { createRedisBell, parseRing, type ReceivedRing } from "./redis-bell.ts";
import { clientsFor } from "./redis-client.ts";
import { createRedisLiveLog } from "./redis-live-log.ts";
import { RedisProbe } from "./redis-probe.ts";
import { UnsupportedRedis } from "./redis-refusal.ts";

export interface OpenRedisParams {
  /** `redis[s]://[[user]:password@]host[:port][/database][?parameters]`; see `redis-address.ts`. */
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly recordsMax?: number;
  readonly ttlMs?: number;
  readonly timeoutMs?: number;
}

/** The live log and the bell over one pair of connections, which ends when both are closed. */
export interface RedisBus {
  readonly liveLog: LiveLog;
  readonly bell: Bell;
  close(): Promise<void>;
}

/**
 * Connects to Redis, and connects again whenever the connection is lost. A gateway serves without Redis too, so this
 * resolves at the latest after `REDIS_START_WAIT_MAX_MS` or a first failure. Throws if the URL is no address, or leads
 * to a cluster or a sentinel.
 */
export async function openRedis(params: OpenRedisParams): Promise<RedisBus> {
  const { url, clock, log, recordsMax, ttlMs, timeoutMs = LIVE_LOG_TIMEOUT_MS } = params;
  const newClient = clientsFor(url);
  const probe = new RedisProbe(clock);
  const of = { newClient, clock, timeoutMs, log };
  const commands = new Connection({
    ...of,
    name: "commands",
    greet: (client) => probe.greet(client),
    probe: (client) => probe.write(client),
  });
  // A connection of its own, because a subscribed one takes no other commands.
  const subscriber = new Connection({
    ...of,
    name: "subscriber",
    greet: (client) => probe.listen(client),
    probe: (client) => probe.hear(client),
  });
  let users = 2;
  const release = (): void => {
    users -= 1;
    if (users > 0) return;
    commands.close();
    subscriber.close();
  };
  const shared = { connection: subscriber, clock, timeoutMs, log };
  const runs = new Channels<LiveMessage>({ ...shared, parse: parseLiveMessage, gap: { kind: "resync" } });
  const rings = new Channels<ReceivedRing>({ ...shared, parse: parseRing, gap: null });
  const liveLog = createRedisLiveLog({ commands, subscriber, channels: runs, recordsMax, ttlMs, release });

  const waited = Promise.withResolvers<void>();
  const cancel = clock.after(REDIS_START_WAIT_MAX_MS, waited.resolve);
  const first = await Promise.race([Promise.all([commands.open(), subscriber.open()]), waited.promise]);
  cancel();
  const unsupported = first?.find((error) => error instanceof UnsupportedRedis);
  if (unsupported !== undefined) {
    commands.close();
    subscriber.close();
    throw unsupported;
  }
  const bell = await createRedisBell({ commands, channels: rings, log, self: clock.newId(), release });
  return {
    liveLog,
    bell,
    async close() {
      await Promise.all([liveLog.close(), bell.close()]);
    },
  };
}
