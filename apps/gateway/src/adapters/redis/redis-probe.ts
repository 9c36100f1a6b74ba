/**
 * Asks Redis for what requests ask of it: to write a run's stream, to read it, to publish, and to pass on what was
 * published. A Redis that answers PING may do none of these.
 *
 * 1. What is written goes the way of a run's events, by the same script, under a key that looks like a run's. So what
 *    is refused to a run is refused here.
 * 2. What is published must be heard. After a failover the two connections may lead to two servers.
 * 3. A cluster and a sentinel are refused, because hsafa speaks to one primary.
 */
import type { Clock } from "../../ports/clock.ts";
import { REDIS_PROBE_TTL_MS, REDIS_SILENCE_MAX_MS } from "./limits.ts";
import type { RedisClient } from "./redis-client.ts";
import { UnsupportedRedis } from "./redis-refusal.ts";
import { runKey } from "./run-key.ts";

export class RedisProbe {
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  readonly #stream: string;
  readonly #channel: string;
  readonly #seq: number;
  #written = 0;
  /** When the first of the messages that were not heard yet was published, by the monotonic clock. */
  #unheardSince: number | null = null;

  constructor(clock: Pick<Clock, "now" | "monotonic" | "newId">) {
    this.#clock = clock;
    const id = clock.newId();
    const ofProbe = { tenantId: null, runId: `hsafa-probe-${id}` };
    this.#stream = runKey({ ...ofProbe, name: "stream" });
    this.#channel = runKey({ ...ofProbe, name: "notify" });
    this.#seq = clock.now();
  }

  /** Rejects for a server that is no single primary. */
  async greet(client: RedisClient): Promise<void> {
    const mode = modeOf(await client.sendCommand(["HELLO"]).catch(() => null));
    // 3.
    if (mode !== "cluster" && mode !== "sentinel") return;
    throw new UnsupportedRedis(
      `REDIS_URL leads to a Redis ${mode === "cluster" ? "Cluster" : "Sentinel"}, and hsafa speaks to one primary. Give the ` +
        "address of a Redis without cluster mode, or of a proxy or a service that leads to the present primary (docs/deploy/redis.md)",
    );
  }

  /** Writes, reads and publishes. Rejects with what Redis refuses. 1. */
  async write(client: RedisClient): Promise<void> {
    this.#written += 1;
    const ts = this.#clock.now();
    const record = { seq: this.#seq, sub: this.#written, prev: null, type: "text.delta", ts, payload: "{}" } as const;
    this.#unheardSince ??= this.#clock.monotonic();
    try {
      const params = { stream: this.#stream, channel: this.#channel, recordsMax: 1, ttlMs: REDIS_PROBE_TTL_MS };
      await Promise.all([
        client.appendRecords({ ...params, below: null, records: [record] }),
        client.xRange(this.#stream, "-", "+", { COUNT: 1 }),
      ]);
    } catch (error) {
      this.#unheardSince = null;
      throw error;
    }
  }

  /** Whether something was published that was not heard yet. */
  get isUnheard(): boolean {
    return this.#unheardSince !== null;
  }

  /** Begins to listen on a new connection. Rejects if that is refused. */
  async listen(client: RedisClient): Promise<void> {
    this.#unheardSince = null;
    await client.subscribe(this.#channel, () => {
      this.#unheardSince = null;
    });
  }

  /** Rejects if the connection that listens is silent, or hears nothing of what is published. 2. */
  async hear(client: RedisClient): Promise<void> {
    await client.ping();
    const since = this.#unheardSince;
    if (since !== null && this.#clock.monotonic() - since > REDIS_SILENCE_MAX_MS) {
      throw new Error("what is published is not heard: the two connections may lead to two servers");
    }
  }
}

/** The mode in a reply to HELLO, which is a list or a map by the version of the protocol. */
function modeOf(reply: unknown): unknown {
  if (reply instanceof Map) return reply.get("mode");
  if (Array.isArray(reply)) return reply[reply.indexOf("mode") + 1];
  return typeof reply === "object" && reply !== null && "mode" in reply ? reply.mode : undefined;
}
