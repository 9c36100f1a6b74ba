/**
 * Which run is blamed when code keeps a gateway's event loop from everything else. Such a stall may cost every run of
 * the gateway its lease. So a run that causes it must end, and the others must not be counted for it.
 */
import { RECOVERIES_MAX, STALL_CPU_SHARE_MIN, STALLS_MAX } from "./limits.ts";

/**
 * Whether a gap, in which the event loop did not go, is a stall by code. `cpuMs`: the CPU time of the thread in it.
 *
 * 1. A shorter gap than a third of a lease costs nobody a lease: the next renewal comes in time.
 * 2. A process that is frozen, or a machine that sleeps, uses no CPU time. Then no code is to blame. On a busy machine
 *    code that never rests gets a small share of the time.
 */
export function isStall(gap: {
  readonly gapMs: number;
  readonly cpuMs: number;
  readonly leaseDurationMs: number;
}): boolean {
  return gap.gapMs > gap.leaseDurationMs / 3 && gap.cpuMs >= gap.gapMs * STALL_CPU_SHARE_MIN;
}

/** What a run is blamed for: what it has cost the gateways that held it. */
export interface Blame {
  /** Claims since its last progress that found a lost lease. */
  readonly recoveries: number;
  /** How often its own work stalled a gateway. Progress does not clear it: each stall harms the others. */
  readonly stalls: number;
}

/** Whether a run that was claimed is not to be taken up again, but given up. */
export function isHopeless({ recoveries, stalls }: Blame): boolean {
  return recoveries > RECOVERIES_MAX || stalls > STALLS_MAX;
}
