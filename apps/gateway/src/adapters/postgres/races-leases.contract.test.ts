import { describe, expect, test, vi } from "vitest";
import { openRaces } from "../../../test/contracts/store/races.ts";
import { LEASE_MS } from "../../../test/contracts/store/scene.ts";
import { EMPTY_PLACES } from "../../../test/support/empty-places.ts";
import { missingServices } from "../../../test/services/services.ts";

const LOCK_LEASE = "select from gateway_leases where gateway_id = 'gateway-a' for update";

describe.skipIf(await missingServices("postgres"))("races of leases on Postgres", () => {
  const races = openRaces();
  const renew = (runId: string, leaseDurationMs = LEASE_MS) =>
    races.store.fleet.renewLeases({ gatewayId: "gateway-a", leaseDurationMs, runs: [{ runId, epoch: 1 }] });
  const take = () =>
    races.store.fleet.claimRuns({
      gatewayId: "gateway-b",
      claimNumber: 1,
      leaseDurationMs: LEASE_MS,
      limit: 1,
      places: EMPTY_PLACES,
      judgesUntil: Number.POSITIVE_INFINITY,
      lastChancesMax: 1,
    });

  test("a renewal writes the row of a run once while it is held, and rewrites the row of its lease in place", async () => {
    const { runId } = await races.heldRun();
    const placeOf = async () =>
      (await races.locks.read<{ place: string }>("select ctid::text as place from runs where id = $1", [runId]))[0];
    await renew(runId);
    const covered = await placeOf();
    for (let nth = 0; nth < 5; nth += 1) expect(await renew(runId)).toMatchObject([{ runId }]);
    expect(await placeOf()).toEqual(covered);
    await vi.waitFor(
      async () => {
        const [counted] = await races.locks.read<{ updated: number; hot: number }>(
          "select n_tup_upd::int as updated, n_tup_hot_upd::int as hot from pg_stat_user_tables where relname = 'gateway_leases'",
        );
        expect(counted).toEqual({ updated: 5, hot: 5 });
      },
      // A connection without work reports what it counted only after ten seconds.
      { timeout: 25_000 },
    );
  });

  test("a renewal that comes while its lease is taken for over finds what was ended, and covers it again", async () => {
    const { runId } = await races.heldRun();
    await renew(runId);
    await races.locks.hold(LOCK_LEASE, []);
    const renewal = renew(runId);
    await races.locks.waiting(1);
    await races.locks.read("update runs set wake_at = now() where id = $1", [runId]);
    await races.locks.release();
    expect(await renewal).toMatchObject([{ runId, epoch: 1 }]);
    expect((await take()).runs).toEqual([]);
  });

  test("a renewal that comes after the run was taken, and waited for the judge, is told that the lease is lost", async () => {
    const { runId } = await races.heldRun();
    await renew(runId);
    await races.locks.hold(LOCK_LEASE, []);
    const renewal = renew(runId);
    await races.locks.waiting(1);
    await races.locks.read("update runs set wake_at = now() where id = $1", [runId]);
    expect((await take()).runs).toMatchObject([{ runId, epoch: 2, lost: true }]);
    await races.locks.release();
    expect(await renewal).toEqual([]);
  });

  test("a judge passes over a lease that is being renewed, and ends none that was renewed while it waited", async () => {
    const { runId } = await races.heldRun();
    await renew(runId);
    await races.locks.read("update gateway_leases set ends_at = now() - interval '1 second'");
    await races.locks.hold("update gateway_leases set ends_at = now() + interval '1 minute'");
    expect((await take()).runs).toEqual([]);
    await races.locks.release();
    expect((await take()).runs).toEqual([]);
    expect(await renew(runId)).toMatchObject([{ runId }]);
  });
});
