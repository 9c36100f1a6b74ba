import { SOCKET_CHECK_MS } from "../limits.ts";

/**
 * Counts for how long the other side was not heard, and when it is to be pinged. It is asked about every
 * `SOCKET_CHECK_MS`; time is an argument.
 */
export class SilenceWatch {
  #checkedAt: number;
  #unheardMs = 0;
  #sincePingMs = 0;

  /** `now`: by the monotonic clock, in milliseconds, as for `check`. */
  constructor(now: number) {
    this.#checkedAt = now;
  }

  /** The other side was heard. */
  heard(): void {
    this.#unheardMs = 0;
  }

  /** Counts anew, from the last check. */
  restart(): void {
    this.#unheardMs = 0;
    this.#sincePingMs = 0;
  }

  /**
   * `counts`: whether it could have been heard since the last check. `unheardMaxMs`: how long it may stay unheard.
   * `pingEveryMs`: null if it is not pinged.
   */
  check(
    now: number,
    params: { readonly counts: boolean; readonly unheardMaxMs: number; readonly pingEveryMs: number | null },
  ): "fine" | "ping" | "silent" {
    // A process that was itself stopped for a while heard nobody. That is not the other side's silence.
    const elapsedMs = Math.min(now - this.#checkedAt, 2 * SOCKET_CHECK_MS);
    this.#checkedAt = now;
    if (params.counts) this.#unheardMs += elapsedMs;
    if (this.#unheardMs >= params.unheardMaxMs) return "silent";
    this.#sincePingMs += elapsedMs;
    if (params.pingEveryMs === null || this.#sincePingMs < params.pingEveryMs) return "fine";
    this.#sincePingMs = 0;
    return "ping";
  }
}
