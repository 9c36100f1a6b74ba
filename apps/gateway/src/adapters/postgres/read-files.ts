import type { Page, StoredFile } from "@hsafa/protocol";
import type { TenantId } from "../../core/tenant-id.ts";
import type { TenantFiles } from "../../ports/tenant-files.ts";
import { readPage } from "./page.ts";
import type { Prisma } from "./prisma.ts";

export function listFiles(
  prisma: Prisma,
  tenantId: TenantId,
  params: Parameters<TenantFiles["listFiles"]>[0],
): Promise<Page<StoredFile>> {
  const { subject } = params;
  return readPage(
    params,
    ({ after, take }) =>
      prisma.read(tenantId, (client) =>
        client.file.findMany({
          where: { tenantId, subject, state: "stored", id: { lt: after } },
          orderBy: { id: "desc" },
          take,
        }),
      ),
    ({ id, filename, mediaType, size, sha256, subject: whose, createdAt, expiresAt }) => ({
      id,
      filename,
      mediaType,
      size,
      sha256,
      subject: whose,
      createdAt: createdAt.toISOString(),
      expiresAt: expiresAt.toISOString(),
    }),
  );
}
