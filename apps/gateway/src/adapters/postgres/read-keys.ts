import type { ApiKey, Page, Scope } from "@hsafa/protocol";
import type { PageParams } from "../../ports/tenant-store.ts";
import { readPage } from "./page.ts";
import type { Prisma } from "./prisma.ts";
import { apiKeyOf } from "./statements/keys/api-keys.ts";
import type { TenantId } from "../../core/tenant-id.ts";

export function listApiKeys(prisma: Prisma, tenantId: TenantId, params: PageParams): Promise<Page<ApiKey>> {
  return readPage(
    params,
    ({ after, take }) =>
      prisma.read(tenantId, (client) =>
        client.apiKey.findMany({ where: { tenantId, id: { lt: after } }, orderBy: { id: "desc" }, take }),
      ),
    (row) =>
      apiKeyOf({
        id: row.id,
        name: row.name,
        scopes: row.scopes as Scope[],
        subject: row.subject,
        groups: row.groups,
        created_by: row.createdBy,
        created_at: row.createdAt.getTime(),
        expires_at: row.expiresAt?.getTime() ?? null,
        last_used_at: row.lastUsedAt?.getTime() ?? null,
        revoked_at: row.revokedAt?.getTime() ?? null,
        former_until: row.formerUntil?.getTime() ?? null,
      }),
  );
}
