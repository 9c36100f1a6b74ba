import { type CreatedToken, isId, type Scope } from "@hsafa/protocol";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import { hasScope } from "../access/scopes.ts";
import type { Principal } from "../access/principal.ts";
import { speaksForOperator } from "../access/reached-subject.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { signBrowserToken, type TokenSecrets } from "../access/browser-token.ts";

export type TokenOutcome = { readonly kind: "created"; readonly token: CreatedToken } | Refusal;

/** Makes a browser token. It can do no more than the key that asks for it. */
export async function createToken(
  deps: { readonly store: Store; readonly clock: Pick<Clock, "now">; readonly tokenSecrets: TokenSecrets },
  principal: Principal,
  params: {
    readonly scopes: readonly Scope[];
    readonly agents: readonly string[] | undefined;
    readonly versions: boolean;
    readonly runId: string | undefined;
    readonly threadId: string | undefined;
    readonly deviceKey: string | undefined;
    readonly labels: Readonly<Record<string, string>> | undefined;
    readonly tools: readonly string[] | undefined;
    readonly groups: readonly string[] | undefined;
    readonly subject: string | undefined;
    readonly expiresInSeconds: number;
  },
): Promise<TokenOutcome> {
  if (principal.kind !== "api_key") return refuse("forbidden", "Only an API key makes tokens; a token does not.");
  if (!speaksForOperator(principal)) {
    return refuse("forbidden", "A key with a subject makes no tokens; use a key of the operator.");
  }
  const excess = params.scopes.find((scope) => !hasScope(principal, [scope]));
  if (excess !== undefined)
    return refuse("forbidden", `The key does not hold the scope ${excess}, so it cannot give it.`);
  const foreign = hasScope(principal, ["admin"])
    ? undefined
    : params.groups?.find((group) => principal.groups?.includes(group) !== true);
  if (foreign !== undefined)
    return refuse("forbidden", `The key is not in the group ${foreign}, so it cannot give it.`);
  // What a page holds can be stolen from it: no token is as good as the operator's key.
  const scopes = [...new Set(params.scopes)].filter((scope) => scope !== "admin");
  if (scopes.length === 0) return refuse("forbidden", "No token holds the scope admin; name what the page needs.");
  const { runId, threadId, deviceKey } = params;
  const store = deps.store.forTenant(principal.tenantId);
  if (runId !== undefined && (await store.findRun({ runId })) === null) return notFound("run");
  if (
    threadId !== undefined &&
    (!isId(threadId) || (await store.findThread({ idOrKey: threadId, subject: null })) === null)
  ) {
    return notFound("thread");
  }
  const issuedAt = deps.clock.now();
  // A JWT has whole seconds only, and the answer tells the same time. No token outlives its key.
  const ends = Math.min(issuedAt + params.expiresInSeconds * 1000, principal.expiresAt ?? Number.POSITIVE_INFINITY);
  const expiresAt = Math.floor(ends / 1000) * 1000;
  const { tenantId, keyId, name } = principal;
  const token = await signBrowserToken(deps.tokenSecrets, {
    tenantId,
    keyId,
    name,
    subject: params.subject,
    // Asked of the store, so that a token made after a revocation is never taken for one of before.
    epoch: await deps.store.fleet.readRevocationNumber(),
    scopes,
    agents: params.agents,
    versions: params.versions,
    runId,
    threadId,
    deviceKey,
    labels: params.labels,
    tools: params.tools,
    groups: params.groups,
    issuedAt,
    expiresAt,
  });
  return { kind: "created", token: { token, scopes, expiresAt: new Date(expiresAt).toISOString() } };
}
