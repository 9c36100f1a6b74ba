import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/ports/store.ts";
import { CONFIG, NASTY, openScene } from "./scene.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

export function agentsOfStore(store: () => Store): void {
  const push = {
    name: "worker",
    description: null,
    version: null,
    config: CONFIG,
    configHash: "worker",
    promote: true,
  };

  describe("agents", () => {
    test("the same config pushed again is the same version, and only another config makes a new one", async () => {
      const { tenant, agentId, versionId } = await openScene(store());
      const again = await tenant.pushAgent({ by: AN_ACTOR, ...push, version: "another label", description: "another" });
      expect(again).toEqual({ agentId, versionId, version: "1", configHash: "worker", created: false });
      const next = await tenant.pushAgent({ by: AN_ACTOR, ...push, configHash: "second" });
      expect(next).toMatchObject({ agentId, version: "2", created: true });
      expect(next.versionId).not.toBe(versionId);
      const labelled = await tenant.pushAgent({ by: AN_ACTOR, ...push, configHash: "third", version: "2026-01" });
      expect(labelled.version).toBe("2026-01");
    });

    test("one config pushed by many at once becomes one version, and several become several with numbers of their own", async () => {
      const { tenant } = await openScene(store());
      const name = "busy";
      const same = await Promise.all(
        Array.from({ length: 5 }, () => tenant.pushAgent({ by: AN_ACTOR, ...push, name, configHash: "same" })),
      );
      expect(same.filter((pushed) => pushed.created)).toHaveLength(1);
      expect(new Set(same.map((pushed) => pushed.versionId)).size).toBe(1);
      const others = await Promise.all(
        ["a", "b", "c"].map((configHash) => tenant.pushAgent({ by: AN_ACTOR, ...push, name, configHash })),
      );
      expect(others.map((pushed) => pushed.version).toSorted()).toEqual(["2", "3", "4"]);
    });

    test("a push that is not to be promoted leaves new runs on the version they had; a promotion moves them", async () => {
      const { tenant, versionId } = await openScene(store());
      const next = await tenant.pushAgent({ by: AN_ACTOR, ...push, configHash: "second", promote: false });
      expect((await tenant.findAgent({ idOrName: "worker" }))?.currentVersion?.id).toBe(versionId);
      const promoted = await tenant.promoteVersion({ by: AN_ACTOR, idOrName: "worker", versionId: next.versionId });
      expect(promoted?.currentVersion?.id).toBe(next.versionId);
      await tenant.pushAgent({ by: AN_ACTOR, ...push });
      expect((await tenant.findAgent({ idOrName: "worker" }))?.currentVersion?.id).toBe(versionId);
    });

    test("an agent first pushed without promotion has no current version", async () => {
      const { tenant } = await openScene(store());
      await tenant.pushAgent({ by: AN_ACTOR, ...push, name: "quiet", promote: false });
      expect(await tenant.findAgent({ idOrName: "quiet" })).toMatchObject({ name: "quiet", currentVersion: null });
    });

    test("a version of another agent is neither found nor promoted", async () => {
      const { tenant, versionId } = await openScene(store());
      await tenant.pushAgent({ by: AN_ACTOR, ...push, name: "other", configHash: "other" });
      expect(await tenant.findVersion({ idOrName: "other", versionId })).toBeNull();
      expect(await tenant.promoteVersion({ by: AN_ACTOR, idOrName: "other", versionId })).toBeNull();
      expect(await tenant.findVersion({ idOrName: "worker", versionId })).toMatchObject({
        id: versionId,
        version: "1",
      });
      expect(await tenant.listVersions({ idOrName: "nobody", limit: 10, cursor: undefined })).toBeNull();
    });

    test("a config comes back as it was pushed, with any text in it", async () => {
      const { tenant } = await openScene(store());
      const config = {
        ...CONFIG,
        description: NASTY,
        settings: { providerOptions: { x: { [NASTY]: [1.5, null, NASTY] } } },
      };
      const { versionId } = await tenant.pushAgent({
        by: AN_ACTOR,
        ...push,
        name: "nasty",
        config,
        configHash: "nasty",
      });
      expect((await tenant.findVersion({ idOrName: "nasty", versionId }))?.config).toEqual(config);
    });

    test("lists are newest first, page by page without gap or repeat; a cursor that no page gave returns an empty page", async () => {
      const { tenant, agentId } = await openScene(store());
      for (const name of ["a", "b", "c", "d"]) await tenant.pushAgent({ by: AN_ACTOR, ...push, name });
      const names: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await tenant.listAgents({ limit: 2, cursor });
        expect(page.data.length).toBeGreaterThan(0);
        names.push(...page.data.map((agent) => agent.name));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      expect(names).toEqual(["d", "c", "b", "a", "worker"]);
      for (const garbage of ["garbage", "", "bm90IGFuIGlk", NASTY]) {
        expect(await tenant.listAgents({ limit: 2, cursor: garbage })).toEqual({ data: [], nextCursor: null });
      }
      for (const configHash of ["2", "3"]) await tenant.pushAgent({ by: AN_ACTOR, ...push, configHash });
      const versions = await tenant.listVersions({ idOrName: agentId, limit: 10, cursor: undefined });
      expect(versions?.data.map((version) => version.version)).toEqual(["3", "2", "1"]);
    });
  });
}
