import { PLACES_PER_FREE_PLACE } from "./limits.ts";

/** The places of one gateway: each is for a run that it holds. */
export interface Places {
  /** How many are free. */
  readonly free: number;
  /** How many each tenant holds; a tenant that is missing holds none. */
  readonly heldBy: ReadonlyMap<string, number>;
}

/** Runs that may be taken, first come first, and whether others must wait for a place of their own tenant. */
export interface SharedPlaces<Run> {
  readonly runs: readonly Run[];
  readonly isAnyWithheld: boolean;
}

/**
 * Shares the places of a gateway out among the tenants whose runs are due. `statements/runs/claim-runs.ts` does the
 * same.
 *
 * 1. The tenant that would hold the fewest places comes first. Equal ones form a ring, which starts after the tenant
 *    served last.
 * 2. A tenant may take one more place only while it holds less than `PLACES_PER_FREE_PLACE` times the free ones. So
 *    places stay free for others, however many it could use. A tenant that holds none gets any free place.
 * 3. A later tenant holds at least as much, and finds fewer places. So after the first run that is refused all are.
 *
 * `due`: each tenant's runs in the order in which it wants them.
 */
export function sharePlaces<Run extends { readonly tenantId: string }>(
  due: readonly Run[],
  { free, heldBy }: Places,
  servedLast: string | null,
): SharedPlaces<Run> {
  const wanted = new Map<string, number>();
  const ranked = due.map((run) => {
    const { tenantId } = run;
    const held = wanted.get(tenantId) ?? heldBy.get(tenantId) ?? 0;
    wanted.set(tenantId, held + 1);
    return { run, held, isPassed: servedLast !== null && tenantId <= servedLast };
  });
  // 1.
  ranked.sort(
    (a, b) => a.held - b.held || Number(a.isPassed) - Number(b.isPassed) || (a.run.tenantId < b.run.tenantId ? -1 : 1),
  );
  // 2. and 3.
  const runs = ranked.filter(({ held }, taken) => held < PLACES_PER_FREE_PLACE * (free - taken));
  return { runs: runs.map(({ run }) => run), isAnyWithheld: runs.length < ranked.length };
}
