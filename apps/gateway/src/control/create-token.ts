import { type CreatedToken, isId, type Scope } from "@hsafa/protocol";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import { hasScope } from "../access/scopes.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { signBrowserToken } from "../access/browser-token.ts";

export type TokenOutcome = { readonly kind: "created"; readonly token: CreatedToken } | Refusal;

/** Makes a browser token. It can do no more than the key that asks for it. */
export async function createToken(
  deps: { readonly store: Store; readonly clock: Pick<Clock, "now">; readonly tokenSecret: Uint8Array },
  principal: Principal,
  params: {
    readonly scopes: readonly Scope[];
    readonly runId: string | undefined;
    readonly threadId: string | undefined;
    readonly deviceKey: string | undefined;
    readonly expiresInSeconds: number;
  },
): Promise<TokenOutcome> {
  if (principal.kind !== "api_key") return refuse("forbidden", "Only an API key makes tokens; a token does not.");
  const excess = params.scopes.find((scope) => !hasScope(principal, [scope]));
  if (excess !== undefined)
    return refuse("forbidden", `The key does not hold the scope ${excess}, so it cannot give it.`);
  const { runId, threadId, deviceKey } = params;
  const store = deps.store.forTenant(principal.tenantId);
  if (runId !== undefined && (await store.findRun({ runId })) === null) return notFound("run");
  if (threadId !== undefined && (!isId(threadId) || (await store.findThread({ idOrKey: threadId })) === null)) {
    return notFound("thread");
  }
  const issuedAt = deps.clock.now();
  // A JWT has whole seconds only, and the answer tells the same time.
  const expiresAt = (Math.floor(issuedAt / 1000) + params.expiresInSeconds) * 1000;
  const { tenantId, name } = principal;
  const token = await signBrowserToken(deps.tokenSecret, {
    tenantId,
    name,
    scopes: [...new Set(params.scopes)],
    runId,
    threadId,
    deviceKey,
    issuedAt,
    expiresAt,
  });
  return { kind: "created", token: { token, expiresAt: new Date(expiresAt).toISOString() } };
}
