import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import { maySeeRun } from "../access/run-visibility.ts";
import { enqueueSeenInput, type InputAccepted, type RunInputParams } from "./enqueue-seen-input.ts";

/** Enqueues an input of a run, if the principal may see the run. Messages and cancels have this in common. */
export async function enqueueRunInput(
  deps: { readonly store: Store; readonly bell: Bell },
  principal: Principal,
  params: RunInputParams,
): Promise<InputAccepted | Refusal> {
  if (!(await maySeeRun(deps, principal, params.runId))) return notFound("run");
  return enqueueSeenInput(deps, principal, params);
}
