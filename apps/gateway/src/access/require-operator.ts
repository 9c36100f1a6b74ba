import type { Principal } from "./principal.ts";
import { type Refusal, refuse } from "./refusal.ts";

/** Refuses a credential that is not the operator's key. `what` is what only the operator does: "sets quotas". */
export function requireOperator({ isOperator }: Principal, what: string): Refusal | null {
  if (isOperator === true) return null;
  return refuse("forbidden", `Only the operator's key ${what}: the HSAFA_ADMIN_KEY of the gateways.`);
}
