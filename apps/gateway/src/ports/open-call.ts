import type { JsonValue } from "@hsafa/protocol";

/** A call, as the gateway that holds a device's socket sees it. */
export interface OpenCall {
  readonly callId: string;
  readonly runId: string;
  /** The run that started this one, if it is a child. */
  readonly parentRunId: string | null;
  readonly toolName: string;
  readonly args: JsonValue;
  readonly attempt: number;
  readonly deadline: number | null;
  readonly repeatable: boolean;
  /** Whether any device that fits may take it. Then it should go to the one that has least in hand. */
  readonly isForAny: boolean;
  /** The device to which this attempt was sent; null: to none yet. */
  readonly sentTo: { readonly deviceId: string; readonly bootId: string; readonly connected: boolean } | null;
}

export interface OpenCallsOfSession {
  readonly sessionId: string;
  /** False once the session has ended, for example because another connection replaced it. */
  readonly current: boolean;
  /** It awaits its pairing, and has no calls. */
  readonly awaitsPairing?: boolean;
  /**
   * Dispatched device calls without a result, in three groups, each oldest first:
   *
   * 1. calls that the device has in hand, which were sent to it in this session's boot;
   * 2. calls that were sent to it in earlier boots;
   * 3. calls that it may take: they were sent to no device, or are repeatable and the device that has them is gone.
   *
   * Groups 1 and 2 hold `SENT_CALLS_PER_SESSION_MAX` calls together, group 3 holds `OPEN_CALLS_PER_SESSION_MAX`.
   * Neither bound takes places from group 1. So a call that was sent in this session's boot and is not listed was
   * settled, was answered, or is out under another attempt.
   */
  readonly calls: readonly OpenCall[];
}

/** A device that could take a call which any device may take, and what it has to do already. */
export interface CallCandidate {
  readonly callId: string;
  readonly deviceId: string;
  /** Calls that it was sent and that have no result. */
  readonly inHand: number;
  /** Calls that it takes at once. */
  readonly maxInFlight: number;
  /** When it was last sent a call, in ms since the epoch; null: never. */
  readonly lastSentAt: number | null;
}
