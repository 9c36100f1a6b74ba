import type { Page, Secret } from "@hsafa/protocol";
import type { PageParams } from "../../ports/tenant-store.ts";
import { BEYOND_ALL_IDS } from "./index-range.ts";
import { readPage } from "./page.ts";
import type { TenantSql } from "./sql.ts";
import { tenantStatement } from "./statement.ts";
import { millis } from "./times.ts";
import type { TenantId } from "../../core/tenant-id.ts";

/** Nobody reads the values. */
const LIST_SECRETS = tenantStatement({
  name: "list-secrets",
  parameters: { after: "uuid", take: "int" },
  text: `
select id::text, name, set_by, ${millis("created_at")} as created_at, ${millis("updated_at")} as updated_at
from secrets where tenant_id = :tenantId and id < :after
order by id desc limit :take`,
});

interface Row {
  readonly id: string;
  readonly name: string;
  readonly set_by: string;
  readonly created_at: number;
  readonly updated_at: number;
}

export function listSecrets(sql: TenantSql, tenantId: TenantId, params: PageParams): Promise<Page<Secret>> {
  return readPage(
    params,
    ({ after = BEYOND_ALL_IDS, take }) => sql.query<Row>(LIST_SECRETS({ tenantId, after, take })),
    ({ name, set_by: setBy, created_at, updated_at }) => ({
      name,
      setBy,
      createdAt: new Date(created_at).toISOString(),
      updatedAt: new Date(updated_at).toISOString(),
    }),
  );
}
