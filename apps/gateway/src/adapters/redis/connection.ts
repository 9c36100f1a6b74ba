/**
 * One connection to Redis, replaced as often as it breaks. `Channels` owns the subscriptions on it; the bell and the
 * live log own the commands.
 *
 * 1. Nothing waits for an absent Redis: `ask` then returns `unavailable` at once, and queues nothing.
 * 2. A command that takes longer than `timeoutMs` is given up, and the connection is suspected. Nothing more is sent on
 *    it until a ping was answered within `timeoutMs`. A late reply is ignored.
 * 3. A connection that answers no ping for `REDIS_SILENCE_MAX_MS` is replaced. A half-open socket looks open for
 *    minutes.
 * 4. Each socket has a client of its own, so nothing queued for a dead one reaches the next. node-redis cannot give up
 *    a socket that is open but silent, so its own reconnecting is off.
 * 5. What an earlier client still does or says changes nothing.
 * 6. A blocked event loop of our own is not taken for a slow Redis: sockets are read once more before time is up.
 * 7. An outage is logged once when it begins and once when it ends. A refusal is logged once per text and connection.
 */
import { backoffMs } from "../../core/backoff.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import {
  REDIS_CONNECT_TIMEOUT_MS,
  REDIS_PING_INTERVAL_MS,
  REDIS_RECONNECT_BACKOFF,
  REDIS_SILENCE_MAX_MS,
} from "./limits.ts";
import type { RedisClient } from "./redis-client.ts";

export interface ConnectionParams {
  readonly name: "commands" | "subscriber";
  readonly newClient: (name: string) => RedisClient;
  readonly clock: Clock;
  /** How long a command may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly log: Log;
}

/** Told when the connection comes or goes. */
export interface ConnectionWatcher {
  up(client: RedisClient): void;
  down(): void;
}

type Phase =
  | { readonly kind: "connecting"; readonly client: RedisClient; readonly cancel: () => void }
  | { readonly kind: "up"; readonly client: RedisClient; trust: Trust; probe: Probe }
  | { readonly kind: "waiting"; readonly cancel: () => void }
  | { readonly kind: "closed" };
/** See 2. */
type Trust = "trusted" | "suspected";
type Probe =
  | { readonly kind: "due"; readonly cancel: () => void }
  | { readonly kind: "sent"; readonly sentAt: number; readonly cancel: () => void };

export class Connection {
  readonly #params: ConnectionParams;
  readonly #watchers: ConnectionWatcher[] = [];
  #phase: Phase = { kind: "closed" };
  /** Attempts that failed since the last connection, and losses of one. */
  #failures = 0;
  /** What the log said last; see 7. */
  #logged: "away" | "back" | null = null;
  #lastRefusal = "";
  #firstAttempt = Promise.withResolvers<void>();

  constructor(params: ConnectionParams) {
    this.#params = params;
  }

  /** Adds a watcher. Must be called before `open`. */
  watch(watcher: ConnectionWatcher): void {
    this.#watchers.push(watcher);
  }

  /** Starts to connect, and continues until `close`. Resolves when the first attempt has succeeded or failed. */
  open(): Promise<void> {
    this.#connect();
    return this.#firstAttempt.promise;
  }

  get usable(): boolean {
    return this.#phase.kind === "up" && this.#phase.trust === "trusted";
  }

  /** Sends a command and returns its reply, or `unavailable` when Redis is away, refuses or is slow. Never rejects. */
  ask<Reply>(command: (client: RedisClient) => Promise<Reply>): Promise<Reply | "unavailable"> {
    const phase = this.#phase;
    // 1. and 2.
    if (phase.kind !== "up" || phase.trust === "suspected") return Promise.resolve("unavailable");
    const { client } = phase;
    return new Promise((resolve) => {
      const settle = (outcome: Reply | "unavailable"): void => {
        cancel();
        resolve(outcome);
      };
      const cancel = this.#afterReading(this.#params.timeoutMs, () => {
        this.#suspect(client);
        settle("unavailable");
      });
      command(client).then(settle, (error: unknown) => {
        this.#logRefusal(client, error);
        settle("unavailable");
      });
    });
  }

  /** Logs a command that Redis refused. The loss of a connection is logged elsewhere. */
  #logRefusal(client: RedisClient, error: unknown): void {
    const text = String(error);
    const isOurs = this.#phase.kind === "up" && this.#phase.client === client;
    // 5. and 7.
    if (!isOurs || text === this.#lastRefusal) return;
    this.#lastRefusal = text;
    this.#params.log.warn({ connection: this.#params.name, err: error }, "Redis refused a command");
  }

  close(): void {
    const phase = this.#phase;
    this.#phase = { kind: "closed" };
    this.#leave(phase);
    this.#firstAttempt.resolve();
  }

  #connect(): void {
    // 4.
    const client = this.#params.newClient(`hsafa-${this.#params.name}`);
    const lost = (error: unknown): void => this.#lost(client, error);
    const cancel = this.#afterReading(REDIS_CONNECT_TIMEOUT_MS, () =>
      lost(new Error(`no connection within ${REDIS_CONNECT_TIMEOUT_MS} ms`)),
    );
    this.#phase = { kind: "connecting", client, cancel };
    client.on("error", lost);
    client.connect().then(() => this.#up(client), lost);
  }

  #up(client: RedisClient): void {
    const phase = this.#phase;
    if (phase.kind !== "connecting" || phase.client !== client) {
      // 5. It was given up while its socket was being made, and can be closed only now.
      client.destroy();
      return;
    }
    phase.cancel();
    this.#failures = 0;
    this.#phase = { kind: "up", client, trust: "trusted", probe: { kind: "due", cancel: () => {} } };
    void this.#probe(client);
    const { log, name } = this.#params;
    // 7.
    if (this.#logged === "away") log.info({ connection: name }, "Redis is back");
    this.#logged = "back";
    for (const watcher of this.#watchers) watcher.up(client);
    this.#firstAttempt.resolve();
  }

  #lost(client: RedisClient, error: unknown): void {
    const phase = this.#phase;
    const isOurs = (phase.kind === "connecting" || phase.kind === "up") && phase.client === client;
    // 5.
    if (!isOurs) return;
    const { clock, name, log } = this.#params;
    this.#failures += 1;
    this.#lastRefusal = "";
    const delayMs = backoffMs(this.#failures, REDIS_RECONNECT_BACKOFF, clock.random());
    this.#phase = { kind: "waiting", cancel: clock.after(delayMs, () => this.#connect()) };
    this.#leave(phase);
    // 7.
    if (this.#logged !== "away") log.warn({ connection: name, err: error }, "Redis is away");
    this.#logged = "away";
    this.#firstAttempt.resolve();
  }

  /** Releases what a phase held. */
  #leave(phase: Phase): void {
    switch (phase.kind) {
      case "connecting":
        phase.cancel();
        phase.client.destroy();
        return;
      case "up":
        phase.probe.cancel();
        phase.client.destroy();
        for (const watcher of this.#watchers) watcher.down();
        return;
      case "waiting":
        phase.cancel();
        return;
      case "closed":
        return;
      default:
        phase satisfies never;
    }
  }

  #suspect(client: RedisClient): void {
    const phase = this.#phase;
    if (phase.kind !== "up" || phase.client !== client || phase.trust === "suspected") return;
    phase.trust = "suspected";
    if (phase.probe.kind === "due") void this.#probe(client);
  }

  /** Sends a ping. Its answer restores the trust (2), and its silence ends the connection (3). */
  async #probe(client: RedisClient): Promise<void> {
    const phase = this.#phase;
    if (phase.kind !== "up" || phase.client !== client) return;
    phase.probe.cancel();
    const { clock, timeoutMs } = this.#params;
    const sentAt = clock.monotonic();
    // 3.
    const cancel = this.#afterReading(REDIS_SILENCE_MAX_MS, () =>
      this.#lost(client, new Error(`no answer for ${REDIS_SILENCE_MAX_MS} ms`)),
    );
    phase.probe = { kind: "sent", sentAt, cancel };
    try {
      await client.ping();
    } catch {
      // A refusal (still loading, queue full) is no answer. The silence that follows ends the connection.
      return;
    }
    cancel();
    // 5.
    if (this.#phase !== phase) return;
    // 2.
    if (clock.monotonic() - sentAt <= timeoutMs) phase.trust = "trusted";
    // A Redis that is too slow for writes gets the next ping at once. One ping is in flight at a time.
    const delayMs = phase.trust === "trusted" ? REDIS_PING_INTERVAL_MS : 0;
    phase.probe = { kind: "due", cancel: clock.after(delayMs, () => void this.#probe(client)) };
  }

  /**
   * Like `clock.after`, but reads the sockets once more before `callback` runs (6). After the event loop was blocked,
   * timers run before answers that have long arrived.
   */
  #afterReading(delayMs: number, callback: () => void): () => void {
    let canceled = false;
    const cancel = this.#params.clock.after(delayMs, () => {
      setImmediate(() => {
        if (!canceled) callback();
      });
    });
    return () => {
      canceled = true;
      cancel();
    };
  }
}
