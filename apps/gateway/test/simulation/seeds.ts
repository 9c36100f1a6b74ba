import type { Fault } from "./faults.ts";
import { NO_TRAITS, type Traits } from "./traits.ts";

/** A seed to be played, under these faults alone and with these traits, or under whatever it brings itself. */
export interface Play {
  readonly seed: number;
  readonly faults?: readonly Fault[];
  readonly traits?: Partial<Traits>;
}

/** Everything that agents can do. */
const ALL_FEATURES = {
  isTalkative: true,
  isForking: true,
  isUploading: true,
  isLimited: true,
  isStructured: true,
  isSearching: true,
  isSleepy: true,
  isDelegating: true,
} as const satisfies Partial<Traits>;

/**
 * Each of these found a bug that the runtime once had; `docs/reliability-bugs.md` tells of each. The last ones found a
 * fault of the simulation itself. They are played before any other.
 *
 * A seed means something only to the world that it was found in. On 2026-11-28 the play of every seed changed. Since
 * then the world starts `assemble`, and devices speak to the production device server over simulated sockets. Clients
 * and devices show a key that is looked up, and some freezes are long. So each of these plays a like world, under the
 * faults that its bug needed. It is no longer the very moment in which the bug was found. To have that moment again,
 * put the bug back and look for a seed under the same faults.
 *
 * What traits bring is drawn apart: a seed without a trait plays the same whatever traits there will be.
 */
export const REGRESSIONS: readonly Play[] = [
  // A gateway that left put a run to sleep for ever.
  { seed: 226, faults: ["stop"], traits: NO_TRAITS },
  // A holder that was too late committed a step without the deltas it had dropped.
  { seed: 72, faults: ["freeze", "cut_off", "store_slow"], traits: NO_TRAITS },
  // One gateway was without the database for longer than another had noticed.
  { seed: 548, faults: ["store_down"], traits: NO_TRAITS },
  // A stale lease was handed back only when its holder let go of it, which hung.
  { seed: 214, faults: ["store_down"], traits: NO_TRAITS },
  // A claim that was held up on its way took what others had been kept from renewing.
  { seed: 1088, faults: ["store_unknown", "store_down"], traits: NO_TRAITS },
  // So did a gateway that began as the database came back.
  { seed: 250, faults: ["store_down", "kill"], traits: NO_TRAITS },
  // A run that could not be given up at once waited for another lease.
  { seed: 50, faults: ["store_unknown", "kill"], traits: NO_TRAITS },
  // A claim whose answer was lost had taken a run on its last chance, and the next one a run that kills.
  { seed: 2666, faults: ["store_unknown"], traits: { ...NO_TRAITS, isPoisoned: true } },
  // A gateway that was suspended while the database was away, its clock with it, took what others had lost meanwhile.
  { seed: 8045973 },
  // A registration whose answer was lost left a session open of which no gateway knew.
  { seed: 9012435 },
  // A stale lease waited behind the return of a claim that hung, and was taken for lost.
  { seed: 300489 },
  // A step that failed in the moment of a cancel ended the run as failed.
  { seed: 1169, faults: ["store_slow"], traits: { ...NO_TRAITS, isHasty: true } },
  // A late registration of a connection that its device had left stopped the living one.
  { seed: 3, faults: ["freeze", "store_slow", "device_cut"] },
  // Two outages within one lease cost a holder its lease, and another gateway counted each of them alone.
  { seed: 572, faults: ["store_down"], traits: NO_TRAITS },
  // A run whose last lease another run's stall had cost was given up before the stalled gateway could forgive it.
  { seed: 173, traits: { isBeset: true } },
  // A gateway that went on after a stall had sent no heartbeat yet, and was taken for dead.
  { seed: 162, traits: { isBeset: true } },
  // A gateway that stalled again while it forgave the same leases forgot to forgive them once more.
  { seed: 914, traits: { isBeset: true } },
  // A run that waited to be given up, or forgiven, was counted for the death of the gateway that held it meanwhile.
  { seed: 505967 },
  // A statement hung twice on connections that had fallen silent, and its run was taken for one in trouble by itself.
  { seed: 502367 },
  // A gateway whose clock had jumped took an approval in time for one that came too late.
  { seed: 2477 },
  // A fork that executed a call again, behind which a later step had been cut short, left that call unanswered.
  { seed: 1352, traits: { isForking: true } },
  // A fork of a fork that had not begun forgot the call which that one was to execute again.
  {
    seed: 8200084,
    traits: { isTalkative: true, isDelegating: true, isPoisoned: true, isForking: true },
  },
  // A fork whose first answer was lost was not found by the request that was sent again, since its origin was deleted.
  { seed: 78, traits: ALL_FEATURES },
  // The checker took a fork for innocent that went on with the plan of its thread, which stalls.
  { seed: 750506 },
  // The simulation told a child of a fork without a plan to follow the one that kills its gateways.
  { seed: 901959 },
  { seed: 700134, traits: { isPoisoned: true, isForking: true, isDelegating: true } },
  // A client had given up on a request for a fork. It was served late, after the one that was sent again was refused.
  { seed: 1746, traits: { ...ALL_FEATURES, isBeset: true } },
  // What runs below an ended child still used counted for no run above.
  { seed: 9567, traits: ALL_FEATURES },
  // The answer to the birth of a run came after it was lost and claimed again by the same gateway, and took it away.
  { seed: 31342, traits: { ...ALL_FEATURES, isBeset: true } },
  // A stall of almost three lease times was over just after a run that it had cost its last chance was given up.
  { seed: 31502, traits: { ...ALL_FEATURES, isBeset: true } },
  // A delta that came ahead of its forerunner, and was passed by, made a follower forget that its run had ended.
  { seed: 717905 },
  // The store in memory kept a chunk that came between the removal of a file's bytes and that of its row.
  { seed: 36538, traits: { ...ALL_FEATURES, isBeset: true } },
  // The checker of limits did not know how long a run on its last chance may wait for a claim that is on its way.
  { seed: 228248 },
  // The checker did not know that a run may be parked by the time its gateway dies of it.
  { seed: 8527, traits: ALL_FEATURES },
];
