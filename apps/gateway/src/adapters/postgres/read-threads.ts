import { isId, type JsonObject, type Page, type Thread } from "@hsafa/protocol";
import { storableText } from "../../ports/storable-text.ts";
import type { TenantStore } from "../../ports/tenant-store.ts";
import { readBoundedPage } from "./page.ts";
import type { Prisma } from "./prisma.ts";
import type { TenantSql } from "./sql.ts";
import { type PayloadRow, THREAD_PAYLOADS, type ThreadPayload } from "./statements/read-payloads.ts";
import type { TenantId } from "../../core/tenant-id.ts";

export async function findThread(
  prisma: Prisma,
  tenantId: TenantId,
  { idOrKey, subject }: Parameters<TenantStore["findThread"]>[0],
): Promise<Thread | null> {
  const named = { key: storableText(idOrKey), subject };
  const rows = await prisma.read(tenantId, (client) =>
    client.thread.findMany({
      where: { tenantId, deletedAt: null, ...(isId(idOrKey) ? { OR: [{ id: idOrKey }, named] } : named) },
    }),
  );
  // A key may look like an id. The id goes first.
  const row = rows.find((candidate) => candidate.id === idOrKey) ?? rows[0];
  return row === undefined ? null : threadOf({ ...row, metadata: row.metadata as JsonObject });
}

export function listThreads(
  { sql, prisma }: { readonly sql: TenantSql; readonly prisma: Prisma },
  tenantId: TenantId,
  params: Parameters<TenantStore["listThreads"]>[0],
): Promise<Page<Thread>> {
  const { subject } = params;
  const of = { title: true, branchedFrom: true, ancestorIds: true } as const;
  const select = { id: true, key: true, subject: true, createdAt: true, ...of } as const;
  return readBoundedPage(
    params,
    ({ after, take }) =>
      prisma.read(tenantId, (client) =>
        client.thread.findMany({
          where: { tenantId, subject, deletedAt: null, id: { lt: after } },
          select,
          orderBy: { id: "desc" },
          take,
        }),
      ),
    (ids) => sql.query<PayloadRow<ThreadPayload>>(THREAD_PAYLOADS({ ids, tenantId })),
    (row, payload) => threadOf({ ...row, ...payload }),
  );
}

interface Row extends ThreadPayload, Pick<Thread, "id" | "key" | "subject" | "title"> {
  readonly branchedFrom: string | null;
  readonly ancestorIds: readonly string[];
  readonly createdAt: Date;
}

function threadOf(row: Row): Thread {
  const { id, key, subject, title, branchedFrom: runId, ancestorIds, metadata, createdAt } = row;
  const threadId = ancestorIds.at(-1);
  const branchedFrom = runId === null || threadId === undefined ? null : { threadId, runId };
  return { id, key, subject, title, branchedFrom, metadata, createdAt: createdAt.toISOString() };
}
