import type { Scope, Session } from "@hsafa/protocol";

/** The scopes that bring this one along, for a key of the operator. */
const WITH: Partial<Record<Scope, readonly Scope[]>> = {
  "runs:start": ["runs:write"],
  "runs:send": ["runs:write"],
  "runs:cancel": ["runs:write"],
  "approvals:decide": ["runs:write"],
  "tools:answer": ["runs:write"],
};

/** Whether somebody may probably do something. What they really may is the gateway's to say. */
export function mayDo({ scopes, kind, subject }: Session, scope: Scope): boolean {
  if (scopes.includes("admin") || scopes.includes(scope)) return true;
  const speaksForUser = kind === "token" || subject !== null;
  // What a user says must not decide about what follows from it.
  if (speaksForUser && (scope === "approvals:decide" || scope === "tools:answer")) return false;
  return WITH[scope]?.some((one) => scopes.includes(one)) === true;
}
