import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PLACES_PER_FREE_PLACE } from "../ports/limits.ts";
import { type LeavePlace, placeLack, Places } from "./places.ts";
import type { Principal } from "./principal.ts";
import { asTenantId, type TenantId } from "../core/tenant-id.ts";

const PLACES_MAX = 1000;
const principal = (tenant: string, keyId: string): Principal => ({
  kind: "api_key",
  keyId,
  tenantId: asTenantId(tenant),
  name: "key",
  scopes: [],
});
const places = (): Places => new Places({ placesMax: PLACES_MAX, what: "devices" });

/** Takes places until there are none for this principal, and returns how many it got. */
function takeAll(from: Places, who: Principal): number {
  let count = 0;
  while (from.take(who).kind === "taken") count += 1;
  return count;
}

describe("shares of places", () => {
  test("one principal cannot take its tenant's share, nor one tenant all places", () => {
    const all = places();
    const first = takeAll(all, principal("hog", "key-1"));
    expect(first / PLACES_MAX).toBeCloseTo((PLACES_PER_FREE_PLACE / (PLACES_PER_FREE_PLACE + 1)) ** 2, 2);
    for (let key = 2; key < 100; key += 1) takeAll(all, principal("hog", `key-${key}`));
    expect(all.taken / PLACES_MAX).toBeCloseTo(PLACES_PER_FREE_PLACE / (PLACES_PER_FREE_PLACE + 1), 2);
    expect(all.take(principal("hog", "key-1"))).toMatchObject({ kind: "refused", code: "too_many_requests" });
    expect(takeAll(all, principal("quiet", "key"))).toBeGreaterThan(PLACES_MAX / 8);
  });

  test("a refusal says whose share is used up, and when to come back", () => {
    const all = places();
    const hog = principal("hog", "key-1");
    takeAll(all, hog);
    expect(all.refusal(hog)).toMatchObject({ detail: expect.stringContaining("key or token") as string });
    for (let key = 2; key < 100; key += 1) takeAll(all, principal("hog", `key-${key}`));
    const refusal = all.refusal(principal("hog", "key-999"));
    expect(refusal).toMatchObject({ detail: expect.stringContaining("your tenant") as string });
    expect(refusal?.retryAfterMs).toBeGreaterThan(0);
  });

  test("a place that was given back twice is free once", () => {
    const all = places();
    const who = principal("tenant", "key");
    const taken = all.take(who);
    all.take(who);
    if (taken.kind === "taken") for (let nth = 0; nth < 2; nth += 1) taken.leave();
    expect(all.taken).toBe(1);
  });

  test("whoever has no place gets one as long as one is free, and the bounds hold whatever comes and goes (R9)", () => {
    const step = fc.record({ tenant: fc.nat(3), key: fc.nat(2), leaves: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 300 }), (placesMax, steps) => {
        const all = new Places({ placesMax, what: "sockets" });
        const here: { readonly tenantId: TenantId; readonly leave: LeavePlace }[] = [];
        for (const { tenant, key, leaves } of steps) {
          if (leaves) here.shift()?.leave();
          const who = principal(`t${tenant}`, `k${key}`);
          const isNew = !here.some(({ tenantId }) => tenantId === who.tenantId);
          const mustGet = isNew && all.taken < placesMax;
          const outcome = all.take(who);
          if (mustGet && outcome.kind === "refused") return false;
          if (outcome.kind === "taken") here.push({ tenantId: who.tenantId, leave: outcome.leave });
          if (all.taken !== here.length || all.taken > placesMax) return false;
        }
        for (const { leave } of here) leave();
        return all.taken === 0;
      }),
    );
  });

  test("a tenant that is let in has no more than its share afterwards", () => {
    const counts = fc.record({
      placesMax: fc.integer({ min: 1, max: 500 }),
      others: fc.nat(500),
      ofTenant: fc.nat(500),
      ofPrincipal: fc.nat(500),
    });
    fc.assert(
      fc.property(counts, ({ placesMax, others, ofTenant, ofPrincipal }) => {
        const lack = placeLack({ placesMax, taken: others + ofTenant, ofTenant, ofPrincipal });
        if (lack !== null) return true;
        const left = placesMax - others - ofTenant - 1;
        return left >= 0 && ofTenant + 1 <= PLACES_PER_FREE_PLACE * (left + 1);
      }),
    );
  });
});
