import { v7 } from "uuid";
import { expect, test } from "vitest";
import { asTenantId } from "../../core/tenant-id.ts";
import type { TenantSql } from "./sql.ts";
import { fleetStatement, tenantStatement } from "./statement.ts";

const MINE = tenantStatement({ name: "mine", parameters: {}, text: "select from runs where tenant_id = :tenantId" });
const ALL = fleetStatement({ name: "all", parameters: {}, text: "select from runs" });

const sql: TenantSql = { query: () => Promise.resolve([]) };

test("a statement without its tenant does not compile, nor one of all tenants where requests are served (R10)", () => {
  const tenantId = asTenantId(v7());
  const runId: string = v7();
  const calls = [
    () => sql.query(MINE({ tenantId })),
    // @ts-expect-error: the tenant is missing.
    () => sql.query(MINE({})),
    // @ts-expect-error: this is the id of something else.
    () => sql.query(MINE({ tenantId: runId })),
    // @ts-expect-error: it serves all tenants.
    () => sql.query(ALL({})),
    // @ts-expect-error: a query has the scope of its statement.
    () => sql.query({ ...MINE({ tenantId }), scope: { kind: "fleet" } }),
  ];
  expect(calls).toHaveLength(5);
});

test("a statement of one tenant that does not name it is refused when the module loads", () => {
  expect(() => tenantStatement({ name: "s", parameters: {}, text: "select from runs" })).toThrow("tenantId");
});
