import type { Clock } from "../../ports/clock.ts";
import { MessagePace, type PaceBounds, type SentCost } from "./message-pace.ts";

/**
 * Makes one client wait while it sends faster than its pace. What waits for it resolves when the client has paid, or
 * when its connection ends.
 */
export class PaceWait {
  readonly #pace: MessagePace;
  readonly #clock: Pick<Clock, "monotonic" | "after">;
  readonly #onChange: () => void;
  /** `end` ends the wait. */
  #waiting: { readonly paid: Promise<void>; end: () => void } | null = null;

  /** `onChange`: called when the client begins to wait, and when it has paid. */
  constructor(params: {
    readonly bounds: PaceBounds;
    readonly clock: Pick<Clock, "monotonic" | "after">;
    readonly onChange: () => void;
  }) {
    this.#pace = new MessagePace(params.bounds);
    this.#clock = params.clock;
    this.#onChange = params.onChange;
  }

  get isWaiting(): boolean {
    return this.#waiting !== null;
  }

  /** Charges what was sent. Returns when the client has paid, or undefined if it has paid already. */
  charge(cost: SentCost): Promise<void> | undefined {
    this.#pace.charge(cost);
    if (this.#waiting !== null) return this.#waiting.paid;
    const waitMs = this.#pace.pay(this.#clock.monotonic());
    return waitMs === 0 ? undefined : this.#begin(waitMs);
  }

  /** The connection has ended: nothing waits any more. */
  end(): void {
    this.#waiting?.end();
  }

  #begin(waitMs: number): Promise<void> {
    const { promise: paid, resolve } = Promise.withResolvers<void>();
    const waiting = { paid, end: () => {} };
    const wait = (delayMs: number): void => {
      const cancel = this.#clock.after(delayMs, () => {
        const restMs = this.#pace.pay(this.#clock.monotonic());
        if (restMs > 0) wait(restMs);
        else waiting.end();
      });
      waiting.end = () => {
        cancel();
        this.#waiting = null;
        this.#onChange();
        resolve();
      };
    };
    this.#waiting = waiting;
    wait(waitMs);
    this.#onChange();
    return paid;
  }
}
