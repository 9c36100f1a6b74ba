import type { OutsideInput } from "../core/input.ts";
import type { TenantId } from "../core/tenant-id.ts";

/** A run that this gateway alone may advance until its lease ends. */
export interface ClaimedRun {
  readonly runId: string;
  readonly tenantId: TenantId;
  /** Raised by this claim. */
  readonly epoch: number;
  readonly lastSeq: number;
  /** Whether the holder before did not give the lease back, and that counts. */
  readonly lost: boolean;
  /** Claims since the last progress that found a lost lease, this one included. */
  readonly recoveries: number;
  /** How often the run's own work has stalled a gateway (`core/blame.ts`). */
  readonly stalls: number;
}

/** The inputs that wait for a run. All fields are read at one moment. */
export interface Inbox {
  /** How many inputs wait. */
  readonly count: number;
  /**
   * Cancels first, whatever their dedupe key; then results; then the others. Each group is oldest first. At most
   * `INPUTS_PER_DRAIN_MAX`. They end with the one by which they have `INBOX_READ_BYTES_MAX` bytes. A `steer` says
   * whether its run is gone.
   */
  readonly inputs: readonly PendingInput[];
  /** Whether a result waits that is not among `inputs`. */
  readonly resultsUnread: boolean;
}

export interface PendingInput {
  readonly inputId: string;
  readonly input: OutsideInput;
}
