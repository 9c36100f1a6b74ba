import { isId, type JsonObject, type Page, type RunStatus, type Thread } from "@hsafa/protocol";
import { cursorId } from "../../ports/page-cursor.ts";
import { storableText } from "../../ports/storable-text.ts";
import type { TenantStore } from "../../ports/tenant-store.ts";
import { EMPTY_PAGE, readBoundedPage, readPage } from "./page.ts";
import type { Prisma } from "./prisma.ts";
import type { TenantSql } from "./sql.ts";
import { type PayloadRow, THREAD_PAYLOADS, type ThreadPayload } from "./statements/read-payloads.ts";
import type { TenantId } from "../../core/tenant-id.ts";

const MERGED: RunStatus = "merged";

export async function findThread(
  prisma: Prisma,
  tenantId: TenantId,
  { idOrKey, subject }: Parameters<TenantStore["findThread"]>[0],
): Promise<Thread | null> {
  const named = { key: storableText(idOrKey), subject };
  const rows = await prisma.read(tenantId, (client) =>
    client.thread.findMany({ where: { tenantId, ...(isId(idOrKey) ? { OR: [{ id: idOrKey }, named] } : named) } }),
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
  const select = { id: true, key: true, subject: true, createdAt: true } as const;
  return readBoundedPage(
    params,
    ({ after, take }) =>
      prisma.read(tenantId, (client) =>
        client.thread.findMany({
          where: { tenantId, subject, id: { lt: after } },
          select,
          orderBy: { id: "desc" },
          take,
        }),
      ),
    (ids) => sql.query<PayloadRow<ThreadPayload>>(THREAD_PAYLOADS({ ids, tenantId })),
    (row, payload) => threadOf({ ...row, ...payload }),
  );
}

function threadOf(row: ThreadPayload & Pick<Thread, "id" | "key" | "subject"> & { readonly createdAt: Date }): Thread {
  const { id, key, subject, metadata, createdAt } = row;
  return { id, key, subject, metadata, createdAt: createdAt.toISOString() };
}

export async function listThreadRuns(
  prisma: Prisma,
  tenantId: TenantId,
  params: Parameters<TenantStore["listThreadRuns"]>[0],
): Promise<Page<{ readonly runId: string; readonly status: RunStatus }>> {
  const { threadId, cursor } = params;
  // Turns are the order here, so the run that a cursor names is looked up for its turn.
  const last = cursor === undefined ? undefined : cursorId(cursor);
  if (last === null) return EMPTY_PAGE;
  const lastTurn =
    last === undefined
      ? 0
      : (
          await prisma.read(tenantId, (client) =>
            client.run.findFirst({ where: { tenantId, threadId, id: last }, select: { threadTurn: true } }),
          )
        )?.threadTurn;
  if (lastTurn === undefined || lastTurn === null) return EMPTY_PAGE;
  return readPage(
    params,
    ({ take }) =>
      prisma.read(tenantId, (client) =>
        client.run.findMany({
          where: { tenantId, threadId, threadTurn: { gt: lastTurn }, status: { not: MERGED } },
          select: { id: true, status: true },
          orderBy: { threadTurn: "asc" },
          take,
        }),
      ),
    (row) => ({ runId: row.id, status: row.status as RunStatus }),
  );
}
