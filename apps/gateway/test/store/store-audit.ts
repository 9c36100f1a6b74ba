import type { AuditAction, AuditActor, AuditEntry, AuditOutcome, JsonObject } from "@hsafa/protocol";
import { isoTime } from "../../src/core/iso-time.ts";
import { AUDIT_ENTRY_BYTES_COUNTED } from "../../src/ports/limits.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";
import { cursorId, pageCursor } from "../../src/ports/page-cursor.ts";
import type { TenantStore } from "../../src/ports/tenant-store.ts";
import type { Rows } from "./store-rows.ts";

export interface AuditRow {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly at: number;
  readonly action: AuditAction;
  readonly outcome: AuditOutcome;
  readonly by: AuditActor;
  readonly targets: Record<string, string>;
  readonly details: JsonObject;
}

/** Writes the entry of an act. */
export function audit(
  rows: Rows,
  tenantId: TenantId,
  act: Pick<AuditRow, "action" | "outcome" | "by" | "targets"> & { readonly details?: JsonObject },
): void {
  const { kind, keyId, name, subject, address } = act.by;
  const id = rows.clock.newId();
  rows.audit.set(id, {
    details: {},
    ...act,
    by: { kind, keyId, name, subject, address },
    id,
    tenantId,
    at: rows.now(),
  });
  rows.countersOf(tenantId).storedBytes += AUDIT_ENTRY_BYTES_COUNTED;
}

/** Lists the acts of a tenant, newest first. */
export function createAuditList(rows: Rows, tenantId: TenantId): Pick<TenantStore, "listAudit"> {
  return {
    async listAudit({ limit, cursor, action, subject, keyId, since = 0, until = Number.POSITIVE_INFINITY }) {
      const after = cursor === undefined ? undefined : cursorId(cursor);
      if (after === null) return { data: [], nextCursor: null };
      const listed = [...rows.audit.values()]
        .filter((row) => row.tenantId === tenantId && row.at >= since && row.at < until)
        .filter((row) => action === undefined || row.action === action)
        .filter(({ by }) => subject === undefined || by.subject === subject)
        .filter(({ by }) => keyId === undefined || by.keyId === keyId)
        .filter(({ id }) => after === undefined || id < after)
        .toSorted((a, b) => (a.id < b.id ? 1 : -1));
      const shown = listed.slice(0, limit);
      const last = shown.at(-1);
      const nextCursor = listed.length > limit && last !== undefined ? pageCursor(last.id) : null;
      return { data: shown.map(entryOf), nextCursor };
    },
  };
}

function entryOf({ id, at, action, outcome, by, targets, details }: AuditRow): AuditEntry {
  return { id, at: isoTime(at), action, outcome, by, targets, details };
}
