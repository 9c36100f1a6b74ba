import { isId, type JsonObject, type Page, type RunStatus, type Thread } from "@hsafa/protocol";
import { cursorId } from "../../ports/page-cursor.ts";
import { storableText } from "../../ports/storable-text.ts";
import type { TenantStore } from "../../ports/tenant-store.ts";
import { EMPTY_PAGE, readPage } from "./page.ts";
import type { Prisma } from "./prisma.ts";

export async function findThread(
  prisma: Prisma,
  tenantId: string,
  { idOrKey }: Parameters<TenantStore["findThread"]>[0],
): Promise<Thread | null> {
  const key = storableText(idOrKey);
  const rows = await prisma.read(tenantId, (client) =>
    client.thread.findMany({ where: { tenantId, ...(isId(idOrKey) ? { OR: [{ id: idOrKey }, { key }] } : { key }) } }),
  );
  // A key may look like an id. The id goes first.
  const row = rows.find((candidate) => candidate.id === idOrKey) ?? rows[0];
  if (row === undefined) return null;
  return { id: row.id, key: row.key, metadata: row.metadata as JsonObject, createdAt: row.createdAt.toISOString() };
}

export async function listThreadRuns(
  prisma: Prisma,
  tenantId: string,
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
          where: { tenantId, threadId, threadTurn: { gt: lastTurn } },
          select: { id: true, status: true },
          orderBy: { threadTurn: "asc" },
          take,
        }),
      ),
    (row) => ({ runId: row.id, status: row.status as RunStatus }),
  );
}
