import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";
import { enqueueRunInput } from "./enqueue-run-input.ts";
import type { InputAccepted } from "./enqueue-seen-input.ts";
import type { Principal } from "../access/principal.ts";
import type { Refusal } from "../access/refusal.ts";

/** Asks a run to end as canceled. The first reason counts. A second cancel while the run ends is no fault. */
export function cancelRun(
  deps: { readonly store: Store; readonly bell: Bell },
  principal: Principal,
  params: { readonly runId: string; readonly reason: string | null },
): Promise<InputAccepted | Refusal> {
  const { runId, reason } = params;
  return enqueueRunInput(deps, principal, {
    runId,
    input: { kind: "cancel", reason },
    dedupe: { key: "cancel", bodyHash: "" },
  });
}
