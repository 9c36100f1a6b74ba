import type { SecretRef } from "@hsafa/protocol";
import type { Secrets } from "../../ports/secrets.ts";
import type { HttpServerTool, ResolvedHttpTool } from "./http-request.ts";
import type { TenantId } from "../../core/tenant-id.ts";

type Fixed = Readonly<Record<string, string | SecretRef>>;

/** A tool as it is sent, and the values of its secrets; or why it cannot be sent. */
type PutIn =
  | { readonly kind: "ready"; readonly server: ResolvedHttpTool; readonly values: readonly string[] }
  | { readonly kind: "refused"; readonly message: string };

/** Puts values in for the references of a tool. Each value is looked up anew, so a change counts from now on. */
export async function putInSecrets(server: HttpServerTool, tenantId: TenantId, secrets: Secrets): Promise<PutIn> {
  const { headers = {}, query = {}, body = {}, ...rest } = server;
  const values = new Map<string, string>();
  for (const name of namesIn(headers, query, body)) {
    const outcome = await secrets.resolve({ tenantId, name });
    if (outcome.kind === "unusable") return { kind: "refused", message: outcome.reason };
    values.set(name, outcome.value);
  }
  const resolved = (fixed: Fixed): Record<string, string> =>
    Object.fromEntries(Object.entries(fixed).map(([name, value]) => [name, textOf(value, values)]));
  const ready = { ...rest, headers: resolved(headers), query: resolved(query), body: resolved(body) };
  return { kind: "ready", server: ready, values: [...values.values()] };
}

function namesIn(...all: readonly Fixed[]): ReadonlySet<string> {
  const fixed = all.flatMap((one) => Object.values(one));
  return new Set(fixed.flatMap((value) => (typeof value === "string" ? [] : [value.secret])));
}

function textOf(value: string | SecretRef, values: ReadonlyMap<string, string>): string {
  return typeof value === "string" ? value : `${value.prefix ?? ""}${values.get(value.secret) ?? ""}`;
}
