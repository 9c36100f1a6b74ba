import fc from "fast-check";
import { expect, test } from "vitest";
import { FairQueue } from "./fair-queue.ts";

test("tenants take turns, and each has one place at a time", () => {
  const queue = new FairQueue<string>({ perTenantMax: 10 });
  for (const work of ["a1", "a2", "a3"]) queue.add("a", work);
  queue.add("b", "b1");
  expect(queue.take()?.work).toBe("a1");
  expect(queue.take()?.work).toBe("b1");
  expect(queue.take()).toBeNull();
  queue.done("a");
  expect(queue.take()?.work).toBe("a2");
});

test("a tenant has a bound of its own (R9)", () => {
  const queue = new FairQueue<number>({ perTenantMax: 2 });
  expect([1, 2, 3].map((work) => queue.add("a", work))).toEqual([true, true, false]);
  expect(queue.add("b", 1)).toBe(true);
});

test("whatever comes in whatever order: nothing is lost, a tenant's work keeps its order, and none overtakes a full round", () => {
  const arrivals = fc.array(fc.record({ tenant: fc.constantFrom("a", "b", "c", "d"), rests: fc.nat(3) }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(arrivals, (all) => {
      const queue = new FairQueue<{ readonly tenant: string; readonly n: number }>({ perTenantMax: 100 });
      const taken: { readonly tenant: string; readonly n: number }[] = [];
      all.forEach(({ tenant }, n) => queue.add(tenant, { tenant, n }));
      for (let next = queue.take(); next !== null; next = queue.take()) {
        taken.push(next.work);
        queue.done(next.tenantId);
      }
      expect(taken).toHaveLength(all.length);
      for (const tenant of ["a", "b", "c", "d"]) {
        const own = taken.filter((work) => work.tenant === tenant).map(({ n }) => n);
        expect(own).toEqual(own.toSorted((one, other) => one - other));
        // Between two of its turns every other tenant has at most one.
        const places = taken.flatMap((work, place) => (work.tenant === tenant ? [place] : []));
        places.forEach((place, index) => {
          const before = places[index - 1] ?? -1;
          expect(place - before).toBeLessThanOrEqual(4);
        });
      }
    }),
  );
});
