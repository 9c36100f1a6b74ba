import type { Principal } from "../access/principal.ts";
import { notFound } from "../access/refusal.ts";
import { maySeeRun } from "../access/run-visibility.ts";
import type { Store } from "../ports/store.ts";
import type { FollowHub, FollowOutcome } from "./follow-hub.ts";

/**
 * Says how this principal, who may read runs, may follow one after a position. Rejects only with `StoreUnavailable`.
 */
export async function openStream(
  deps: { readonly store: Store; readonly hub: Pick<FollowHub, "follow"> },
  principal: Principal,
  params: { readonly runId: string; readonly after: string | undefined },
): Promise<FollowOutcome> {
  if (!(await maySeeRun(deps, principal, params.runId))) return notFound("run");
  return deps.hub.follow({ principal, ...params });
}
