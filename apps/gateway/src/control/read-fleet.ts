import type { Fleet } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";
import type { Refusal } from "../access/refusal.ts";
import { requireOperator } from "../access/require-operator.ts";
import { isoTime } from "../core/iso-time.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

/** Returns how the gateways stand, for the operator alone. `servedBy`: the gateway that answers. */
export async function readFleet(
  { store, clock }: Pick<UseCaseDeps, "store" | "clock">,
  principal: Principal,
  servedBy: string,
): Promise<{ readonly kind: "found"; readonly fleet: Fleet } | Refusal> {
  const refusal = requireOperator(principal, "asks for the gateways");
  if (refusal !== null) return refusal;
  const begun = clock.monotonic();
  const { now, ...state } = await store.fleet.readFleet();
  const storeMs = Math.round(clock.monotonic() - begun);
  const fleet = { asOf: isoTime(now), servedBy, storeFault: await store.check(), storeMs, ...state };
  return { kind: "found", fleet };
}
