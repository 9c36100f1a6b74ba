import type { Fault } from "./faults.ts";
import type { Traits } from "./traits.ts";

/** A seed to be played, under these faults alone and with these traits, or under whatever it brings itself. */
export interface Play {
  readonly seed: number;
  readonly faults?: readonly Fault[];
  readonly traits?: Partial<Traits>;
}

/** What once found a bug in the runtime; `docs/reliability-bugs.md` tells which. Played before any other. */
export const REGRESSIONS: readonly Play[] = [
  // A gateway that left put a run to sleep for ever.
  { seed: 103, faults: ["stop"] },
  // A holder that was too late committed a step without the deltas it had dropped.
  { seed: 2, faults: ["freeze", "cut_off", "store_slow"] },
];
