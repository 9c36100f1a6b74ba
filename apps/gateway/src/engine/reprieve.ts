/**
 * The time between the claim of a run that has lost too many leases and its end.
 *
 * 1. Its last lease may have been lost to another run that stalled the gateway. Such a gateway forgives the loss once
 *    it goes on, so the run is not given up before that.
 * 2. Meanwhile the lease is kept, and nothing of the run is loaded: that may be what kills.
 */
import { isHopeless } from "../core/blame.ts";
import type { EngineDeps } from "./engine-deps.ts";
import type { FreshClaim } from "./claim.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";
import { REPRIEVE_LEASES } from "./limits.ts";

/**
 * What became of the run meanwhile. `forgiven`: a loss was taken back. `left`: the gateway stops, so another is to see
 * to it. `lost`: the lease is gone.
 */
export type ReprieveEnd = "hopeless" | "forgiven" | "left" | "lost";

/** Waits, and reads the run's row again. `stopping`: cuts it short. Throws `StoreUnavailable` if the store is away. */
export async function reprieve(params: {
  readonly deps: Pick<EngineDeps, "store" | "clock" | "leaseDurationMs">;
  readonly keeper: Pick<LeaseKeeper, "hold" | "letGo">;
  readonly claim: FreshClaim;
  readonly stopping: AbortSignal;
}): Promise<ReprieveEnd> {
  const { deps, keeper, claim, stopping } = params;
  const { store, clock, leaseDurationMs } = deps;
  const { tenantId, runId, epoch, stalls } = claim.claimed;
  const end = Promise.withResolvers<"over" | "left" | "lost">();
  const onStop = (): void => end.resolve("left");
  const listener = { onLost: () => end.resolve("lost"), onInbox() {} };
  const lease = keeper.hold({ claim: claim.claimed, sentAt: claim.sentAt, listener });
  if (stopping.aborted) onStop();
  stopping.addEventListener("abort", onStop, { once: true });
  const cancel = clock.after(REPRIEVE_LEASES * leaseDurationMs, () => end.resolve("over"));
  try {
    const how = await end.promise;
    if (how !== "over") return how;
    const outline = await store.loadOutline({ tenantId, runId, epoch });
    if (outline === null) return "lost";
    return isHopeless({ recoveries: outline.recoveries, stalls }) ? "hopeless" : "forgiven";
  } finally {
    cancel();
    stopping.removeEventListener("abort", onStop);
    keeper.letGo(lease);
  }
}
