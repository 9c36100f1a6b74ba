import type { AuditEntry } from "@hsafa/protocol";
import pg from "pg";
import { v7 } from "uuid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openScene, type Scene } from "../../../test/contracts/store/scene.ts";
import { type FreshDatabase, freshDatabase, missingServices } from "../../../test/services/services.ts";
import { AN_ACTOR } from "../../../test/support/an-actor.ts";
import { AUDIT_ENTRY_BYTES_COUNTED, AUDIT_ENTRY_BYTES_MAX } from "../../ports/limits.ts";
import type { Store } from "../../ports/store.ts";
import { openPostgresStore } from "./open-postgres-store.ts";

describe.skipIf(await missingServices("postgres"))("entries of the audit log, on a server", () => {
  let database: FreshDatabase;
  let store: Store;
  /** Connects as the gateway does. Its role owns the tables, so a role that may do less is refused as well. */
  let gateway: pg.Client;
  beforeAll(async () => {
    database = await freshDatabase();
    store = await openPostgresStore({ url: database.url });
    gateway = new pg.Client({ connectionString: database.url });
    await gateway.connect();
  });
  afterAll(async () => {
    await gateway.end();
    await store.close();
    await database.drop();
  });

  const read = async ({ tenant }: Scene): Promise<readonly AuditEntry[]> =>
    (await tenant.listAudit({ limit: 100, cursor: undefined })).data;
  const prune = (before: string) =>
    gateway.query<{ removed: string }>("select hsafa_prune_audit($1) as removed", [before]);

  test.each([
    ["changed", "update audit_entries set outcome = 'denied'"],
    ["changed where there is none", "update audit_entries set outcome = 'denied' where false"],
    ["removed", "delete from audit_entries"],
    ["removed all at once", "truncate audit_entries"],
    ["removed with what refers to it", "truncate audit_entries cascade"],
    [
      "replaced",
      "insert into audit_entries select * from audit_entries on conflict (tenant_id, id) do update set at = now()",
    ],
    ["merged", "merge into audit_entries a using audit_entries b on a.id = b.id when matched then delete"],
    ["removed as by replication", "set session_replication_role = replica; delete from audit_entries"],
  ])("no entry is %s by SQL", async (_, statement) => {
    const scene = await openScene(store);
    const before = await read(scene);
    expect(before.length).toBeGreaterThan(0);
    await expect(gateway.query(statement)).rejects.toThrow(/audit entries are kept/);
    await gateway.query("set session_replication_role = origin");
    expect(await read(scene)).toEqual(before);
  });

  test("who writes an entry by SQL chooses neither its time nor its id, and no entry is larger than its bound", async () => {
    const scene = await openScene(store);
    const insert = `insert into audit_entries (id, tenant_id, at, action, outcome, actor, targets, details)
      values ($1, $2, '2020-01-01', 'secret.put', 'created', $3, '{}', '{}')`;
    const began = Date.now();
    await gateway.query(insert, [v7({ msecs: 0 }), scene.tenantId, JSON.stringify(AN_ACTOR)]);
    const [entry] = await read(scene);
    expect(entry).toMatchObject({ action: "secret.put" });
    expect(Math.abs(Date.parse(entry?.at ?? "") - began)).toBeLessThan(60_000);
    const large = JSON.stringify({ ...AN_ACTOR, name: "x".repeat(AUDIT_ENTRY_BYTES_MAX) });
    await expect(gateway.query(insert, [v7(), scene.tenantId, large])).rejects.toThrow(/audit_entries_size/);
  });

  test("an act whose entry cannot be written is not done", async () => {
    const scene = await openScene(store);
    const by = { ...AN_ACTOR, name: "x".repeat(AUDIT_ENTRY_BYTES_MAX) };
    const put = scene.tenant.putSecret({ by, secretId: v7(), name: "crm", sealed: "sealed", setBy: "a key" });
    await expect(put).rejects.toThrow(/audit_entries_size/);
    expect(await scene.tenant.readSecret({ name: "crm" })).toMatchObject({ sealed: null });
  });

  test("the longest names fit into an entry", async () => {
    const scene = await openScene(store);
    const by = { ...AN_ACTOR, name: "\u{1f600}".repeat(64), subject: "s".repeat(255), address: "f".repeat(60) };
    const config = { name: "worker", model: "demo/script" };
    const longest = {
      name: "n".repeat(100),
      description: null,
      version: "\u0001".repeat(100),
      configHash: "h".repeat(64),
    };
    await scene.tenant.pushAgent({ by, ...longest, config, promote: true });
    await scene.tenant.revokeTokens({ by, whose: { kind: "device", subject: "d".repeat(200) } });
    expect(await read(scene)).toMatchObject([{ action: "token.revoke" }, { action: "agent.push" }, {}, {}, {}]);
  });

  test("an operator prunes what is older than a time, 30 days at least, and the pruning is seen", async () => {
    const scene = await openScene(store);
    const untouched = await openScene(store);
    const young = await read(scene);
    const usedBefore = (await scene.tenant.readUsage()).used.storedBytes;
    await expect(prune(new Date().toISOString())).rejects.toThrow(/last 30 days are kept/);
    await gateway.query("alter table audit_entries disable trigger audit_entries_stamp");
    const old = `insert into audit_entries (id, tenant_id, at, action, outcome, actor, targets, details)
      select $1::uuid, $2, now() - interval '60 days', 'secret.put', 'created', $3::json, '{}', '{}'`;
    await gateway.query(old, [v7({ msecs: 1 }), scene.tenantId, JSON.stringify(AN_ACTOR)]);
    await gateway.query("alter table audit_entries enable trigger audit_entries_stamp");
    const before = new Date(Date.now() - 31 * 24 * 3_600_000).toISOString();
    expect((await prune(before)).rows).toEqual([{ removed: "1" }]);
    const [pruning, ...rest] = await read(scene);
    expect(rest).toEqual(young);
    expect(pruning).toMatchObject({ action: "audit.prune", outcome: "deleted", details: { before, entries: 1 } });
    expect(pruning?.by).toMatchObject({ kind: "database", keyId: null });
    expect((await scene.tenant.readUsage()).used.storedBytes).toBe(usedBefore + AUDIT_ENTRY_BYTES_COUNTED);
    expect((await read(untouched)).map(({ action }) => action)).not.toContain("audit.prune");
    await expect(gateway.query("delete from audit_entries")).rejects.toThrow(/audit entries are kept/);
  });
});
