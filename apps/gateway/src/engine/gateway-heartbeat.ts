import { GATEWAY_BEAT_MS, GATEWAY_SILENCE_MS } from "./limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import type { Log } from "../ports/log.ts";
import { StoreUnavailable } from "../ports/store.ts";
import type { StoreContact } from "./store-contact.ts";

export interface GatewayHeartbeatParams {
  readonly gatewayId: string;
  readonly store: Pick<FleetStore, "recordHeartbeat" | "endDeadGateways">;
  readonly clock: Clock;
  readonly contact: StoreContact;
  readonly log: Log;
  /** Hears of runs that are due because their gateway died. */
  readonly onDue: (runIds: readonly string[]) => void;
}

/**
 * Says again and again that this gateway lives, and looks for gateways that do not. It waits for nothing else that the
 * engine does: a beat that is late for want of a free connection would look like a death.
 */
export class GatewayHeartbeat {
  readonly #params: GatewayHeartbeatParams;
  #isStopping = false;
  #isFailing = false;
  #closed = false;
  /** When the last beat was answered, and since when none was late, by the monotonic clock. */
  #answeredAt = Number.NEGATIVE_INFINITY;
  #steadySince = 0;
  #beating: Promise<void> = Promise.resolve();
  /** Calls off the next beat; null while one is under way. */
  #cancel: (() => void) | null = null;

  constructor(params: GatewayHeartbeatParams) {
    this.#params = params;
  }

  start(): void {
    this.#schedule(0);
  }

  /** Tells the others at once that this gateway takes no new work; the beats go on while it finishes. */
  async stopping(): Promise<void> {
    this.#isStopping = true;
    this.#cancel?.();
    await this.#beating;
    this.#cancel?.();
    this.#beating = this.#beatAndGoOn();
    await this.#beating;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.#beating;
  }

  #schedule(delayMs: number): void {
    if (this.#closed) return;
    this.#cancel = this.#params.clock.after(delayMs, () => {
      this.#cancel = null;
      this.#beating = this.#beatAndGoOn();
    });
  }

  /** Never rejects. */
  async #beatAndGoOn(): Promise<void> {
    const { clock, log } = this.#params;
    const startedAt = clock.monotonic();
    try {
      await this.#beat();
      this.#isFailing = false;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) log.error({ err: error }, "the gateway could not say that it lives");
      else if (!this.#isFailing) log.warn({ err: error }, "the gateway could not say that it lives: the store is away");
      this.#isFailing = true;
    }
    this.#schedule(Math.max(0, GATEWAY_BEAT_MS - (clock.monotonic() - startedAt)));
  }

  async #beat(): Promise<void> {
    const { gatewayId, store, clock, contact, log, onDue } = this.#params;
    await store.recordHeartbeat({ gatewayId, stopping: this.#isStopping });
    contact.answered();
    const now = clock.monotonic();
    if (now - this.#answeredAt > GATEWAY_SILENCE_MS) this.#steadySince = now;
    this.#answeredAt = now;
    // Whoever was silent itself does not judge the others' silence: what kept it may have kept them.
    if (now - this.#steadySince < GATEWAY_SILENCE_MS || !contact.mayJudge() || this.#isStopping) return;
    const until = contact.timeIn(GATEWAY_SILENCE_MS);
    const runIds = await store.endDeadGateways({ silenceMs: GATEWAY_SILENCE_MS, until });
    if (runIds.length === 0) return;
    log.warn({ runs: runIds.length }, "a gateway died; its runs are taken over");
    onDue(runIds);
  }
}
