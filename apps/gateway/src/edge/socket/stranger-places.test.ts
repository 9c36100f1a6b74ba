import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StrangerPlaces } from "./stranger-places.ts";

describe("places of strangers", () => {
  test("an address that has as many strangers as it may gives up its own oldest one", () => {
    const places = new StrangerPlaces<string>({ strangersMax: 10, strangersPerAddressMax: 2 });
    expect(places.add("other", "10.0.0.2")).toBeNull();
    expect(places.add("one", "10.0.0.1")).toBeNull();
    expect(places.add("two", "10.0.0.1")).toBeNull();
    expect(places.add("three", "10.0.0.1")).toBe("one");
    places.remove("two", "10.0.0.1");
    expect(places.add("four", "10.0.0.1")).toBeNull();
    expect(places.count).toBe(3);
  });

  test("when all places are taken, the address with most strangers gives one up, not the newcomer's", () => {
    const places = new StrangerPlaces<string>({ strangersMax: 3, strangersPerAddressMax: 3 });
    for (const name of ["a1", "a2"]) places.add(name, "10.0.0.1");
    places.add("b1", "10.0.0.2");
    expect(places.add("c1", "10.0.0.3")).toBe("a1");
    expect(places.count).toBe(3);
  });

  test("the bounds hold whatever comes and goes, and every stranger is somewhere or was told (R9)", () => {
    const step = fc.record({ address: fc.integer({ min: 1, max: 4 }), leaves: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const places = new StrangerPlaces<number>({ strangersMax: 7, strangersPerAddressMax: 3 });
        const here = new Map<number, string>();
        for (const [stranger, { address, leaves }] of steps.entries()) {
          const text = `10.0.0.${address}`;
          const leaving = leaves ? here.keys().next().value : undefined;
          if (leaving !== undefined) {
            places.remove(leaving, here.get(leaving) ?? "");
            here.delete(leaving);
          }
          const evicted = places.add(stranger, text);
          if (evicted !== null) here.delete(evicted);
          here.set(stranger, text);
          const ofAddress = [...here.values()].filter((known) => known === text).length;
          if (places.count !== here.size || here.size > 7 || ofAddress > 3) return false;
        }
        return true;
      }),
    );
  });
});
