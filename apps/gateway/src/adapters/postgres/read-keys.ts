import type { ApiKey, Page } from "@hsafa/protocol";
import type { PageParams } from "../../ports/tenant-store.ts";
import { BEYOND_ALL_IDS } from "./index-range.ts";
import { readPage } from "./page.ts";
import type { TenantSql } from "./sql.ts";
import { apiKeyOf, type ApiKeyRow, LIST_API_KEYS } from "./statements/keys/api-keys.ts";
import type { TenantId } from "../../core/tenant-id.ts";

export function listApiKeys(sql: TenantSql, tenantId: TenantId, params: PageParams): Promise<Page<ApiKey>> {
  return readPage(
    params,
    ({ after = BEYOND_ALL_IDS, take }) => sql.query<ApiKeyRow>(LIST_API_KEYS({ tenantId, after, take })),
    apiKeyOf,
  );
}
