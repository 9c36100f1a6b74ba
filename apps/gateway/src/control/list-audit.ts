import type { AuditAction, AuditEntry, Page } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";
import { reachedSubject } from "../access/reached-subject.ts";
import type { Refusal } from "../access/refusal.ts";
import type { Store } from "../ports/store.ts";
import type { PageParams } from "../ports/tenant-store.ts";
import { namedTenant } from "./named-tenant.ts";

/**
 * Lists who did what to a tenant, newest first. A user sees own acts alone. The operator may name any tenant. Times are
 * ISO 8601.
 */
export async function listAudit(
  { store }: { readonly store: Store },
  principal: Principal,
  params: PageParams & {
    /** Another tenant than the principal's, by id or name. */
    readonly tenant: string | undefined;
    readonly action: AuditAction | undefined;
    readonly subject: string | undefined;
    readonly keyId: string | undefined;
    readonly since: string | undefined;
    readonly until: string | undefined;
  },
): Promise<{ readonly kind: "found"; readonly page: Page<AuditEntry> } | Refusal> {
  const { tenant, since, until, subject, ...rest } = params;
  const named = await namedTenant({ store }, principal, tenant);
  if (named.kind === "refused") return named;
  const reached = reachedSubject(principal);
  const isForeign = reached === null || (reached !== undefined && subject !== undefined && subject !== reached);
  if (isForeign) return { kind: "found", page: { data: [], nextCursor: null } };
  const ms = (time: string | undefined): number | undefined => (time === undefined ? undefined : Date.parse(time));
  const filters = { ...rest, subject: reached ?? subject, since: ms(since), until: ms(until) };
  return { kind: "found", page: await store.forTenant(named.tenantId).listAudit(filters) };
}
