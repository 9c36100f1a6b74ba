import { hasScope } from "./access-rules.ts";
import type { Authenticate } from "./authenticate.ts";
import type { Principal } from "./principal.ts";
import { type Refusal, refuse } from "./refusal.ts";

/** Whether a token lets its holder read runs. Rejects only with `StoreUnavailable`. */
export async function admitWatcher(
  deps: { readonly authenticate: Authenticate },
  token: string,
): Promise<{ readonly kind: "admitted"; readonly principal: Principal } | Refusal> {
  const authentication = await deps.authenticate(token);
  if (authentication.kind === "refused") return refuse("unauthenticated", authentication.reason);
  const { principal } = authentication;
  if (!hasScope(principal, ["runs:read"])) return refuse("forbidden", "The token lacks the scope runs:read.");
  return { kind: "admitted", principal };
}
