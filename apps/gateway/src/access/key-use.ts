import type { Clock } from "../ports/clock.ts";
import type { FleetKeys } from "../ports/fleet-keys.ts";
import { KEY_USE_COARSE_MS } from "../ports/limits.ts";
import type { Log } from "../ports/log.ts";
import { Recurring } from "../runtime/recurring.ts";
import { API_KEY_CACHE_MAX, KEY_USE_DELAY_MS } from "./limits.ts";

/**
 * Keeps when keys were last used, coarsely: a gateway writes each key once in `KEY_USE_COARSE_MS` at most, and those
 * used within `KEY_USE_DELAY_MS` together.
 */
export class KeyUse {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #loop: Recurring;
  /** When each key is to be written again, by the monotonic clock. The oldest is first. */
  readonly #quietUntil = new Map<string, number>();
  #due = new Set<string>();

  constructor(deps: {
    readonly fleet: Pick<FleetKeys, "recordKeyUse">;
    readonly clock: Pick<Clock, "after" | "monotonic" | "random">;
    readonly log: Log;
  }) {
    this.#clock = deps.clock;
    this.#loop = new Recurring({
      name: "record the use of keys",
      tick: async () => {
        const keyIds = [...this.#due];
        this.#due = new Set();
        if (keyIds.length > 0) await deps.fleet.recordKeyUse({ keyIds });
        return null;
      },
      retry: { minMs: KEY_USE_COARSE_MS, maxMs: KEY_USE_COARSE_MS },
      clock: deps.clock,
      log: deps.log,
    });
  }

  start(): void {
    this.#loop.start(null);
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** A key was used. */
  note(keyId: string): void {
    const now = this.#clock.monotonic();
    if ((this.#quietUntil.get(keyId) ?? Number.NEGATIVE_INFINITY) > now) return;
    this.#quietUntil.delete(keyId);
    const oldest = this.#quietUntil.size >= API_KEY_CACHE_MAX ? this.#quietUntil.keys().next().value : undefined;
    if (oldest !== undefined) this.#quietUntil.delete(oldest);
    this.#quietUntil.set(keyId, now + KEY_USE_COARSE_MS);
    this.#due.add(keyId);
    this.#loop.request(KEY_USE_DELAY_MS);
  }
}
