import type { CallCandidate } from "../ports/open-call.ts";

/**
 * Returns which device each of these calls should go to, by call id. A call without a candidate that has room is left
 * out. Pure, so that every gateway which reads the same candidates decides alike.
 *
 * 1. A call goes to the device with the fewest calls in hand, and of those to the one that was sent none for longest.
 * 2. The calls are assigned in order, and each counts for those after it. So many calls at once are spread.
 */
export function assignCalls(candidates: readonly CallCandidate[]): ReadonlyMap<string, string> {
  const assigned = new Map<string, string>();
  /** What was assigned to each device here, and the place of the last of it. */
  const given = new Map<string, { readonly count: number; readonly place: number }>();
  for (const [callId, fitting] of Map.groupBy(candidates, (candidate) => candidate.callId)) {
    const best = fitting
      .map((candidate) => {
        const { count = 0, place = -1 } = given.get(candidate.deviceId) ?? {};
        return { ...candidate, inHand: candidate.inHand + count, place };
      })
      .filter(({ inHand, maxInFlight }) => inHand < maxInFlight)
      .toSorted(
        (one, other) =>
          one.inHand - other.inHand ||
          one.place - other.place ||
          (one.lastSentAt ?? 0) - (other.lastSentAt ?? 0) ||
          (one.deviceId < other.deviceId ? -1 : 1),
      )[0];
    if (best === undefined) continue;
    assigned.set(callId, best.deviceId);
    given.set(best.deviceId, { count: (given.get(best.deviceId)?.count ?? 0) + 1, place: assigned.size });
  }
  return assigned;
}
