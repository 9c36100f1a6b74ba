import {
  REDIS_CONNECT_TIMEOUT_MS,
  REDIS_PING_INTERVAL_MS,
  REDIS_RECONNECT_DELAY_MAX_MS,
  REDIS_RECONNECT_DELAY_MIN_MS,
  REDIS_SILENCE_MAX_MS,
} from "./limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { RedisClient } from "./client.ts";

export type ConnectionName = "commands" | "subscriber";

/** What an operator should know. */
export type RedisNotice =
  | { readonly kind: "away"; readonly connection: ConnectionName; readonly error: unknown }
  | { readonly kind: "back"; readonly connection: ConnectionName }
  /**
   * Redis is there and refuses what it is asked (out of memory, not permitted, …); told once per text and connection.
   */
  | { readonly kind: "refused"; readonly connection: ConnectionName; readonly error: unknown }
  | { readonly kind: "listener-failed"; readonly error: unknown };

export interface ConnectionParams {
  readonly name: ConnectionName;
  readonly newClient: (name: string) => RedisClient;
  readonly clock: Clock;
  /** A command that takes longer is given up. */
  readonly timeoutMs: number;
  readonly notify: (notice: RedisNotice) => void;
}

/** Whoever must act when the connection comes or goes. */
export interface ConnectionWatcher {
  up(client: RedisClient): void;
  down(): void;
}

type Phase =
  | { readonly kind: "connecting"; readonly client: RedisClient; readonly cancel: () => void }
  | { readonly kind: "up"; readonly client: RedisClient; trust: Trust; probe: Probe }
  | { readonly kind: "waiting"; readonly cancel: () => void }
  | { readonly kind: "closed" };
/** `suspected`: a command went unanswered; until a probe is answered in time nothing more is sent. */
type Trust = "trusted" | "suspected";
type Probe =
  | { readonly kind: "due"; readonly cancel: () => void }
  | { readonly kind: "sent"; readonly sentAt: number; readonly cancel: () => void };

/**
 * One connection to Redis, made anew as often as it breaks. node-redis has no way to give up a socket that is open but
 * silent and to go on with another, so its own reconnecting is off and each socket has a client of its own: nothing
 * queued for a dead one can reach the next.
 *
 * It never queues while Redis is away: `ask` then answers at once.
 */
export class Connection {
  readonly #params: ConnectionParams;
  readonly #watchers: ConnectionWatcher[] = [];
  #phase: Phase = { kind: "closed" };
  #failures = 0;
  #told: "away" | "back" | null = null;
  #lastRefusal = "";
  #firstAttempt = Promise.withResolvers<void>();

  constructor(params: ConnectionParams) {
    this.#params = params;
  }

  /** Adds a watcher; to be called before `open`. */
  watch(watcher: ConnectionWatcher): void {
    this.#watchers.push(watcher);
  }

  /** Begins to connect, and goes on until `close`. Resolves when the first attempt has succeeded or failed. */
  open(): Promise<void> {
    this.#connect();
    return this.#firstAttempt.promise;
  }

  get usable(): boolean {
    return this.#phase.kind === "up" && this.#phase.trust === "trusted";
  }

  /**
   * Sends a command and answers its reply; `unavailable` when Redis is away, refuses, or takes over `timeoutMs` (a
   * later reply is ignored). Never rejects.
   */
  ask<Reply>(command: (client: RedisClient) => Promise<Reply>): Promise<Reply | "unavailable"> {
    const phase = this.#phase;
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
        this.#refused(client, error);
        settle("unavailable");
      });
    });
  }

  /** Tells the operator of a command that Redis refused; errors of a connection that is gone are told as such. */
  #refused(client: RedisClient, error: unknown): void {
    const text = String(error);
    if (!this.#isUp(client) || text === this.#lastRefusal) return;
    this.#lastRefusal = text;
    this.#params.notify({ kind: "refused", connection: this.#params.name, error });
  }

  close(): void {
    const phase = this.#phase;
    this.#phase = { kind: "closed" };
    this.#leave(phase);
    this.#firstAttempt.resolve();
  }

  #connect(): void {
    // The name shows in CLIENT LIST.
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
      // Given up while the socket was still being made; only now can it be closed.
      client.destroy();
      return;
    }
    phase.cancel();
    this.#failures = 0;
    this.#phase = { kind: "up", client, trust: "trusted", probe: { kind: "due", cancel: () => {} } };
    void this.#probe(client);
    if (this.#told === "away") this.#params.notify({ kind: "back", connection: this.#params.name });
    this.#told = "back";
    for (const watcher of this.#watchers) watcher.up(client);
    this.#firstAttempt.resolve();
  }

  #lost(client: RedisClient, error: unknown): void {
    const phase = this.#phase;
    const concernsUs = (phase.kind === "connecting" || phase.kind === "up") && phase.client === client;
    if (!concernsUs) return;
    const { clock, name, notify } = this.#params;
    const ceiling = Math.min(REDIS_RECONNECT_DELAY_MAX_MS, REDIS_RECONNECT_DELAY_MIN_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    this.#lastRefusal = "";
    // Half of the delay is random, so that gateways that lost Redis together do not return together.
    this.#phase = { kind: "waiting", cancel: clock.after(ceiling * (0.5 + clock.random() / 2), () => this.#connect()) };
    this.#leave(phase);
    if (this.#told !== "away") notify({ kind: "away", connection: name, error });
    this.#told = "away";
    this.#firstAttempt.resolve();
  }

  /** Ends what a phase held. */
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

  /**
   * Sends a PING, whose answer renews the trust and whose silence ends the connection: a half-open one looks open for
   * minutes.
   */
  async #probe(client: RedisClient): Promise<void> {
    const phase = this.#phase;
    if (phase.kind !== "up" || phase.client !== client) return;
    phase.probe.cancel();
    const { clock, timeoutMs } = this.#params;
    const sentAt = clock.monotonic();
    const cancel = this.#afterReading(REDIS_SILENCE_MAX_MS, () =>
      this.#lost(client, new Error(`no answer for ${REDIS_SILENCE_MAX_MS} ms`)),
    );
    phase.probe = { kind: "sent", sentAt, cancel };
    try {
      await client.ping();
    } catch {
      // A refusal (still loading, queue full) is no answer: the silence that follows ends the connection.
      return;
    }
    cancel();
    if (this.#phase !== phase) return;
    if (clock.monotonic() - sentAt <= timeoutMs) phase.trust = "trusted";
    // A Redis that is too slow for writes is asked again at once, one probe at a time.
    const delayMs = phase.trust === "trusted" ? REDIS_PING_INTERVAL_MS : 0;
    phase.probe = { kind: "due", cancel: clock.after(delayMs, () => void this.#probe(client)) };
  }

  #isUp(client: RedisClient): boolean {
    return this.#phase.kind === "up" && this.#phase.client === client;
  }

  /**
   * Like `clock.after`, but sockets are read once more before `callback` runs: when the event loop was blocked, timers
   * come before the answers that have long arrived, and a healthy Redis must not be given up for our own pause.
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
