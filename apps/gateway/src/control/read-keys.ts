import type { ApiKey, Page } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";
import type { Store } from "../ports/store.ts";
import type { PageParams } from "../ports/tenant-store.ts";

/** Lists the tenant's keys. */
export function listKeys(
  { store }: { readonly store: Store },
  { tenantId }: Principal,
  page: PageParams,
): Promise<Page<ApiKey>> {
  return store.forTenant(tenantId).listApiKeys(page);
}
