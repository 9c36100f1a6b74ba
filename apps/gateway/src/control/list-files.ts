import type { Page, StoredFile } from "@hsafa/protocol";
import { isBound } from "../access/bounds.ts";
import { listedSubject } from "../access/listed-subject.ts";
import type { Principal } from "../access/principal.ts";
import { type Refusal, refuse } from "../access/refusal.ts";
import type { Store } from "../ports/store.ts";
import type { PageParams } from "../ports/tenant-store.ts";

/** Lists files, newest first: those of the principal's subject, and for an operator all or those of one subject. */
export async function listFiles(
  { store }: { readonly store: Store },
  principal: Principal,
  params: PageParams & { readonly subject: string | undefined },
): Promise<{ readonly kind: "found"; readonly page: Page<StoredFile> } | Refusal> {
  if (isBound(principal)) return refuse("forbidden", "The token is bound to less than a list of files.");
  const listed = listedSubject(principal, params.subject);
  if (listed === null) return { kind: "found", page: { data: [], nextCursor: null } };
  return { kind: "found", page: await store.forTenant(principal.tenantId).listFiles({ ...params, ...listed }) };
}
