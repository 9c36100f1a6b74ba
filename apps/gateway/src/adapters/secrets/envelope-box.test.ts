import fc from "fast-check";
import { expect, test } from "vitest";
import { createEnvelopeBox } from "./envelope-box.ts";
import { asTenantId } from "../../core/tenant-id.ts";

const OLD = "an old master key of the operator, long enough";
const NEW = "a new master key of the operator, long enough";
const owner = { tenantId: asTenantId("t"), name: "crm" };

function seal(box = createEnvelopeBox([NEW]), value = "value-of-the-secret"): string {
  const sealed = box.seal({ ...owner, value });
  if (sealed === null) throw new Error("a box with a key seals");
  return sealed;
}

test("any value comes back, and what is sealed shows nothing of it", () => {
  const box = createEnvelopeBox([NEW]);
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 8 }), (value) => {
      const sealed = seal(box, value);
      expect(box.open({ ...owner, sealed })).toBe(value);
      expect(sealed).not.toContain(value);
    }),
  );
});

test("one value sealed twice looks different, so that nobody sees which secrets are equal", () => {
  const parts = [seal(), seal()].map((sealed) => sealed.split("."));
  expect(parts[0]?.slice(0, 2)).toEqual(parts[1]?.slice(0, 2));
  expect(parts[0]?.[2]).not.toBe(parts[1]?.[2]);
  expect(parts[0]?.[3]).not.toBe(parts[1]?.[3]);
});

test("a value that was moved to another tenant or name does not open", () => {
  const box = createEnvelopeBox([NEW]);
  const sealed = seal(box);
  expect(box.open({ ...owner, tenantId: asTenantId("u"), sealed })).toBeNull();
  expect(box.open({ ...owner, name: "mail", sealed })).toBeNull();
});

test("a sealed value that was changed anywhere does not open, and throws nothing", () => {
  const box = createEnvelopeBox([NEW]);
  const sealed = seal(box);
  // The last character of a part in Base64 may carry bits that mean nothing.
  const places = Array.from(sealed, (_, at) => at).filter((at) => !/^.(\.|$)/.test(sealed.slice(at)));
  const changed = places.map((at) => sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1));
  expect(changed.map((text) => box.open({ ...owner, sealed: text }))).toEqual(changed.map(() => null));
  for (const broken of ["", "v1", "v1...", sealed.slice(0, -30), `${sealed}.x`.slice(0, 40), "v2.a.b.c"]) {
    expect(box.open({ ...owner, sealed: broken })).toBeNull();
  }
});

test("a new key seals, and what the old key sealed opens as long as it is listed", () => {
  const sealed = seal(createEnvelopeBox([OLD]));
  expect(createEnvelopeBox([NEW, OLD]).open({ ...owner, sealed })).toBe("value-of-the-secret");
  expect(createEnvelopeBox([NEW]).open({ ...owner, sealed })).toBeNull();
  const resealed = seal(createEnvelopeBox([NEW, OLD]));
  expect(createEnvelopeBox([NEW]).open({ ...owner, sealed: resealed })).toBe("value-of-the-secret");
});

test("without a key nothing is sealed", () => {
  expect(createEnvelopeBox([]).seal({ ...owner, value: "value-of-the-secret" })).toBeNull();
});
