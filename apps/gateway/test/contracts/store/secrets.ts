import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { SECRETS_PER_TENANT_MAX } from "../../../src/ports/limits.ts";
import type { Store } from "../../../src/ports/store.ts";
import { openScene, type Scene } from "./scene.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

export function secretsOfStore(store: () => Store): void {
  const put = ({ tenant }: Scene, name: string, sealed: string, setBy = "a key") =>
    tenant.putSecret({ by: AN_ACTOR, secretId: v7(), name, sealed, setBy });
  const sealedOf = async ({ tenant }: Scene, name: string) => (await tenant.readSecret({ name })).sealed;

  describe("secrets", () => {
    test("a secret is read as it was put last, and no list shows it", async () => {
      const scene = await openScene(store());
      expect(await sealedOf(scene, "crm")).toBeNull();
      const first = await put(scene, "crm", "sealed-1");
      expect(first).toMatchObject({ kind: "put", created: true, secret: { name: "crm", setBy: "a key" } });
      expect(await put(scene, "crm", "sealed-2", "another key")).toMatchObject({
        created: false,
        secret: { name: "crm", setBy: "another key" },
      });
      expect(await sealedOf(scene, "crm")).toBe("sealed-2");
      await put(scene, "mail", "sealed-3");
      const { data } = await scene.tenant.listSecrets({ limit: 10, cursor: undefined });
      expect(data.map(({ name }) => name)).toEqual(["mail", "crm"]);
      expect(JSON.stringify(data)).not.toContain("sealed");
    });

    test("of many that set one secret at once each succeeds, and one value is left", async () => {
      const scene = await openScene(store());
      const outcomes = await Promise.all([1, 2, 3, 4].map((number) => put(scene, "crm", `sealed-${number}`)));
      expect(outcomes.filter((outcome) => outcome.kind === "put" && outcome.created)).toHaveLength(1);
      expect(await sealedOf(scene, "crm")).toMatch(/^sealed-[1-4]$/);
      expect((await scene.tenant.listSecrets({ limit: 10, cursor: undefined })).data).toHaveLength(1);
    });

    test("a deleted secret is gone, and a page ends at its limit", async () => {
      const scene = await openScene(store());
      for (const name of ["a", "b", "c"]) await put(scene, name, "sealed");
      expect(await scene.tenant.deleteSecret({ by: AN_ACTOR, name: "b" })).toBe(true);
      expect(await scene.tenant.deleteSecret({ by: AN_ACTOR, name: "b" })).toBe(false);
      expect(await sealedOf(scene, "b")).toBeNull();
      const first = await scene.tenant.listSecrets({ limit: 1, cursor: undefined });
      const second = await scene.tenant.listSecrets({ limit: 1, cursor: first.nextCursor ?? undefined });
      expect([first, second].map(({ data }) => data.map(({ name }) => name))).toEqual([["c"], ["a"]]);
      expect(second.nextCursor).toBeNull();
    });

    test("the store says whose secrets these are by the tenant's name", async () => {
      const scene = await openScene(store());
      expect(await scene.tenant.readSecret({ name: "crm" })).toMatchObject({
        tenantName: expect.stringMatching(/^tenant /) as string,
      });
    });

    test("a tenant with all the secrets that it may have gets no further one, and may change each", async () => {
      const scene = await openScene(store());
      for (let count = 0; count < SECRETS_PER_TENANT_MAX; count += 1) await put(scene, `s${count}`, "sealed");
      expect(await put(scene, "more", "sealed")).toEqual({ kind: "full" });
      expect(await put(scene, "s0", "other")).toMatchObject({ kind: "put", created: false });
    });
  });
}
