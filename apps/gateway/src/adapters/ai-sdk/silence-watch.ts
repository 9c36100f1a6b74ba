import type { Clock } from "../../ports/clock.ts";

/** Calls back once when a stream has been silent for `limitMs`. Time in which nobody reads from it does not count. */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #onSilence: () => void;
  #lastHeard: number;
  /** Pauses that go on, and when the first of them began. They may overlap. */
  #pauses = 0;
  #pausedAt = 0;
  #disarm: () => void = () => {};

  /** Starts to watch at once. */
  constructor(params: { readonly clock: Clock; readonly limitMs: number; readonly onSilence: () => void }) {
    this.#clock = params.clock;
    this.#limitMs = params.limitMs;
    this.#onSilence = params.onSilence;
    this.#lastHeard = params.clock.monotonic();
    this.#lookAfter(params.limitMs);
  }

  /** The stream has said something. */
  heard(): void {
    this.#lastHeard = this.#clock.monotonic();
  }

  /** Waits for `pause` without counting it as silence. What was silence before it still counts. */
  async during(pause: Promise<void>): Promise<void> {
    if (this.#pauses === 0) this.#pausedAt = this.#clock.monotonic();
    this.#pauses += 1;
    await pause;
    this.#pauses -= 1;
    if (this.#pauses === 0) this.#lastHeard += this.#clock.monotonic() - this.#pausedAt;
  }

  /** Ends the watch; `onSilence` is not called any more. */
  stop(): void {
    this.#disarm();
  }

  /**
   * One timer looks again when the silence could be long enough. A timer set anew for each fragment would cost more.
   */
  #lookAfter(delayMs: number): void {
    this.#disarm = this.#clock.after(delayMs, () => {
      const silentMs = this.#pauses > 0 ? 0 : this.#clock.monotonic() - this.#lastHeard;
      if (silentMs < this.#limitMs) this.#lookAfter(this.#limitMs - silentMs);
      else this.#onSilence();
    });
  }
}
