import { LIVE_LOG_TIMEOUT_MS } from "../../ports/limits.ts";
import { REDIS_START_WAIT_MAX_MS } from "./limits.ts";
import type { Bell } from "../../ports/bell.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LiveLog, LiveMessage } from "../../ports/live-log.ts";
import { createRedisBell, type HeardRing, parseRing } from "./bell.ts";
import { Channels } from "./channels.ts";
import { clientsFor } from "./client.ts";
import { Connection, type RedisNotice } from "./connection.ts";
import { createRedisLiveLog } from "./live-log.ts";
import { parseLiveMessage } from "./live-message.ts";

export interface OpenRedisParams {
  /** `redis[s]://[[user]:password@]host[:port][/database]`. */
  readonly url: string;
  readonly clock: Clock;
  readonly notify: (notice: RedisNotice) => void;
  readonly recordsMax?: number;
  readonly ttlMs?: number;
  readonly timeoutMs?: number;
}

/** What a gateway has of Redis: both over one pair of connections, which ends when both are closed. */
export interface RedisBus {
  readonly liveLog: LiveLog;
  readonly bell: Bell;
  close(): Promise<void>;
}

/**
 * Connects, and keeps connecting whenever Redis is lost. Answers once it is connected, or after
 * `REDIS_START_WAIT_MAX_MS` or a first failure without it: a gateway serves without Redis too. Throws only when the
 * address is none.
 */
export async function openRedis(params: OpenRedisParams): Promise<RedisBus> {
  const { url, clock, notify, recordsMax, ttlMs, timeoutMs = LIVE_LOG_TIMEOUT_MS } = params;
  const newClient = clientsFor(url);
  const commands = new Connection({ name: "commands", newClient, clock, timeoutMs, notify });
  const subscriber = new Connection({ name: "subscriber", newClient, clock, timeoutMs, notify });
  let users = 2;
  const release = (): void => {
    users -= 1;
    if (users > 0) return;
    commands.close();
    subscriber.close();
  };
  const shared = { connection: subscriber, clock, timeoutMs, notify };
  const news = new Channels<LiveMessage>({ ...shared, parse: parseLiveMessage, doubt: { kind: "doubt" } });
  const rings = new Channels<HeardRing>({ ...shared, parse: parseRing, doubt: null });
  const liveLog = createRedisLiveLog({ commands, subscriber, channels: news, recordsMax, ttlMs, release });

  const waited = Promise.withResolvers<void>();
  const cancel = clock.after(REDIS_START_WAIT_MAX_MS, waited.resolve);
  await Promise.race([Promise.all([commands.open(), subscriber.open()]), waited.promise]);
  cancel();
  const bell = await createRedisBell({ commands, channels: rings, notify, self: clock.newId(), release });
  return {
    liveLog,
    bell,
    async close() {
      await Promise.all([liveLog.close(), bell.close()]);
    },
  };
}
