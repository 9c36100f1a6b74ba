import { type Scope, SCOPES } from "@hsafa/protocol";
import type { Principal } from "./principal.ts";
import { speaksForOperator } from "./reached-subject.ts";

/** The scopes that another scope brings along, for everybody. */
const PARTS: Partial<Record<Scope, readonly Scope[]>> = { "runs:write": ["runs:start", "runs:send", "runs:cancel"] };

/**
 * What a scope brings along for a key of the operator, and for nobody else. Tokens and keys with a subject are in the
 * hands of users, whose words must not decide about the calls that they led to.
 */
const PARTS_OF_KEYS: Partial<Record<Scope, readonly Scope[]>> = {
  "runs:write": ["approvals:decide", "tools:answer"],
  "devices:connect": ["devices:pool"],
};

/** The scopes that bring this one along, beside `admin`: for everybody, and for the operator's keys alone. */
export function scopesWith(scope: Scope): { readonly forAll: readonly Scope[]; readonly forKeys: readonly Scope[] } {
  const holding = (parts: Partial<Record<Scope, readonly Scope[]>>): Scope[] =>
    SCOPES.filter((whole) => parts[whole]?.includes(scope) === true);
  return { forAll: holding(PARTS), forKeys: holding(PARTS_OF_KEYS) };
}

/** Whether the principal holds one of these scopes. `admin` counts as every scope. */
export function hasScope(principal: Pick<Principal, "kind" | "scopes" | "subject">, anyOf: readonly Scope[]): boolean {
  const { scopes } = principal;
  if (scopes.includes("admin")) return true;
  const held = scopes.flatMap((scope) => [
    scope,
    ...(PARTS[scope] ?? []),
    ...(speaksForOperator(principal) ? (PARTS_OF_KEYS[scope] ?? []) : []),
  ]);
  return anyOf.some((scope) => held.includes(scope));
}
