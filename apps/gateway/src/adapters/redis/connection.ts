/**
 * One connection to Redis, replaced as often as it breaks. `Channels` owns the subscriptions on it; the bell and the
 * live log own the commands.
 *
 * 1. Nothing waits for an absent Redis: `ask` then returns `unavailable` at once, and queues nothing.
 * 2. A command that takes longer than `timeoutMs` is given up, and the connection is suspected. Nothing more is sent on
 *    it until a probe was answered within `timeoutMs`. A late reply is ignored.
 * 3. A connection that answers no probe for `REDIS_SILENCE_MAX_MS` is replaced. A half-open socket looks open for
 *    minutes.
 * 4. Each socket has a client of its own, so nothing queued for a dead one reaches the next. node-redis cannot give up
 *    a socket that is open but silent, so its own reconnecting is off.
 * 5. What an earlier client still does or says changes nothing.
 * 6. A blocked event loop of our own is not taken for a slow Redis: sockets are read once more before time is up.
 * 7. A Redis that is there and refuses to serve is away: the connection is made anew, by a new look-up of its name. It
 *    is up when the probe was answered, and the probe asks for what requests ask.
 * 8. An outage is logged once when it begins and once when it ends. A refusal is logged once per text and connection.
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
import { redisRefusal } from "./redis-refusal.ts";

export interface ConnectionParams {
  readonly name: "commands" | "subscriber";
  readonly newClient: (name: string) => RedisClient;
  /** Called with each new connection; what it rejects with is why there is none. */
  readonly greet: (client: RedisClient) => Promise<void>;
  /** Asks Redis for what requests ask of it on this connection. Rejects with what Redis refuses. */
  readonly probe: (client: RedisClient) => Promise<void>;
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
  | { readonly kind: "up"; readonly client: RedisClient; readonly upAt: number; trust: Trust; probe: Probe }
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
  /** What the log said last; see 8. */
  #logged: "away" | "back" | null = null;
  #lastRefusal = "";
  readonly #firstAttempt = Promise.withResolvers<unknown>();
  /** Why the last connection was lost, or none could be made. */
  #lastError: unknown = null;

  constructor(params: ConnectionParams) {
    this.#params = params;
  }

  /** Adds a watcher. Must be called before `open`. */
  watch(watcher: ConnectionWatcher): void {
    this.#watchers.push(watcher);
  }

  /** Starts to connect, and continues until `close`. Resolves with what the first attempt failed with, or null. */
  open(): Promise<unknown> {
    this.#connect();
    return this.#firstAttempt.promise;
  }

  get usable(): boolean {
    return this.#phase.kind === "up" && this.#phase.trust === "trusted";
  }

  /** Why nothing is sent now, as a text that begins with Redis' own code where it gave one. Null: it is usable. */
  get reason(): string | null {
    if (this.usable) return null;
    if (this.#phase.kind === "up") return `no answer within ${this.#params.timeoutMs} ms`;
    return this.#lastError === null ? "not connected" : describe(this.#lastError);
  }

  /** Probes it now. What Redis refuses to a probe is no fault of a key, so the connection is made anew (7). */
  async probe(): Promise<void> {
    await this.ask(async (client) => {
      try {
        await this.#params.probe(client);
      } catch (error) {
        this.#lost(client, error);
        throw error;
      }
    });
  }

  /** Redis refused to serve on this client: the connection is made anew (7). */
  refused(client: RedisClient, error: unknown): void {
    this.#lost(client, error);
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
        // 7.
        if (redisRefusal(error) === null) this.#logRefusal(client, error);
        else this.#lost(client, error);
        settle("unavailable");
      });
    });
  }

  /** Logs a command that Redis refused. The loss of a connection is logged elsewhere. */
  #logRefusal(client: RedisClient, error: unknown): void {
    const text = String(error);
    const isOurs = this.#phase.kind === "up" && this.#phase.client === client;
    // 5. and 8.
    if (!isOurs || text === this.#lastRefusal) return;
    this.#lastRefusal = text;
    this.#params.log.warn({ connection: this.#params.name, err: error }, "Redis refused a command");
  }

  close(): void {
    const phase = this.#phase;
    this.#phase = { kind: "closed" };
    this.#leave(phase);
    this.#firstAttempt.resolve(null);
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
    this.#greet(client).then(() => this.#up(client), lost);
  }

  /** 7. */
  async #greet(client: RedisClient): Promise<void> {
    await client.connect();
    await this.#params.greet(client);
    await this.#params.probe(client);
  }

  #up(client: RedisClient): void {
    const phase = this.#phase;
    if (phase.kind !== "connecting" || phase.client !== client) {
      // 5. It was given up while its socket was being made, and can be closed only now.
      client.destroy();
      return;
    }
    phase.cancel();
    const { log, name, clock } = this.#params;
    const probe = { kind: "due", cancel: this.#probeLater(client) } as const;
    this.#phase = { kind: "up", client, upAt: clock.monotonic(), trust: "trusted", probe };
    // 8.
    if (this.#logged === "away") log.info({ connection: name }, "Redis is back");
    this.#logged = "back";
    for (const watcher of this.#watchers) watcher.up(client);
    this.#firstAttempt.resolve(null);
  }

  #lost(client: RedisClient, error: unknown): void {
    const phase = this.#phase;
    const isOurs = (phase.kind === "connecting" || phase.kind === "up") && phase.client === client;
    // 5.
    if (!isOurs) return;
    const { clock, name, log } = this.#params;
    // A connection that opens and is refused at once is no success.
    const wasGood = phase.kind === "up" && clock.monotonic() - phase.upAt >= REDIS_PING_INTERVAL_MS;
    this.#failures = wasGood ? 1 : this.#failures + 1;
    this.#lastError = error;
    this.#lastRefusal = "";
    const delayMs = backoffMs(this.#failures, REDIS_RECONNECT_BACKOFF, clock.random());
    this.#phase = { kind: "waiting", cancel: clock.after(delayMs, () => this.#connect()) };
    this.#leave(phase);
    // 8.
    if (this.#logged !== "away") log.warn({ connection: name, err: error }, "Redis is away");
    this.#logged = "away";
    this.#firstAttempt.resolve(error);
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

  /** Probes the connection. An answer restores the trust (2); a refusal (7) or silence (3) ends the connection. */
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
      await this.#params.probe(client);
    } catch (error) {
      cancel();
      this.#lost(client, error);
      return;
    }
    cancel();
    // 5.
    if (this.#phase !== phase) return;
    // 2.
    if (clock.monotonic() - sentAt <= timeoutMs) phase.trust = "trusted";
    // A Redis that is too slow for writes gets the next probe at once. One probe is in flight at a time.
    const cancelNext =
      phase.trust === "trusted" ? this.#probeLater(client) : clock.after(0, () => void this.#probe(client));
    phase.probe = { kind: "due", cancel: cancelNext };
  }

  #probeLater(client: RedisClient): () => void {
    return this.#params.clock.after(REDIS_PING_INTERVAL_MS, () => void this.#probe(client));
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

function describe(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
