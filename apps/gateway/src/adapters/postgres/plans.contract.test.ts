import pg from "pg";
import { v7 } from "uuid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runIdOf } from "../../../bench/fill-runs.ts";
import { type AskedIds, askEverything } from "../../../test/contracts/store/ask-everything.ts";
import { storeFile } from "../../../test/contracts/store/files.ts";
import {
  claim,
  commitOf,
  connect,
  delta,
  LEASE_MS,
  openScene,
  type Scene,
  start,
  startParams,
} from "../../../test/contracts/store/scene.ts";
import {
  BRANCH,
  BUSY_DEVICE,
  fillPlannedTables,
  LONG_THREAD,
  PLANNED_TABLES,
  RARE_DEVICE,
} from "../../../test/contracts/store/fill-planned-tables.ts";
import { freshDatabase, type FreshDatabase, missingServices } from "../../../test/services/services.ts";
import { AN_ACTOR } from "../../../test/support/an-actor.ts";
import { EMPTY_PLACES } from "../../../test/support/empty-places.ts";
import { pageCursor } from "../../ports/page-cursor.ts";
import type { ClaimedRun, FleetStore } from "../../ports/fleet-store.ts";
import type { Store } from "../../ports/store.ts";
import type { TenantStore } from "../../ports/tenant-store.ts";
import { createFleetStore } from "./fleet-store.ts";
import { openPostgresStore } from "./open-postgres-store.ts";
import { openPgSql } from "./pg-sql.ts";
import type { Query, SqlValue } from "./statement.ts";
import { type Sql, storable } from "./sql.ts";
import { createTenantStore } from "./tenant-store.ts";
import { UNWANTED_PLANS } from "./unwanted-plans.ts";

const ROWS = 100_000;
/**
 * Rows that a part of a plan may look at, and blocks that a statement may. What an index passes over by itself counts
 * among no rows, but has blocks. A statement that reads a page looks at hundreds, one that scans at all. A search looks
 * at a thousand runs of each status.
 */
const PAGE_MAX = { rows: 3000, blocks: 1000 };
const SEARCH_MAX = { rows: 7500, blocks: 7500 };

interface Plan {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Shared Hit Blocks"?: number;
  readonly "Shared Read Blocks"?: number;
  readonly Plans?: readonly Plan[];
}

function partsOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(partsOf)];
}

/** What is wrong with a plan that was carried out. */
function faultsOf(name: string, plan: Plan): string[] {
  const blocks = (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0);
  const max = name.includes("metadata") ? SEARCH_MAX : PAGE_MAX;
  const tooMany = blocks <= max.blocks ? [] : [`${name} looks at ${blocks} blocks`];
  const parts = partsOf(plan).flatMap((part) => {
    const kind = part["Node Type"];
    const looked = (part["Actual Rows"] + (part["Rows Removed by Filter"] ?? 0)) * part["Actual Loops"];
    const isUnwanted = kind.startsWith("Bitmap") || (kind === "Sort" && name.startsWith("read-events"));
    if (!isUnwanted && looked <= max.rows) return [];
    return [`${name}: ${kind} on ${part["Relation Name"] ?? "rows"} looks at ${looked}`];
  });
  return [...tooMany, ...parts];
}

/** Of another one a literal is not so easily written. */
function isScalar(value: SqlValue): boolean {
  return !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** Explains the prepared statement `kept` with these values. */
function executed(values: readonly SqlValue[]): string {
  const literals = values.map((value) => (value === null ? "null" : pg.escapeLiteral(String(value))));
  const given = literals.length === 0 ? "" : `(${literals.join(", ")})`;
  return `explain (analyze, buffers, format json) execute kept${given}`;
}

describe.skipIf(await missingServices("postgres"))("plans of hot statements", () => {
  describe.each(["none", "of an empty table"])("with statistics: %s", (statistics) => {
    let database: FreshDatabase;
    let store: Store;
    let scene: Scene;
    let held: ClaimedRun;
    let client: pg.Client;
    let sql: Sql;
    let explained = Promise.resolve();
    const faults: string[] = [];
    const seen = new Set<string>();

    beforeAll(async () => {
      database = await freshDatabase();
      store = await openPostgresStore({ url: database.url });
      scene = await openScene(store);
      client = new pg.Client({ connectionString: database.url });
      await client.connect();
      for (const table of PLANNED_TABLES) {
        await client.query(`alter table ${table} set (autovacuum_enabled = false)`);
        if (statistics !== "none") await client.query(`analyze ${table}`);
      }
      const { runId } = await start(scene);
      held = await claim(scene, runId);
      await store.fleet.commit(commitOf(held, ["run.started", "step.started"]));
      await fillPlannedTables(client, { scene, runId, rows: ROWS });
      const opened = openPgSql({ url: database.url, poolSize: 1 });
      await opened.sql.workAs("hsafa_app");
      // The client that explains works as a gateway's session does.
      await client.query("set jit = off");
      for (const name of UNWANTED_PLANS) await client.query(`set ${name} = off`);
      sql = {
        ...opened.sql,
        query: async (query) => {
          // One after the other, though some are asked at once.
          await (explained = explained.then(() => explain(query)));
          return opened.sql.query(query);
        },
      };
    });
    afterAll(async () => {
      await Promise.all([client.end(), sql.close(), store.close()]);
      await database.drop();
    });

    /**
     * Carries a query out, and undoes it. Once it is planned for its values. Once it has the plan that is kept, which
     * knows none of them.
     */
    async function explain({ name, text, values, scope }: Query): Promise<void> {
      const given = values.map(storable);
      await explainAs(scope, name, { text: `explain (analyze, buffers, format json) ${text}`, values: given });
      if (given.every(isScalar)) await explainAs(scope, `${name}, kept`, { text: executed(given), prepared: text });
      seen.add(name);
    }

    async function explainAs(
      scope: Query["scope"],
      name: string,
      {
        text,
        values = [],
        prepared,
      }: { readonly text: string; readonly values?: unknown[]; readonly prepared?: string },
    ): Promise<void> {
      await client.query("begin");
      if (scope.kind === "fleet") await client.query("set local role hsafa_fleet");
      else {
        await client.query("set local role hsafa_app");
        await client.query("select set_config('hsafa.tenant', $1, true)", [scope.tenantId]);
      }
      if (prepared !== undefined) {
        await client.query("set local plan_cache_mode = force_generic_plan");
        await client.query(`prepare kept as ${prepared}`);
      }
      const { rows } = await client.query<{ "QUERY PLAN": [{ readonly Plan: Plan }] }>({ text, values });
      await client.query("rollback");
      if (prepared !== undefined) await client.query("deallocate kept");
      const plan = rows[0]?.["QUERY PLAN"][0].Plan;
      if (plan !== undefined) faults.push(...faultsOf(name, plan));
    }

    test("each looks at a bounded number of rows, in the order of an index", async () => {
      const fleet: FleetStore = createFleetStore(sql);
      const tenant: TenantStore = createTenantStore(sql, scene.tenantId);
      const { tenantId } = scene;
      const { runId, epoch } = held;
      const params = { gatewayId: "gateway-a", leaseDurationMs: LEASE_MS };
      const list = { limit: 50, cursor: undefined, status: undefined, agent: undefined, threadId: undefined };
      await start({ ...scene, tenant });
      await fleet.claimRuns({
        ...params,
        claimNumber: 1,
        limit: 10,
        places: EMPTY_PLACES,
        judgesUntil: Number.POSITIVE_INFINITY,
        lastChancesMax: 1,
      });
      await fleet.renewLeases({ ...params, runs: [held] });
      await fleet.commit(commitOf(held, ["message.user"], { afterSeq: held.lastSeq + 2 }));
      await fleet.appendDeltas({ rows: [{ tenantId, runId, epoch, record: delta(held.lastSeq + 3, 1) }] });
      await fleet.loadRun({ tenantId, runId, epoch });
      await fleet.loadOutline({ tenantId, runId, epoch });
      await fleet.readInbox({ runId, epoch });
      await fleet.readFacts({ tenantId, runId, afterSeq: 0 });
      await fleet.readTails({ runIds: [runId] });
      await fleet.readOpenCalls({ sessionIds: [v7()] });
      await fleet.readCandidates({ callIds: [v7()] });
      await tenant.readTail({ runId });
      await tenant.findRun({ runId });
      await tenant.findRunBounds({ runId });
      await tenant.findStarter({ runId });
      for (const orUnowned of [false, true]) await tenant.findStart({ key: "k", owner: "o", orUnowned });
      for (const idOrName of ["worker", v7()]) await tenant.findAgent({ idOrName });
      for (const after of [
        { seq: 0, sub: 0 },
        { seq: 4, sub: ROWS / 2 },
      ]) {
        await tenant.readEvents({ runId, after, limit: 500, factsOnly: false });
        await tenant.readEvents({ runId, after, limit: 500, factsOnly: true });
      }
      for (const before of [null, { seq: 4, sub: ROWS / 2 }]) {
        await tenant.readEventsBefore({ runId, before, limit: 1000, factsOnly: false });
        await tenant.readEventsBefore({ runId, before, limit: 1000, factsOnly: true });
      }
      await tenant.enqueueInput({
        by: AN_ACTOR,
        runId,
        input: { kind: "cancel", reason: null },
        dedupe: { key: "cancel", bodyHash: "" },
      });
      await tenant.submitToolResult({
        callId: runIdOf(7),
        outcome: { kind: "completed", result: 1 },
        bodyHash: "h",
        from: { kind: "http", runId: runIdOf(7) },
      });
      for (const asked of [
        {},
        { status: "failed" },
        { status: "merged" },
        { agent: "worker" },
        { agent: "nobody" },
        { agent: "worker", status: "failed" },
        { agent: "worker", status: "merged" },
        { agent: "worker", since: Date.now() + 1000 * 60 * 60 },
        { status: "completed", since: Date.now() + 1000 * 60 * 60 },
        { versionId: scene.versionId },
        { versionId: v7() },
        { device: BUSY_DEVICE },
        { device: RARE_DEVICE },
        { device: v7() },
        { device: "no such key" },
        { since: Date.now() + 1000 * 60 * 60 },
        { metadataText: "nothing has it" },
        { metadataText: "nothing has it", agent: "worker" },
        { metadataText: "nothing has it", device: BUSY_DEVICE },
      ] as const)
        for (const cursor of [undefined, pageCursor(runIdOf(ROWS / 2))])
          await tenant.listRuns({ ...list, subject: undefined, ...asked, cursor });
      for (const asked of [{}, { status: "failed" }, { toolName: "none" }, { deviceId: RARE_DEVICE }] as const)
        for (const cursor of [undefined, pageCursor(runIdOf(ROWS / 2))])
          await tenant.listCalls({
            limit: 50,
            status: undefined,
            toolName: undefined,
            deviceId: undefined,
            subject: undefined,
            ...asked,
            cursor,
          });
      const page = { limit: 50, cursor: undefined };
      for (const cursor of [undefined, pageCursor(runIdOf(ROWS / 2))]) {
        for (const subject of [undefined, "user-1", "user-2", "nobody", null]) {
          await tenant.listThreads({ ...page, cursor, subject });
          await tenant.listFiles({ ...page, cursor, subject });
          await tenant.listDevices({ ...page, cursor, subject });
        }
        for (const asked of [
          {},
          { action: "key.create" },
          { action: "tenant.create" },
          { action: "agent.push", since: Date.now() + 1000 * 60 * 60 },
          { subject: "user-2" },
          { subject: "nobody" },
          { keyId: "the key" },
          { keyId: "none" },
          { since: Date.now() + 1000 * 60 * 60 },
          { until: 1000 },
        ] as const)
          await tenant.listAudit({ ...page, cursor, ...asked });
        for (const threadId of [LONG_THREAD, BRANCH]) await tenant.listThreadRuns({ ...page, threadId, cursor });
      }
      await tenant.listInheritedRuns({ threadId: BRANCH, limit: 50 });
      const device = await connect(
        { ...scene, tenant },
        { deviceKey: "k", pairing: { code: "BCDF-GHJK", expiresInMs: 60_000 } },
      );
      const key = await tenant.createApiKey({
        by: AN_ACTOR,
        keyId: v7(),
        keyHash: v7(),
        name: "key",
        scopes: ["runs:read"],
        subject: null,
        groups: [],
        createdBy: "operator",
        expiresInMs: null,
      });
      const own: AskedIds = {
        agentId: scene.agentId,
        versionId: scene.versionId,
        runId: runIdOf(200),
        secret: "none",
        fileId: runIdOf(200),
        callId: runIdOf(201),
        threadId: LONG_THREAD,
        deviceId: device.deviceId,
        sessionId: device.sessionId,
        keyId: key?.id ?? v7(),
        pairingCode: "BCDF-GHJK",
        idempotencyKey: "none",
      };
      const nothing = Object.fromEntries(Object.keys(own).map((name) => [name, v7()])) as unknown as AskedIds;
      await tenant.revokeTokens({ by: AN_ACTOR, whose: { kind: "subject", subject: "user-2" } });
      await tenant.putSecret({ by: AN_ACTOR, secretId: v7(), name: "none", sealed: "sealed", setBy: "a key" });
      for (const threadId of ["a key", v7(), runIdOf(300)])
        await tenant.startRun(startParams({ agent: scene.agentId, threadId }));
      for (const made of [v7(), runIdOf(400)])
        await tenant.createThread({ threadId: made, key: "a key", subject: null, metadata: {} });
      for (const idempotencyKey of [null, "photo", "photo"]) await storeFile({ ...scene, tenant }, { idempotencyKey });
      await fleet.recordHeartbeat({ gatewayId: "gateway-a", stopping: false });
      await fleet.loadHistory({ tenantId, runIds: [runIdOf(2), runIdOf(4)], bytesMax: 1000 });
      await fleet.readAgents({ tenantId, names: ["worker", "agent 7"] });
      await fleet.readNewestRuns({ threadIds: [LONG_THREAD, BRANCH, v7()] });
      await fleet.readOpenCalls({ sessionIds: [device.sessionId, runIdOf(7)] });
      await fleet.readCandidates({ callIds: [runIdOf(7)] });
      await fleet.settleStalls({ stalled: [], forgiven: [] });
      await fleet.releaseClaims({ gatewayId: "gateway-a", leaseDurationMs: LEASE_MS, claimNumbers: [7] });
      await fleet.findApiKey({ keyHash: "hash 7" });
      await fleet.recordKeyUse({ keyIds: [runIdOf(7)] });
      await fleet.readRevocations({ after: 0 });
      await fleet.takeExpiredFiles();
      await fleet.forgetFiles({ fileIds: [runIdOf(7)] });
      await fleet.endDeadGateways({ silenceMs: 1000, until: Date.now() });
      await fleet.readFleet();
      await fleet.sweep({ gatewayTimeoutMs: 60_000 });
      await askEverything(tenant, nothing);
      await askEverything(tenant, own);
      await fleet.releaseLeases({ runs: [held] });
      expect(faults).toEqual([]);
      expect([...seen]).toEqual(
        expect.arrayContaining([
          "claim-runs",
          "cover-runs",
          "commit",
          "append-deltas",
          "read-events-before",
          "insert-run",
        ]),
      );
    });
  });
});
