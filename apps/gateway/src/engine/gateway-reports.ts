import type { GatewayReport } from "@hsafa/protocol";
import { isoTime } from "../core/iso-time.ts";
import type { Clock } from "../ports/clock.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import type { LiveLog } from "../ports/live-log.ts";
import type { Log } from "../ports/log.ts";
import { Recurring } from "../runtime/recurring.ts";
import type { Troubles } from "../runtime/troubles.ts";
import { GATEWAY_REPORT_INTERVAL_MS, GATEWAY_REPORT_RETRY } from "./limits.ts";

export interface GatewayReportsParams {
  readonly gatewayId: string;
  readonly store: Pick<FleetStore, "reportGateway">;
  readonly liveLog: Pick<LiveLog, "check">;
  readonly troubles: Troubles;
  /** What the gateway has in hand now. */
  readonly counts: () => Omit<GatewayReport, "at" | "liveLogFault" | "troubles">;
  readonly clock: Clock;
  readonly log: Log;
}

/** Says every few seconds what this gateway has in hand, for people who look after it. Nothing rests on it. */
export class GatewayReports {
  readonly #params: GatewayReportsParams;
  readonly #reports: Recurring;

  constructor(params: GatewayReportsParams) {
    const { clock, log } = params;
    this.#params = params;
    const tick = async (): Promise<number> => {
      await this.#report();
      return GATEWAY_REPORT_INTERVAL_MS;
    };
    this.#reports = new Recurring({ name: "report this gateway", tick, retry: GATEWAY_REPORT_RETRY, clock, log });
  }

  start(): void {
    this.#reports.start(0);
  }

  async stop(): Promise<void> {
    await this.#reports.stop();
  }

  async #report(): Promise<void> {
    const { gatewayId, store, liveLog, troubles, counts, clock } = this.#params;
    const liveLogFault = await liveLog.check();
    const report = { at: isoTime(clock.now()), ...counts(), liveLogFault, troubles: troubles.last };
    await store.reportGateway({ gatewayId, report });
  }
}
