import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LockHolder, openLockHolder } from "../../../test/contracts/store/lock-holder.ts";
import { claim, LEASE_MS, openScene, start } from "../../../test/contracts/store/scene.ts";
import { type FreshDatabase, freshDatabase, missingServices } from "../../../test/services/services.ts";
import type { Store } from "../../ports/store.ts";
import { openPostgresStore } from "./open-postgres-store.ts";
import { AN_ACTOR } from "../../../test/support/an-actor.ts";

const POOL_SIZE = 2;

describe.skipIf(await missingServices("postgres"))("a store whose every connection is busy", () => {
  let database: FreshDatabase;
  let store: Store;
  let locks: LockHolder;
  beforeAll(async () => {
    database = await freshDatabase();
    store = await openPostgresStore({ url: database.url, poolSize: POOL_SIZE });
    locks = await openLockHolder(database.url);
  });
  afterAll(async () => {
    await locks.undo();
    await locks.close();
    await store.close();
    await database.drop();
  });

  test("a crowd of slow statements costs nobody a lease", async () => {
    const scene = await openScene(store);
    const { runId } = await start(scene);
    const { epoch } = await claim(scene, runId);
    const locked = await start(scene);
    await locks.hold("select from runs where id = $1 for update", [locked.runId]);
    const message = { kind: "message" as const, message: { role: "user" as const, content: "x" } };
    const crowd = Array.from({ length: 2 * POOL_SIZE }, () =>
      scene.tenant.enqueueInput({ by: AN_ACTOR, runId: locked.runId, input: message, dedupe: null }).then(
        () => "done",
        () => "refused",
      ),
    );
    const renewed = await store.fleet.renewLeases({
      gatewayId: "gateway-a",
      leaseDurationMs: LEASE_MS,
      runs: [{ runId, epoch }],
    });
    expect(renewed.map((run) => run.epoch)).toEqual([epoch]);
    expect(await Promise.race([...crowd, Promise.resolve("waiting")])).toBe("waiting");
    await locks.undo();
    await Promise.all(crowd);
  });
});
