import type { Page, Secret } from "@hsafa/protocol";
import type { PageParams } from "../../ports/tenant-store.ts";
import { readPage } from "./page.ts";
import type { Prisma } from "./prisma.ts";
import type { TenantId } from "../../core/tenant-id.ts";

export function listSecrets(prisma: Prisma, tenantId: TenantId, params: PageParams): Promise<Page<Secret>> {
  return readPage(
    params,
    ({ after, take }) =>
      prisma.read(tenantId, (client) =>
        client.secret.findMany({
          where: { tenantId, id: { lt: after } },
          omit: { sealed: true },
          orderBy: { id: "desc" },
          take,
        }),
      ),
    ({ name, setBy, createdAt, updatedAt }) => ({
      name,
      setBy,
      createdAt: createdAt.toISOString(),
      updatedAt: updatedAt.toISOString(),
    }),
  );
}
