import type { AgentConfig } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { RunProjection } from "../core/projection.ts";
import type { ClaimedRun, Inbox } from "./claimed-run.ts";

/** A gateway's offer to hold a run from the very commit on that makes it due. */
export interface HoldOffer {
  readonly gatewayId: string;
  /** As of a claim (`FleetStore.claimRuns`): `releaseClaims` finds by it what was taken if the answer is lost. */
  readonly claimNumber: number;
  readonly leaseDurationMs: number;
  /** The statement is on its way. Where connections are scarce that may be long after it was asked for. */
  sent(): void;
}

/** A run that was taken up by the statement that made it due. */
export interface TakenRun {
  /** As a claim would have returned it. */
  readonly claimed: ClaimedRun;
  /** The time of the store, in ms. */
  readonly now: number;
  /** The inputs that wait: all of them if that is one. Otherwise they are to be read. */
  readonly inbox: Inbox;
}

/** A run as its start is about to write it. */
export interface NewRun {
  readonly runId: string;
  readonly deviceKey: string | null;
  /** With defaults filled in. */
  readonly config: AgentConfig;
  /** Its `firstFacts`. */
  readonly facts: readonly EventRecord[];
  /** As of a loaded run. */
  readonly earlierRunIds: readonly string[];
  /** The time of the store, in ms. */
  readonly now: number;
}

/** How a run begins: the facts after its first ones, and its row then. */
export interface BegunRun {
  readonly facts: readonly EventRecord[];
  readonly run: RunProjection;
}

export interface StartOffer extends HoldOffer {
  /**
   * Returns how the run begins; null: it is to be queued. It is asked right before the statement is sent, again at each
   * try. The last answer counts.
   */
  begin(run: NewRun): BegunRun | null;
}
