import { type Refusal, refuse } from "../../access/refusal.ts";
import { START_MS } from "../../runtime/limits.ts";
import type { EdgeDeps } from "./deps.ts";

/** What large requests wait with. */
export interface TurnDeps {
  readonly turns: Pick<EdgeDeps["turns"], "take" | "fullForMs" | "charge">;
  readonly limits: Pick<EdgeDeps["limits"], "slow">;
}

/** What a start waits with. */
export interface StartTurnDeps extends TurnDeps {
  readonly turns: Pick<EdgeDeps["turns"], "take" | "fullForMs" | "charge" | "owes">;
}

/** Waits for a turn of this tenant. Returns the refusal if too many of its requests wait already, else null. */
export async function awaitTurn({ turns, limits }: TurnDeps, tenantId: string): Promise<Refusal | null> {
  const retryAfterMs = turns.fullForMs(tenantId);
  if (retryAfterMs !== null) return limits.slow({ ...TOO_MANY, retryAfterMs });
  await turns.take(tenantId);
  return null;
}

/** Lets a tenant start a run, and charges it for that. While it owes something, it waits for its turn. */
export async function awaitStartTurn(deps: StartTurnDeps, tenantId: string): Promise<Refusal | null> {
  const tooMany = deps.turns.owes(tenantId) ? await awaitTurn(deps, tenantId) : null;
  if (tooMany === null) deps.turns.charge(tenantId, START_MS);
  return tooMany;
}

const TOO_MANY = refuse("too_many_requests", "Too many large requests of this tenant wait; send this one later.");
