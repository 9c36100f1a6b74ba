import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PLACES_PER_FREE_PLACE } from "./limits.ts";
import { type Places, sharePlaces } from "./share-places.ts";

const runsOf = (tenantId: string, count: number) => Array.from({ length: count }, (_, n) => ({ tenantId, n }));

const countsOf = (runs: readonly { readonly tenantId: string }[]): Record<string, number> =>
  Object.fromEntries([...Map.groupBy(runs, ({ tenantId }) => tenantId)].map(([id, own]) => [id, own.length]));

const empty = (free: number): Places => ({ free, heldBy: new Map() });

describe("the places of a gateway are shared out", () => {
  test("a tenant alone may use three quarters of them, and no more", () => {
    const { runs, isAnyWithheld } = sharePlaces(runsOf("a", 1000), empty(1000), null);
    expect(runs).toHaveLength(750);
    expect(isAnyWithheld).toBe(true);
    expect(sharePlaces(runsOf("a", 750), empty(1000), null).isAnyWithheld).toBe(false);
  });

  test("greedy tenants get as much as each other, and places stay free", () => {
    const due = ["a", "b", "c"].flatMap((tenantId) => runsOf(tenantId, 1000));
    expect(countsOf(sharePlaces(due, empty(1000), null).runs)).toEqual({ a: 300, b: 300, c: 300 });
  });

  test("a tenant that comes when another holds its share is served first, and at once", () => {
    const places = { free: 250, heldBy: new Map([["greedy", 750]]) };
    const { runs } = sharePlaces([...runsOf("greedy", 5), ...runsOf("quiet", 1)], places, null);
    expect(runs).toEqual(runsOf("quiet", 1));
  });

  test("a tenant keeps the order in which it wants its own runs", () => {
    const { runs } = sharePlaces([...runsOf("a", 3), ...runsOf("b", 3)], empty(100), "a");
    expect(runs.map(({ tenantId, n }) => tenantId + n)).toEqual(["b0", "a0", "b1", "a1", "b2", "a2"]);
  });
});

const tenants = ["a", "b", "c", "d", "e"];
const tenant = fc.constantFrom(...tenants);
const due = fc.array(fc.record({ tenantId: tenant, n: fc.nat() }), { maxLength: 60 });
const places = fc.record({
  free: fc.nat({ max: 30 }),
  heldBy: fc.array(fc.tuple(tenant, fc.integer({ min: 1, max: 40 }))).map((held) => new Map(held)),
});
const servedLast = fc.option(tenant);

describe("no tenant starves", () => {
  test("a tenant that holds nothing gets a place before any other gets a further one, as long as one is free", () => {
    fc.assert(
      fc.property(due, places, servedLast, (runs, at, last) => {
        const taken = sharePlaces(runs, at, last).runs;
        const wanting = new Set(runs.map(({ tenantId }) => tenantId).filter((id) => !at.heldBy.has(id)));
        const firsts = taken.slice(0, wanting.size).map(({ tenantId }) => tenantId);
        expect(firsts).toHaveLength(Math.min(at.free, wanting.size));
        expect(new Set(firsts).size).toBe(firsts.length);
      }),
    );
  });

  test("no more are taken than are free, and who took a place held less than its share of the free ones", () => {
    fc.assert(
      fc.property(due, places, servedLast, (runs, at, last) => {
        const { runs: taken, isAnyWithheld } = sharePlaces(runs, at, last);
        expect(taken.length).toBeLessThanOrEqual(at.free);
        expect(isAnyWithheld).toBe(taken.length < runs.length);
        const holds = new Map(at.heldBy);
        taken.forEach(({ tenantId }, before) => {
          const held = holds.get(tenantId) ?? 0;
          expect(held).toBeLessThan(PLACES_PER_FREE_PLACE * (at.free - before));
          holds.set(tenantId, held + 1);
        });
      }),
    );
  });

  test("however the greedy ones come and go, each tenant that wants a place is served within one turn of the others", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(tenant, fc.nat({ max: 3 })), { minLength: 20, maxLength: 80 }), (turns) => {
        // All want always. One run is taken at a time, and some of one tenant end in between.
        const holds = new Map<string, number>();
        const waits = new Map(tenants.map((id) => [id, 0]));
        let last: string | null = null;
        for (const [ending, ended] of turns) {
          holds.set(ending, Math.max(0, (holds.get(ending) ?? 0) - ended));
          const heldBy = new Map([...holds].filter(([, held]) => held > 0));
          const free = 40 - [...heldBy.values()].reduce((sum, held) => sum + held, 0);
          const wanting = tenants.flatMap((id) => runsOf(id, 2));
          const [taken]: readonly { readonly tenantId: string }[] = sharePlaces(wanting, { free, heldBy }, last).runs;
          for (const id of tenants) waits.set(id, heldBy.has(id) ? 0 : (waits.get(id) ?? 0) + 1);
          expect(Math.max(...waits.values())).toBeLessThanOrEqual(tenants.length);
          if (taken === undefined) continue;
          last = taken.tenantId;
          waits.set(last, 0);
          holds.set(last, (holds.get(last) ?? 0) + 1);
        }
      }),
    );
  });
});
