import type { Store } from "../ports/store.ts";
import type { FollowHub, FollowOutcome } from "./follow-hub.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { maySeeRun } from "../access/run-visibility.ts";

export type OpenStreamOutcome = Extract<FollowOutcome, { kind: "following" | "at_end" }> | Refusal;

/**
 * Says how this principal, who may read runs, may follow one after a position. Rejects only with `StoreUnavailable`.
 */
export async function openStream(
  deps: { readonly store: Store; readonly hub: FollowHub },
  principal: Principal,
  params: { readonly runId: string; readonly after: string | undefined },
): Promise<OpenStreamOutcome> {
  const { tenantId } = principal;
  if (!(await maySeeRun(deps, principal, params.runId))) return notFound("run");
  const outcome = await deps.hub.follow({ tenantId, ...params });
  switch (outcome.kind) {
    case "following":
    case "at_end":
      return outcome;
    case "not_found":
      return notFound("run");
    case "invalid_position":
      return refuse("invalid_position", outcome.reason);
    case "too_many_watchers":
      return refuse("too_many_requests", outcome.reason);
    case "closing":
      return refuse("unavailable", "This gateway is going away; connect again.");
    default:
      return outcome satisfies never;
  }
}
