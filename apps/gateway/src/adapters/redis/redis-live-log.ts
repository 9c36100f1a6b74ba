import { LIVE_LOG_RECORDS_MAX, LIVE_LOG_TTL_MS } from "../../ports/limits.ts";
import type { TenantId } from "../../core/tenant-id.ts";
import type { LiveLog, LiveMessage, TenantLiveLog } from "../../ports/live-log.ts";
import type { Channels } from "./channels.ts";
import type { Connection } from "./connection.ts";
import { progressText, recordOf } from "./live-message.ts";
import { runKey } from "./run-key.ts";

export interface RedisLiveLogParams {
  readonly commands: Connection;
  readonly subscriber: Connection;
  readonly channels: Channels<LiveMessage>;
  readonly recordsMax?: number;
  readonly ttlMs?: number;
  /** Called once when the live log is closed: it needs the connections no longer. */
  readonly release: () => void;
}

/** The live log over Redis Streams and Pub/Sub. Waiting, failing and reconnecting are matters of the connections. */
export function createRedisLiveLog(params: RedisLiveLogParams): LiveLog {
  const { commands, subscriber, channels, recordsMax = LIVE_LOG_RECORDS_MAX, ttlMs = LIVE_LOG_TTL_MS } = params;
  let closed = false;
  /** Of the generation, within keys. */
  let infix = "";

  function forTenant(tenantId: TenantId): TenantLiveLog {
    const streamOf = (runId: string): string => runKey({ tenantId, runId, name: `${infix}stream` });
    const channelOf = (runId: string): string => runKey({ tenantId, runId, name: `${infix}notify` });

    return {
      async append({ runId, records, below = null }) {
        if (closed) return { kind: "unavailable" };
        if (records.length === 0) return { kind: "appended", accepted: [] };
        const batch = { stream: streamOf(runId), channel: channelOf(runId), below, records, recordsMax, ttlMs };
        const places = await commands.ask((client) => client.appendRecords(batch));
        if (places === "unavailable") return { kind: "unavailable" };
        if (places[0] === 0) return { kind: "other_history" };
        const all = places.length === records.length;
        return { kind: "appended", accepted: all ? records : records.filter((_, index) => places.includes(index + 1)) };
      },

      async read({ runId, after, limit }) {
        if (closed) return [];
        const entries = await commands.ask((client) =>
          client.xRange(streamOf(runId), `(${after.seq}-${after.sub}`, "+", { COUNT: limit }),
        );
        if (entries === "unavailable" || entries === null) return [];
        return entries.flatMap(({ id, message: { type = "", ts = "", payload = "", prev = "-" } }) => {
          const record = recordOf({ id, prev, type, ts, payload });
          return record === null ? [] : [record];
        });
      },

      async subscribe({ runId, listener }) {
        if (closed) return { unsubscribe() {} };
        const { joined, leave } = channels.join(channelOf(runId), listener);
        await joined;
        return { unsubscribe: leave };
      },

      sendProgress({ runId, json }) {
        if (!closed) void commands.ask((client) => client.publish(channelOf(runId), progressText(json)));
      },
    };
  }

  return {
    enter(tag) {
      infix = tag === "" ? "" : `${tag}:`;
    },

    forTenant,

    async check() {
      if (closed) return "closed";
      await commands.probe();
      return commands.reason ?? subscriber.reason;
    },

    async close() {
      if (closed) return;
      closed = true;
      channels.clear();
      params.release();
    },
  };
}
