import { LOOP_SHARE_AHEAD_MS, LOOP_SHARE_MS_PER_S } from "./limits.ts";

/**
 * What one tenant has taken of the event loop beyond its share, in ms, and when that was true. It is paid back at
 * `LOOP_SHARE_MS_PER_S`. It is pure: time is an argument, and a share is a value.
 */
export interface LoopShare {
  readonly owedMs: number;
  readonly at: number;
}

/** The share of a tenant that took nothing yet. */
export const NOTHING_TAKEN: LoopShare = { owedMs: 0, at: Number.NEGATIVE_INFINITY };

/** The share after the tenant took so many ms more. */
export function charged(share: LoopShare, ms: number, now: number): LoopShare {
  return { owedMs: owedAt(share, now) + ms, at: Math.max(now, share.at) };
}

/** After how many ms the tenant may go on; 0: at once. */
export function waitMs(share: LoopShare, now: number): number {
  const tooMuch = owedAt(share, now) - LOOP_SHARE_AHEAD_MS;
  return tooMuch <= 0 ? 0 : Math.ceil((tooMuch / LOOP_SHARE_MS_PER_S) * 1000);
}

function owedAt({ owedMs, at }: LoopShare, now: number): number {
  return Math.max(0, owedMs - (Math.max(0, now - at) / 1000) * LOOP_SHARE_MS_PER_S);
}
