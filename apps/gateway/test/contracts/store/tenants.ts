import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { asTenantId } from "../../../src/core/tenant-id.ts";
import type { Store } from "../../../src/ports/store.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

export function tenantsOfStore(store: () => Store): void {
  const make = async (name = `tenant ${v7()}`) => {
    const made = await store().fleet.createTenant({ by: AN_ACTOR, tenantId: v7(), name });
    if (made === null) throw new Error("the name is new");
    return made;
  };

  describe("the operator's tenants", () => {
    test("a tenant is made once, whoever repeats it, and its name is its own", async () => {
      const [tenantId, name] = [v7(), `tenant ${v7()}`];
      const made = await store().fleet.createTenant({ by: AN_ACTOR, tenantId, name });
      expect(made).toMatchObject({ id: tenantId, name, disabledAt: null });
      expect(await store().fleet.createTenant({ by: AN_ACTOR, tenantId, name })).toEqual(made);
      expect(await store().fleet.createTenant({ by: AN_ACTOR, tenantId: v7(), name })).toBeNull();
      expect(await store().fleet.findTenant({ idOrName: name })).toEqual(made);
      expect(await store().fleet.findTenant({ idOrName: tenantId })).toEqual(made);
      expect(await store().fleet.findTenant({ idOrName: `${name}x` })).toBeNull();
      expect(await store().fleet.findTenant({ idOrName: v7() })).toBeNull();
    });

    test("a gateway's initial key finds the tenant that the operator made, by its name", async () => {
      const { id, name } = await make();
      const key = { tenantName: name, name: "key", keyHash: v7(), scopes: ["admin"] as const };
      expect((await store().fleet.ensureApiKey(key)).tenantId).toBe(id);
    });

    test("tenants are listed newest first, page by page", async () => {
      const [first, second] = [await make(), await make()];
      const page = await store().fleet.listTenants({ limit: 1, cursor: undefined });
      expect(page.data).toEqual([second]);
      const next = await store().fleet.listTenants({ limit: 1, cursor: page.nextCursor ?? undefined });
      expect(next.data).toEqual([first]);
      expect((await store().fleet.listTenants({ limit: 1, cursor: "x" })).data).toEqual([]);
    });

    test("no key of a disabled tenant is found, each change is a revocation of its own, and a repeat is none", async () => {
      const { id: tenantId } = await make();
      const keyHash = v7();
      const made = { scopes: ["admin"] as const, subject: null, groups: [], createdBy: "o", expiresInMs: null };
      const key = { keyId: v7(), name: "ci", keyHash, ...made };
      await store()
        .forTenant(tenantId)
        .createApiKey({ by: AN_ACTOR, ...key });
      const after = await store().fleet.readRevocationNumber();
      const changes = async (): Promise<string[]> => {
        const rows = await store().fleet.readRevocations({ after });
        return rows.filter((row) => row.tenantId === tenantId).map(({ kind, subject }) => `${kind} ${subject}`);
      };
      const set = (isDisabled: boolean) => store().fleet.setTenantDisabled({ by: AN_ACTOR, tenantId, isDisabled });
      expect(await set(false)).toMatchObject({ disabledAt: null });
      expect(await changes()).toEqual([]);
      const disabled = await set(true);
      expect(disabled?.disabledAt).not.toBeNull();
      expect(await set(true)).toEqual(disabled);
      expect(await store().fleet.findTenant({ idOrName: tenantId })).toEqual(disabled);
      expect(await store().fleet.findApiKey({ keyHash })).toBeNull();
      expect(await changes()).toEqual(["disabled "]);
      expect(await set(false)).toMatchObject({ id: tenantId, disabledAt: null });
      expect(await store().fleet.findApiKey({ keyHash })).toMatchObject({ tenantId });
      expect(await changes()).toEqual(["disabled ", "enabled "]);
      expect(
        await store().fleet.setTenantDisabled({ by: AN_ACTOR, tenantId: asTenantId(v7()), isDisabled: true }),
      ).toBeNull();
    });
  });
}
