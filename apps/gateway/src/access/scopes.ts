import type { Scope } from "@hsafa/protocol";
import type { Principal } from "./principal.ts";

/** Whether the principal holds one of these scopes. `admin` counts as every scope; no other scope implies another. */
export function hasScope(principal: Principal, anyOf: readonly Scope[]): boolean {
  return principal.scopes.includes("admin") || anyOf.some((scope) => principal.scopes.includes(scope));
}
