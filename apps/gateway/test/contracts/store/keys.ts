import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { KEYS_PER_TENANT_MAX, REVOCATIONS_PER_TENANT_MAX } from "../../../src/ports/limits.ts";
import type { Revocation } from "../../../src/ports/revocation.ts";
import type { Store } from "../../../src/ports/store.ts";
import { openScene } from "./scene.ts";
import { asTenantId, type TenantId } from "../../../src/core/tenant-id.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

const KEY = {
  name: "ci",
  scopes: ["runs:read" as const],
  subject: null,
  groups: ["ops"],
  createdBy: "operator",
  expiresInMs: null,
};

export function keysOfStore(store: () => Store): void {
  const find = (keyHash: string) => store().fleet.findApiKey({ keyHash });

  /** What was revoked of this tenant after a number, without the numbers. */
  async function revokedAfter(after: number, tenantId: TenantId): Promise<readonly Omit<Revocation, "number">[]> {
    const rows = await store().fleet.readRevocations({ after });
    expect(rows.map(({ number }) => number)).toEqual(rows.map(({ number }) => number).toSorted((a, b) => a - b));
    return rows
      .filter((row) => row.tenantId === tenantId)
      .map(({ kind, subject, dueInMs }) => ({ tenantId, kind, subject, dueInMs }));
  }

  describe("keys", () => {
    test("the same key made again, by many at once, is one key in one tenant", async () => {
      const key = { tenantName: `t ${v7()}`, name: "dev", keyHash: v7(), scopes: ["admin" as const] };
      const made = await Promise.all(Array.from({ length: 5 }, () => store().fleet.ensureApiKey(key)));
      expect(new Set(made.map(({ keyId }) => keyId)).size).toBe(1);
      const { tenantId, keyId } = made[0] ?? { tenantId: asTenantId(""), keyId: "" };
      expect(await find(key.keyHash)).toEqual({
        tenantId,
        keyId,
        name: "dev",
        scopes: ["admin"],
        subject: null,
        groups: [],
        expiresInMs: null,
      });
      const second = await store().fleet.ensureApiKey({ ...key, keyHash: v7() });
      expect(second.tenantId).toBe(tenantId);
      expect(await find("of no key")).toBeNull();
    });

    test("a new initial key ends those of its origin and no others, and one that ended never comes back", async () => {
      const origin = `origin-${v7()}`;
      const initial = { tenantName: `t ${v7()}`, name: "operator", scopes: ["admin" as const] };
      const [first, second, other, elsewhere] = [v7(), v7(), v7(), v7()];
      await store().fleet.ensureApiKey({ ...initial, keyHash: other });
      await store().fleet.ensureApiKey({ ...initial, keyHash: elsewhere, origin: `${origin}-2`, ends: [] });
      await store().fleet.ensureApiKey({ ...initial, keyHash: `${first}:here`, origin: `${origin}:here`, ends: [] });
      await store().fleet.ensureApiKey({ ...initial, keyHash: first, origin, ends: [origin] });
      expect(await find(`${first}:here`)).toBeNull();
      const number = await store().fleet.readRevocationNumber();
      const beaten = await store().fleet.recordHeartbeat({ gatewayId: "gateway-a", stopping: false });
      expect(beaten.lastRevocation).toBe(number);
      const again = { ...initial, keyHash: second, origin, ends: [origin] };
      const { tenantId } = await store().fleet.ensureApiKey(again);
      expect(await revokedAfter(number, tenantId)).toMatchObject([{ kind: "key", dueInMs: 0 }]);
      expect(await find(first)).toBeNull();
      const refused = await store().fleet.ensureApiKey({ ...initial, keyHash: first, origin, ends: [origin] });
      expect(refused.isRevoked).toBe(true);
      for (const hash of [second, other, elsewhere]) expect(await find(hash)).not.toBeNull();
      expect(await store().fleet.endInitialKeys({ ends: [origin] })).toEqual({ isKeyLeft: true });
      expect(await find(second)).toBeNull();
      expect(await find(elsewhere)).not.toBeNull();
    });

    test("a key is made once, is listed newest first, and expires", async () => {
      const { tenant } = await openScene(store());
      const [keyId, keyHash] = [v7(), v7()];
      const made = await tenant.createApiKey({ by: AN_ACTOR, ...KEY, keyId, keyHash });
      expect(await tenant.createApiKey({ by: AN_ACTOR, ...KEY, keyId, keyHash })).toEqual(made);
      expect(made).toMatchObject({ id: keyId, name: "ci", createdBy: "operator", expiresAt: null, lastUsedAt: null });
      const brief = await tenant.createApiKey({
        by: AN_ACTOR,
        ...KEY,
        keyId: v7(),
        keyHash: v7(),
        expiresInMs: 3_600_000,
      });
      expect(Date.parse(brief?.expiresAt ?? "") - Date.parse(brief?.createdAt ?? "")).toBe(3_600_000);
      const { data, nextCursor } = await tenant.listApiKeys({ limit: 1, cursor: undefined });
      expect(data).toEqual([brief]);
      const next = await tenant.listApiKeys({ limit: 10, cursor: nextCursor ?? undefined });
      expect(next.data[0]).toEqual(made);
      const gone = v7();
      await tenant.createApiKey({ by: AN_ACTOR, ...KEY, keyId: v7(), keyHash: gone, expiresInMs: -1 });
      expect(await find(gone)).toBeNull();
    });

    test("a rotated key has two secrets for the overlap, and never three", async () => {
      const { tenant, tenantId } = await openScene(store());
      const keyId = v7();
      const [first, second, third] = [v7(), v7(), v7()];
      await tenant.createApiKey({ by: AN_ACTOR, ...KEY, keyId, keyHash: first });
      const number = await store().fleet.readRevocationNumber();
      const rotated = await tenant.rotateApiKey({ by: AN_ACTOR, keyId, keyHash: second, overlapMs: 60_000 });
      expect(rotated).toMatchObject({ kind: "rotated", key: { id: keyId } });
      expect(await tenant.rotateApiKey({ by: AN_ACTOR, keyId, keyHash: second, overlapMs: 60_000 })).toEqual(rotated);
      expect(await find(first)).toMatchObject({ keyId });
      expect((await find(first))?.expiresInMs).toBeLessThanOrEqual(60_000);
      expect(await find(second)).toMatchObject({ keyId, expiresInMs: null });
      const [later] = await revokedAfter(number, tenantId);
      expect(later).toMatchObject({ kind: "secret", subject: first });
      expect(later?.dueInMs).toBeGreaterThan(50_000);

      await tenant.rotateApiKey({ by: AN_ACTOR, keyId, keyHash: third, overlapMs: 0 });
      expect(await find(first)).toBeNull();
      expect(await find(second)).toBeNull();
      expect(await find(third)).toMatchObject({ keyId });
      const all = await revokedAfter(number, tenantId);
      expect(new Map(all.map(({ subject, dueInMs }) => [subject, dueInMs]))).toEqual(
        new Map([
          [first, 0],
          [second, 0],
        ]),
      );
      expect(await tenant.rotateApiKey({ by: AN_ACTOR, keyId: v7(), keyHash: v7(), overlapMs: 0 })).toEqual({
        kind: "not_found",
      });
    });

    test("the initial key of a gateway is not rotated", async () => {
      const tenantName = `t ${v7()}`;
      const { tenantId, keyId } = await store().fleet.ensureApiKey({
        tenantName,
        name: "operator",
        keyHash: v7(),
        scopes: ["admin"],
        origin: `origin-${v7()}`,
        ends: [],
      });
      const outcome = await store()
        .forTenant(tenantId)
        .rotateApiKey({ by: AN_ACTOR, keyId, keyHash: v7(), overlapMs: 0 });
      expect(outcome).toEqual({ kind: "initial" });
    });

    test("a revoked key is unknown, stays listed, and is revoked once", async () => {
      const { tenant, tenantId } = await openScene(store());
      const [keyId, keyHash] = [v7(), v7()];
      await tenant.createApiKey({ by: AN_ACTOR, ...KEY, keyId, keyHash });
      const number = await store().fleet.readRevocationNumber();
      expect(await tenant.revokeApiKey({ by: AN_ACTOR, keyId })).toBe(true);
      expect(await tenant.revokeApiKey({ by: AN_ACTOR, keyId })).toBe(true);
      expect(await tenant.revokeApiKey({ by: AN_ACTOR, keyId: v7() })).toBe(false);
      expect(await find(keyHash)).toBeNull();
      expect(await revokedAfter(number, tenantId)).toEqual([{ tenantId, kind: "key", subject: keyId, dueInMs: 0 }]);
      const { data } = await tenant.listApiKeys({ limit: 1, cursor: undefined });
      expect(data).toMatchObject([{ id: keyId, revokedAt: expect.any(String) as unknown }]);
      expect(await tenant.rotateApiKey({ by: AN_ACTOR, keyId, keyHash: v7(), overlapMs: 0 })).toEqual({
        kind: "not_found",
      });
    });

    test("the last use is written, and not again within a minute", async () => {
      const { tenant } = await openScene(store());
      const keyId = v7();
      await tenant.createApiKey({ by: AN_ACTOR, ...KEY, keyId, keyHash: v7() });
      const lastUse = async (): Promise<string | null | undefined> =>
        (await tenant.listApiKeys({ limit: 1, cursor: undefined })).data[0]?.lastUsedAt;
      await store().fleet.recordKeyUse({ keyIds: [keyId, v7()] });
      const first = await lastUse();
      expect(first).toEqual(expect.any(String));
      await store().fleet.recordKeyUse({ keyIds: [keyId] });
      expect(await lastUse()).toBe(first);
    });

    test("a tenant has so many keys, and revoking them makes no room at once", { timeout: 60_000 }, async () => {
      const { tenant } = await openScene(store());
      const make = (): Promise<object | null> =>
        tenant.createApiKey({ by: AN_ACTOR, ...KEY, keyId: v7(), keyHash: v7() });
      for (let made = 0; made < KEYS_PER_TENANT_MAX + 1; made += 100) {
        await Promise.all(Array.from({ length: 100 }, make));
      }
      expect(await make()).toBeNull();
      const { data } = await tenant.listApiKeys({ limit: 1, cursor: undefined });
      await tenant.revokeApiKey({ by: AN_ACTOR, keyId: data[0]?.id ?? "" });
      expect(await make()).toBeNull();
    });
  });

  describe("revocations of tokens", () => {
    test("each has a higher number than all before, also when the same is revoked again", async () => {
      const { tenant, tenantId } = await openScene(store());
      const number = await store().fleet.readRevocationNumber();
      const alice = { kind: "subject" as const, subject: "alice" };
      expect(await tenant.revokeTokens({ by: AN_ACTOR, whose: alice })).toBe(true);
      expect(await tenant.revokeTokens({ by: AN_ACTOR, whose: { kind: "device", subject: "laptop" } })).toBe(true);
      expect(await tenant.revokeTokens({ by: AN_ACTOR, whose: { kind: "tokens" } })).toBe(true);
      await tenant.revokeTokens({ by: AN_ACTOR, whose: alice });
      expect((await revokedAfter(number, tenantId)).map(({ kind, subject }) => [kind, subject])).toEqual([
        ["device", "laptop"],
        ["tokens", ""],
        ["subject", "alice"],
      ]);
      expect(await revokedAfter(await store().fleet.readRevocationNumber(), tenantId)).toEqual([]);
    });

    test("many at once are numbered one after the other, and a reader misses none", async () => {
      const { tenant, tenantId } = await openScene(store());
      let seen = await store().fleet.readRevocationNumber();
      const found: string[] = [];
      let isOver = false;
      const reading = (async () => {
        for (let last = false; !last; ) {
          last = isOver;
          for (const row of await store().fleet.readRevocations({ after: seen })) {
            seen = Math.max(seen, row.number);
            if (row.tenantId === tenantId) found.push(row.subject);
          }
        }
      })();
      const subjects = Array.from({ length: 60 }, (_, index) => `user-${index}`);
      await Promise.all(
        subjects.map((subject) => tenant.revokeTokens({ by: AN_ACTOR, whose: { kind: "subject", subject } })),
      );
      isOver = true;
      await reading;
      expect(found.toSorted()).toEqual(subjects.toSorted());
    });

    test("beyond a bound only all of them are revoked", { timeout: 60_000 }, async () => {
      const { tenant } = await openScene(store());
      const revoke = (subject: string): Promise<boolean> =>
        tenant.revokeTokens({ by: AN_ACTOR, whose: { kind: "subject", subject } });
      for (let made = 0; made < REVOCATIONS_PER_TENANT_MAX + 1; made += 100) {
        await Promise.all(Array.from({ length: 100 }, (_, index) => revoke(`user-${made + index}`)));
      }
      expect(await revoke("one more")).toBe(false);
      expect(await revoke("user-0")).toBe(true);
      expect(await tenant.revokeTokens({ by: AN_ACTOR, whose: { kind: "tokens" } })).toBe(true);
    });
  });
}
