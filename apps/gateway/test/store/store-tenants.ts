import { isoTime } from "../../src/core/iso-time.ts";
import { asTenantId } from "../../src/core/tenant-id.ts";
import type { FleetTenants, TenantRecord } from "../../src/ports/fleet-tenants.ts";
import { cursorId, pageCursor } from "../../src/ports/page-cursor.ts";
import { audit } from "./store-audit.ts";
import { recordRevocation } from "./store-keys.ts";
import type { Rows, TenantRow } from "./store-rows.ts";

function recordOf({ id, name, createdAt, disabledAt }: TenantRow): TenantRecord {
  return { id, name, createdAt: isoTime(createdAt), disabledAt: disabledAt === null ? null : isoTime(disabledAt) };
}

/** The statements about tenants. */
export function createMemoryFleetTenants(rows: Rows): FleetTenants {
  return {
    async createTenant({ tenantId, name, by }) {
      const id = asTenantId(tenantId);
      const known = [...rows.tenants.values()].find((row) => row.id === id || row.name === name);
      if (known !== undefined) return known.id === id ? recordOf(known) : null;
      const row = { id, name, createdAt: rows.now(), disabledAt: null };
      rows.tenants.set(id, row);
      audit(rows, id, { action: "tenant.create", outcome: "created", by, targets: { tenantId: id, tenant: name } });
      return recordOf(row);
    },
    async listTenants({ limit, cursor }) {
      const after = cursor === undefined ? undefined : cursorId(cursor);
      if (after === null) return { data: [], nextCursor: null };
      const listed = [...rows.tenants.values()]
        .filter(({ id }) => after === undefined || id < after)
        .toSorted((a, b) => (a.id < b.id ? 1 : -1));
      const last = listed.length > limit ? listed[limit - 1] : undefined;
      return {
        data: listed.slice(0, limit).map(recordOf),
        nextCursor: last === undefined ? null : pageCursor(last.id),
      };
    },
    async findTenant({ idOrName }) {
      const found = [...rows.tenants.values()].find(({ id, name }) => id === idOrName || name === idOrName);
      return found === undefined ? null : recordOf(found);
    },
    async setTenantDisabled({ tenantId, isDisabled, by }) {
      const row = rows.tenants.get(tenantId);
      if (row === undefined) return null;
      if ((row.disabledAt !== null) !== isDisabled) {
        row.disabledAt = isDisabled ? rows.now() : null;
        const kind = isDisabled ? "disabled" : "enabled";
        recordRevocation(rows, { tenantId, kind, subject: "", revokedAt: rows.now() });
        const action = isDisabled ? "tenant.disable" : "tenant.enable";
        audit(rows, tenantId, { action, outcome: kind, by, targets: { tenantId, tenant: row.name } });
      }
      return recordOf(row);
    },
  };
}
