import { expect, test } from "vitest";
import { registrationOf } from "../../test/contracts/store/scene.ts";
import { settled } from "../../test/support/fakes.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { asTenantId, type TenantId } from "../core/tenant-id.ts";
import type { Store } from "../ports/store.ts";
import type { Registration, RegistrationOutcome } from "../ports/tenant-devices.ts";
import {
  REGISTRATION_BATCHES_AT_ONCE_MAX,
  REGISTRATION_BATCHES_PER_TENANT_MAX,
  REGISTRATION_PROMPT_MS,
  REGISTRATIONS_PER_BATCH_MAX,
} from "./limits.ts";
import { RegistrationBatches } from "./registration-batches.ts";

const TENANT = asTenantId("t");

/** A store that answers when the test says so. */
function world() {
  const asked: {
    readonly tenantId: TenantId;
    readonly keys: readonly string[];
    answer: () => void;
    fail: () => void;
  }[] = [];
  const outcomeOf = ({ deviceKey, sessionId }: Registration): RegistrationOutcome => {
    if (deviceKey === "theirs") return { kind: "not_owner" };
    if (deviceKey === "odd") return { kind: "failed", error: new Error("odd") };
    return { kind: "registered", deviceId: `id of ${deviceKey}`, sessionId, awaitsPairing: false };
  };
  const store: Pick<Store, "forTenant"> = {
    forTenant: (tenantId) =>
      ({
        registerDevices(registrations: readonly Registration[]) {
          const { promise, resolve, reject } = Promise.withResolvers<readonly RegistrationOutcome[]>();
          const keys = registrations.map(({ deviceKey }) => deviceKey);
          const answer = () => resolve(registrations.map(outcomeOf));
          asked.push({ tenantId, keys, answer, fail: () => reject(new Error("away")) });
          return promise;
        },
      }) as unknown as ReturnType<Store["forTenant"]>,
  };
  const clock = new ManualClock();
  const batches = new RegistrationBatches({ store: store as Store, clock });
  const register = (deviceKey: string, tenantId = TENANT) =>
    batches.register(tenantId, registrationOf({ keyId: "k" }, { deviceKey })).then(
      (registered) => registered?.deviceId ?? null,
      (error: Error) => error.message,
    );
  return { asked, register, clock };
}

test("one that comes alone goes at once; those that come meanwhile go together, as many as a batch may hold", async () => {
  const { asked, register } = world();
  const alone = register("alone");
  for (let nth = 1; nth < REGISTRATION_BATCHES_PER_TENANT_MAX; nth += 1) void register(`other ${nth}`);
  const many = Array.from({ length: REGISTRATIONS_PER_BATCH_MAX + 1 }, (_, nth) => register(`many ${nth}`));
  expect(asked.map(({ keys }) => keys.length)).toEqual(
    Array.from({ length: REGISTRATION_BATCHES_PER_TENANT_MAX }, () => 1),
  );
  const before = asked.length;
  for (const { answer } of asked) answer();
  await settled();
  expect(asked.slice(before).map(({ keys }) => keys.length)).toEqual([REGISTRATIONS_PER_BATCH_MAX, 1]);
  for (const { answer } of asked) answer();
  expect(await alone).toBe("id of alone");
  expect(await Promise.all(many)).toEqual(many.map((_, nth) => `id of many ${nth}`));
});

test("of a batch each has its own outcome: one is refused and one fails, and the others are registered", async () => {
  const { asked, register } = world();
  for (let nth = 0; nth < REGISTRATION_BATCHES_PER_TENANT_MAX; nth += 1) void register(`first ${nth}`);
  const many = Promise.all(["mine", "theirs", "odd", "also mine"].map((key) => register(key)));
  for (const { answer } of asked) answer();
  await settled();
  for (const { answer } of asked) answer();
  expect(await many).toEqual(["id of mine", null, "odd", "id of also mine"]);
});

test("a batch names a device once, and one that fails as a whole does not end the line", async () => {
  const { asked, register } = world();
  for (let nth = 0; nth < REGISTRATION_BATCHES_PER_TENANT_MAX; nth += 1) void register(`first ${nth}`);
  const many = Promise.all(["a", "b", "a", "c", "a"].map((key) => register(key)));
  const before = asked.length;
  asked[0]?.fail();
  await settled();
  expect(asked.slice(before).map(({ keys }) => keys)).toEqual([["a", "b", "c"]]);
  asked[before]?.fail();
  await settled();
  expect(asked.slice(before + 1).map(({ keys }) => keys)).toEqual([["a"]]);
  asked[before + 1]?.answer();
  await settled();
  asked[before + 2]?.answer();
  expect(await many).toEqual(["away", "away", "id of a", "away", "id of a"]);
});

test("tenants never share a batch, and a busy one leaves others room", () => {
  const { asked, register } = world();
  for (let nth = 0; nth < 10; nth += 1) void register(`busy ${nth}`);
  void register("quiet", asTenantId("other"));
  expect(asked.at(-1)).toMatchObject({ tenantId: "other", keys: ["quiet"] });
  expect(asked).toHaveLength(REGISTRATION_BATCHES_PER_TENANT_MAX + 1);
});

test("many tenants at once take turns, each with all that came meanwhile", async () => {
  const { asked, register } = world();
  const tenants = Array.from({ length: REGISTRATION_BATCHES_AT_ONCE_MAX + 2 }, (_, nth) => asTenantId(`t${nth}`));
  for (let nth = 0; nth < 6; nth += 1) for (const tenant of tenants) void register(`device ${nth}`, tenant);
  expect(asked).toHaveLength(REGISTRATION_BATCHES_AT_ONCE_MAX);
  for (let nth = 0; nth < asked.length; nth += 1) {
    asked[nth]?.answer();
    await settled();
  }
  expect(asked.map(({ tenantId, keys }) => `${tenantId} ${keys.length}`)).toEqual([
    ...tenants.slice(0, REGISTRATION_BATCHES_AT_ONCE_MAX).map((tenant) => `${tenant} 1`),
    ...tenants.slice(REGISTRATION_BATCHES_AT_ONCE_MAX).map((tenant) => `${tenant} 6`),
    ...tenants.slice(0, REGISTRATION_BATCHES_AT_ONCE_MAX).map((tenant) => `${tenant} 5`),
  ]);
});

test("batches that wait in the store hold up no other tenant for long", async () => {
  const { asked, register, clock } = world();
  for (let nth = 0; nth < REGISTRATION_BATCHES_AT_ONCE_MAX; nth += 1) void register("stuck", asTenantId(`t${nth}`));
  void register("quiet", asTenantId("other"));
  expect(asked).toHaveLength(REGISTRATION_BATCHES_AT_ONCE_MAX);
  clock.advance(REGISTRATION_PROMPT_MS);
  expect(asked.at(-1)).toMatchObject({ tenantId: "other", keys: ["quiet"] });
  for (const { answer } of asked) answer();
  await settled();
  for (let nth = 0; nth <= REGISTRATION_BATCHES_AT_ONCE_MAX; nth += 1) void register("late", asTenantId(`t${nth}`));
  expect(asked).toHaveLength(2 * REGISTRATION_BATCHES_AT_ONCE_MAX + 1);
});
