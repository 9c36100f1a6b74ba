import { readdirSync, readFileSync } from "node:fs";
import { v7 } from "uuid";
import { expect, test } from "vitest";
import type { Store } from "../ports/store.ts";
import { asTenantId, type TenantId } from "./tenant-id.ts";

/** Where a text may become the id of a tenant: where a credential is read, and where hsafa reads what it wrote. */
const MAKERS = ["access/browser-token.ts", "adapters/redis/redis-bell.ts", "core/tenant-id.ts"];

const SRC = new URL("../", import.meta.url);

test("no other file takes a text for a tenant: what a request says never becomes one (R10)", () => {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !file.endsWith(".test.ts"),
  );
  // A row has the type that its reader gives it. So a column of another name would be a way around.
  const makers = files.filter((file) =>
    /\basTenantId\(|\bas TenantId\b/.test(readFileSync(new URL(file, SRC), "utf8")),
  );
  expect(makers.toSorted()).toEqual(MAKERS);
});

test("a store without a tenant, or with any other text in its place, does not compile (R10)", () => {
  const store: Pick<Store, "forTenant"> = { forTenant: () => ({}) as never };
  const tenantId: TenantId = asTenantId(v7());
  const runId: string = v7();
  const calls = [
    () => store.forTenant(tenantId),
    // @ts-expect-error: an id of something else is none of a tenant.
    () => store.forTenant(runId),
    // @ts-expect-error: a tenant cannot be left out.
    () => store.forTenant(),
    // @ts-expect-error: nor be undecided.
    () => store.forTenant(undefined),
  ];
  expect(calls).toHaveLength(4);
});
