import type { Page, Secret } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";
import type { Store } from "../ports/store.ts";
import type { PageParams } from "../ports/tenant-store.ts";

/** Lists the secrets that a tenant has set, without their values. */
export function listSecrets(
  { store }: { readonly store: Store },
  { tenantId }: Principal,
  page: PageParams,
): Promise<Page<Secret>> {
  return store.forTenant(tenantId).listSecrets(page);
}
