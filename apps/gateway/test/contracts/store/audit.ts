import { storeFile } from "./files.ts";
import { AUDIT_ACTIONS, type AuditAction, type AuditEntry } from "@hsafa/protocol";
import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { GATEWAY_ACTOR } from "../../../src/ports/gateway-actor.ts";
import { asTenantId } from "../../../src/core/tenant-id.ts";
import type { Store } from "../../../src/ports/store.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import { CONFIG, connect, openScene, parkWithCall, register, type Scene, start } from "./scene.ts";

const by = { ...AN_ACTOR, kind: "token" as const, subject: "alice" };
const KEY = {
  by,
  name: "ci",
  scopes: ["runs:read" as const],
  subject: null,
  groups: [],
  createdBy: "operator",
  expiresInMs: null,
};

export function auditOfStore(store: () => Store): void {
  const list = async ({ tenant }: Scene, filters: object = {}): Promise<readonly AuditEntry[]> =>
    (await tenant.listAudit({ limit: 100, cursor: undefined, ...filters })).data;

  async function push({ tenant }: Scene, configHash: string, promote = true) {
    const pushed = { by, name: "worker", description: null, version: null, config: CONFIG, configHash, promote };
    return tenant.pushAgent(pushed);
  }

  async function key({ tenant }: Scene): Promise<string> {
    const keyId = v7();
    await tenant.createApiKey({ ...KEY, keyId, keyHash: v7() });
    return keyId;
  }

  async function approve(scene: Scene, approved: boolean): Promise<Record<string, string>> {
    const { runId, call } = await parkWithCall(scene, { status: "awaiting_approval" });
    const input = { kind: "approval" as const, callId: call.callId, approved, reason: null, by: "a key" };
    const dedupe = { key: `approval:${call.callId}`, bodyHash: "a" };
    for (let nth = 0; nth < 2; nth += 1) await scene.tenant.enqueueInput({ by, runId, input, dedupe });
    return { runId, callId: call.callId };
  }

  /** Each act, done once with effect and then without any, and what its entry says. `database`: no call does it. */
  const acts: Record<AuditAction, ((scene: Scene) => Promise<Partial<AuditEntry>>) | "database"> = {
    "agent.push": async (scene) => {
      const { agentId, versionId, version } = await push(scene, "second");
      await push(scene, "second");
      const targets = { agentId, agentName: "worker", versionId, version };
      return { outcome: "created", by, targets, details: { configHash: "second", promoted: true } };
    },
    "agent.promote": async (scene) => {
      const { agentId, versionId, version } = await push(scene, "second", false);
      const promote = { by, idOrName: "worker", versionId };
      for (let nth = 0; nth < 2; nth += 1) await scene.tenant.promoteVersion(promote);
      await scene.tenant.promoteVersion({ ...promote, versionId: v7() });
      return { outcome: "promoted", by, targets: { agentId, agentName: "worker", versionId, version } };
    },
    "run.cancel": async (scene) => {
      const { runId } = await start(scene);
      const cancel = { by, input: { kind: "cancel" as const, reason: null }, dedupe: { key: "cancel", bodyHash: "" } };
      await scene.tenant.enqueueInput({ ...cancel, runId });
      await scene.tenant.enqueueInput({ ...cancel, runId });
      await scene.tenant.enqueueInput({ ...cancel, runId: v7() });
      return { outcome: "requested", by, targets: { runId } };
    },
    "approval.decide": async (scene) => ({ outcome: "denied", by, targets: await approve(scene, false) }),
    "key.create": async ({ tenant }) => {
      const made = { ...KEY, keyId: v7(), keyHash: v7(), expiresInMs: 3_600_000 };
      const first = await tenant.createApiKey(made);
      await tenant.createApiKey(made);
      const details = { scopes: ["runs:read"], expiresAt: first?.expiresAt ?? null };
      return { outcome: "created", by, targets: { keyId: made.keyId, keyName: "ci" }, details };
    },
    "key.rotate": async (scene) => {
      const rotation = { by, keyId: await key(scene), keyHash: v7(), overlapMs: 1000 };
      const outcome = await scene.tenant.rotateApiKey(rotation);
      await scene.tenant.rotateApiKey(rotation);
      const details = { formerSecretUntil: outcome.kind === "rotated" ? outcome.key.formerSecretUntil : null };
      return { outcome: "rotated", by, targets: { keyId: rotation.keyId, keyName: "ci" }, details };
    },
    "key.revoke": async (scene) => {
      const keyId = await key(scene);
      for (const id of [keyId, keyId, v7()]) await scene.tenant.revokeApiKey({ by, keyId: id });
      return { outcome: "revoked", by, targets: { keyId, keyName: "ci" } };
    },
    "token.revoke": async ({ tenant }) => {
      await tenant.revokeTokens({ by, whose: { kind: "subject", subject: "bob" } });
      return { outcome: "revoked", by, targets: { subject: "bob" } };
    },
    "secret.put": async ({ tenant }) => {
      await tenant.putSecret({ by, secretId: v7(), name: "crm", sealed: "sealed", setBy: "a key" });
      return { outcome: "created", by, targets: { secret: "crm" } };
    },
    "secret.delete": async ({ tenant }) => {
      await tenant.putSecret({ by, secretId: v7(), name: "crm", sealed: "sealed", setBy: "a key" });
      for (let nth = 0; nth < 2; nth += 1) await tenant.deleteSecret({ by, name: "crm" });
      return { outcome: "deleted", by, targets: { secret: "crm" } };
    },
    "quota.set": async ({ tenant }) => {
      await tenant.setLimits({ by, limits: { devices: 3, threads: null } });
      return { outcome: "set", by, targets: {}, details: { limits: { devices: 3, threads: null } } };
    },
    "device.pair": async (scene) => {
      const pairing = { code: "BCDF-GHJK", expiresInMs: 60_000 };
      const { deviceId } = await connect(scene, { deviceKey: "laptop", pairing });
      for (let nth = 0; nth < 2; nth += 1)
        await scene.tenant.pairDevice({ by, code: pairing.code, subject: undefined });
      return { outcome: "paired", by, targets: { deviceId, deviceKey: "laptop" } };
    },
    "device.take_over": async (scene) => {
      const first = { deviceKey: "laptop", by };
      const second = { ...first, ownerId: "key:second" };
      const { deviceId } = await connect(scene, first);
      await connect(scene, first);
      expect(await register(scene, second)).toBeNull();
      await connect(scene, { ...second, mayTakeOver: true });
      const details = { from: `key:${scene.keyId}`, to: "key:second" };
      return { outcome: "taken_over", by, targets: { deviceId, deviceKey: "laptop" }, details };
    },
    "device.delete": async (scene) => {
      const { deviceId } = await connect(scene, { deviceKey: "laptop" });
      for (let nth = 0; nth < 2; nth += 1) await scene.tenant.deleteDevice({ by, deviceId });
      return { outcome: "deleted", by, targets: { deviceId, deviceKey: "laptop" } };
    },
    "file.delete": async (scene) => {
      const fileId = await storeFile(scene);
      for (let nth = 0; nth < 2; nth += 1) await scene.tenant.deleteFile({ by, fileId });
      return { outcome: "deleted", by, targets: { fileId } };
    },
    "thread.delete": async (scene) => {
      const { runId } = await start(scene, { threadId: "t" });
      const threadId = (await scene.tenant.findThread({ idOrKey: "t", subject: null }))?.id ?? "";
      expect(await scene.tenant.deleteThread({ by, threadId })).toEqual([runId]);
      expect(await scene.tenant.deleteThread({ by, threadId })).toBeNull();
      return { outcome: "deleted", by, targets: { threadId } };
    },
    "tenant.create": async (scene) => {
      const [entry] = await list(scene, { action: "tenant.create" });
      expect(entry?.targets.tenant).toMatch(/^tenant /);
      const [tenantId, name] = [v7(), `t ${v7()}`];
      for (let nth = 0; nth < 2; nth += 1) await store().fleet.createTenant({ by, tenantId, name });
      await store().fleet.createTenant({ by, tenantId: v7(), name });
      const made = await store().forTenant(asTenantId(tenantId)).listAudit({ limit: 9, cursor: undefined });
      expect(made.data).toMatchObject([{ outcome: "created", by, targets: { tenantId, tenant: name } }]);
      return { outcome: "created", by: GATEWAY_ACTOR };
    },
    "tenant.disable": async ({ tenantId }) => {
      for (const isDisabled of [false, true, true]) await store().fleet.setTenantDisabled({ by, tenantId, isDisabled });
      return { outcome: "disabled", by };
    },
    "tenant.enable": async ({ tenantId }) => {
      for (const isDisabled of [true, false, false])
        await store().fleet.setTenantDisabled({ by, tenantId, isDisabled });
      return { outcome: "enabled", by };
    },
    "audit.prune": "database",
  };

  describe("the audit log", () => {
    test.each(AUDIT_ACTIONS.flatMap((action) => (acts[action] === "database" ? [] : [[action]])))(
      "%s leaves one entry, and what has no effect leaves none",
      async (action) => {
        const act = acts[action];
        if (act === "database") return;
        const scene = await openScene(store());
        const before = (await list(scene, { action })).map(({ id }) => id);
        const expected = await act(scene);
        const entries = (await list(scene, { action })).filter(
          ({ id }) => action === "tenant.create" || !before.includes(id),
        );
        expect(entries).toMatchObject([{ details: {}, ...expected, action }]);
      },
    );

    test("an entry says how an act came out", async () => {
      const scene = await openScene(store());
      await approve(scene, true);
      await push(scene, "second", false);
      await push(scene, "second", true);
      for (let nth = 0; nth < 2; nth += 1) {
        await scene.tenant.putSecret({ by, secretId: v7(), name: "crm", sealed: "sealed", setBy: "a key" });
      }
      expect((await list(scene, { subject: "alice" })).map(({ action, outcome }) => [action, outcome])).toEqual([
        ["secret.put", "replaced"],
        ["secret.put", "created"],
        ["agent.push", "promoted"],
        ["agent.push", "created"],
        ["approval.decide", "approved"],
      ]);
    });

    test("messages to runs and lost dispatches are no acts", async () => {
      const scene = await openScene(store());
      const before = await list(scene);
      const { runId } = await start(scene);
      const message = { role: "user" as const, content: "x" };
      await scene.tenant.enqueueInput({ by, runId, input: { kind: "message", message }, dedupe: null });
      await scene.tenant.enqueueInput({
        by,
        runId,
        input: { kind: "dispatch_lost", callId: v7(), attempt: 1 },
        dedupe: null,
      });
      expect(await list(scene)).toEqual(before);
    });

    test("entries are found by action, subject, key and time, and read in pages, newest first", async () => {
      const scene = await openScene(store());
      const other = { ...by, keyId: v7(), subject: "bob" };
      for (const who of [by, other, by, other, by]) {
        await scene.tenant.putSecret({ by: who, secretId: v7(), name: "crm", sealed: "sealed", setBy: "a key" });
      }
      expect(await list(scene, { subject: "bob" })).toHaveLength(2);
      expect(await list(scene, { keyId: other.keyId })).toHaveLength(2);
      expect(await list(scene, { keyId: other.keyId, subject: "alice" })).toEqual([]);
      const all = await list(scene, { action: "secret.put" });
      expect(all.map(({ by: { subject } }) => subject)).toEqual(["alice", "bob", "alice", "bob", "alice"]);
      const times = all.map(({ at }) => Date.parse(at));
      expect(times).toEqual(times.toSorted((a, b) => b - a));
      const [last = 0, first = 0] = [times[0], times.at(-1)];
      const put = { action: "secret.put" };
      expect(await list(scene, { ...put, since: first, until: last + 1 })).toEqual(all);
      expect(await list(scene, { ...put, until: first })).toEqual([]);
      expect(await list(scene, { ...put, since: last + 1 })).toEqual([]);
      const filters = { limit: 2, action: "secret.put" as const };
      const page = await scene.tenant.listAudit({ ...filters, cursor: undefined });
      const next = await scene.tenant.listAudit({ ...filters, cursor: page.nextCursor ?? undefined });
      const end = await scene.tenant.listAudit({ ...filters, cursor: next.nextCursor ?? undefined });
      expect([...page.data, ...next.data, ...end.data]).toEqual(all);
      expect(end.nextCursor).toBeNull();
      expect(await scene.tenant.listAudit({ limit: 2, cursor: "never given" })).toEqual({ data: [], nextCursor: null });
    });

    test("what a gateway does to its own keys is audited as well, in the tenant of each", async () => {
      const origin = `origin-${v7()}`;
      const initial = { tenantName: `t ${v7()}`, name: "operator", scopes: ["admin" as const], origin, ends: [origin] };
      const { tenantId, keyId } = await store().fleet.ensureApiKey({ ...initial, keyHash: v7() });
      for (const keyHash of [v7(), v7()]) {
        for (let nth = 0; nth < 2; nth += 1) await store().fleet.ensureApiKey({ ...initial, keyHash });
      }
      await store().fleet.endInitialKeys({ ends: [origin] });
      const { data } = await store().forTenant(tenantId).listAudit({ limit: 100, cursor: undefined });
      const counts = (action: AuditAction): number => data.filter((entry) => entry.action === action).length;
      expect([counts("tenant.create"), counts("key.create"), counts("key.revoke")]).toEqual([1, 3, 3]);
      expect(data.every(({ by: { kind } }) => kind === "gateway")).toBe(true);
      expect(data.filter(({ targets }) => targets.keyId === keyId)).toHaveLength(2);
    });
  });
}
