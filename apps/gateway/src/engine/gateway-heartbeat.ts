/**
 * The heartbeat of a gateway: records that it lives, and looks for gateways that do not.
 *
 * 1. A heartbeat waits for nothing else that the engine does. A late one would look like a death.
 * 2. The interval is counted from when a heartbeat began, so that a slow answer does not stretch it.
 * 3. A gateway that was silent itself judges nobody at first: what kept it may have kept the others. Its own heartbeats
 *    must have been in time for as long as the others may take. Nor does a gateway judge that is stopping.
 */
import type { Clock } from "../ports/clock.ts";
import type { FleetStore, HeartbeatAnswer } from "../ports/fleet-store.ts";
import type { Log } from "../ports/log.ts";
import { Recurring } from "../runtime/recurring.ts";
import { GATEWAY_HEARTBEAT_INTERVAL_MS, GATEWAY_HEARTBEAT_RETRY, GATEWAY_SILENCE_MS } from "./limits.ts";
import type { StoreContact } from "./store-contact.ts";

export interface GatewayHeartbeatParams {
  readonly gatewayId: string;
  readonly store: Pick<FleetStore, "recordHeartbeat" | "endDeadGateways">;
  readonly clock: Clock;
  readonly contact: StoreContact;
  readonly log: Log;
  /** Called with what came with a heartbeat. Must not wait for anything (1.). */
  readonly onAnswer: (answer: HeartbeatAnswer) => void;
  /** Called with runs that are due because their gateway died. */
  readonly onDue: (runIds: readonly string[]) => void;
}

export class GatewayHeartbeat {
  readonly #params: GatewayHeartbeatParams;
  readonly #heartbeats: Recurring;
  #isStopping = false;
  /** When the last heartbeat was answered, and since when none was late, by the monotonic clock. */
  #answeredAt = Number.NEGATIVE_INFINITY;
  #steadySince = 0;

  constructor(params: GatewayHeartbeatParams) {
    const { clock, log } = params;
    this.#params = params;
    this.#heartbeats = new Recurring({
      name: "record a heartbeat",
      tick: () => this.#tick(),
      retry: GATEWAY_HEARTBEAT_RETRY,
      clock,
      log,
    });
  }

  start(): void {
    this.#heartbeats.start(0);
  }

  /** Tells the others at once that this gateway takes no new work. Its heartbeats go on while it finishes. */
  async announceStop(): Promise<void> {
    this.#isStopping = true;
    await this.#heartbeats.runNow();
  }

  /** Records that this gateway lives, whatever else is due. Rejects if the store is away. */
  async beat(): Promise<void> {
    await this.#record();
  }

  async close(): Promise<void> {
    await this.#heartbeats.stop();
  }

  async #tick(): Promise<number> {
    const { clock } = this.#params;
    const startedAt = clock.monotonic();
    await this.#record();
    if (this.#maySeekDead()) await this.#endDeadGateways();
    return Math.max(0, GATEWAY_HEARTBEAT_INTERVAL_MS - (clock.monotonic() - startedAt)); // 2.
  }

  async #record(): Promise<void> {
    const { gatewayId, store, clock, contact, onAnswer } = this.#params;
    onAnswer(await contact.hear(store.recordHeartbeat({ gatewayId, stopping: this.#isStopping })));
    const now = clock.monotonic();
    if (now - this.#answeredAt > GATEWAY_SILENCE_MS) this.#steadySince = now;
    this.#answeredAt = now;
  }

  /** 3. */
  #maySeekDead(): boolean {
    const isSteady = this.#params.clock.monotonic() - this.#steadySince >= GATEWAY_SILENCE_MS;
    return isSteady && this.#params.contact.mayJudge() && !this.#isStopping;
  }

  async #endDeadGateways(): Promise<void> {
    const { store, contact, log, onDue } = this.#params;
    const until = contact.databaseTimeIn(GATEWAY_SILENCE_MS);
    const runIds = await store.endDeadGateways({ silenceMs: GATEWAY_SILENCE_MS, until });
    if (runIds.length === 0) return;
    log.warn({ runs: runIds.length }, "a gateway died; its runs are taken over");
    onDue(runIds);
  }
}
