import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { askHotStatements } from "../../../test/contracts/store/ask-hot-statements.ts";
import { fillPlannedTables, PLANNED_TABLES } from "../../../test/contracts/store/fill-planned-tables.ts";
import { claim, commitOf, openScene, type Scene, start } from "../../../test/contracts/store/scene.ts";
import { freshDatabase, type FreshDatabase, missingServices } from "../../../test/services/services.ts";
import type { ClaimedRun } from "../../ports/fleet-store.ts";
import type { Store } from "../../ports/store.ts";
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

/** A value as an argument of `execute`. */
function literalOf(value: SqlValue): string {
  if (value === null) return "null";
  if (value instanceof Uint8Array) return pg.escapeLiteral(`\\x${Buffer.from(value).toString("hex")}`);
  if (!Array.isArray(value)) return pg.escapeLiteral(String(value));
  const elements = value.map((element: string | number | boolean | null) =>
    element === null ? "null" : `"${String(element).replaceAll(/["\\]/g, String.raw`\$&`)}"`,
  );
  return pg.escapeLiteral(`{${elements.join(",")}}`);
}

/** Carries out a statement that the session has prepared under this name. */
function execute(name: string, values: readonly SqlValue[]): string {
  return values.length === 0 ? `execute ${name}` : `execute ${name}(${values.map(literalOf).join(", ")})`;
}

/** What each run waits for. A gateway forgets the plans that tables have outgrown, and these need not wait for that. */
const OF_EACH_RUN = [
  "append-deltas",
  "claim-runs",
  "commit",
  "cover-runs",
  "enqueue-input",
  "find-run",
  "insert-run",
  "load-run",
  "mark-sent",
  "read-events",
  "read-inbox",
  "resolve-start",
  "submit-tool-result",
];

/** Statistics, and of which statements the plans that are kept were made before there were rows. */
const CASES = [
  { what: "without statistics", isAnalyzed: false, plannedBefore: [], rows: ROWS },
  { what: "with statistics of empty tables", isAnalyzed: true, plannedBefore: [], rows: ROWS },
  {
    what: "planned while the tables were empty",
    isAnalyzed: false,
    plannedBefore: OF_EACH_RUN,
    rows: 2 * PAGE_MAX.rows,
  },
];

/** A held run with an open step. */
async function openHeld(store: Store): Promise<{ scene: Scene; held: ClaimedRun }> {
  const scene = await openScene(store);
  const held = await claim(scene, (await start(scene)).runId);
  await store.fleet.commit(commitOf(held, ["run.started", "step.started"]));
  return { scene, held };
}

describe.skipIf(await missingServices("postgres"))("plans of hot statements", () => {
  describe.each(CASES)("$what", ({ isAnalyzed, plannedBefore, rows: count }) => {
    let database: FreshDatabase;
    let store: Store;
    let scene: Scene;
    let held: ClaimedRun;
    let client: pg.Client;
    let sql: Sql;
    let explained = Promise.resolve();
    const faults: string[] = [];
    const seen = new Set<string>();
    /** Names of prepared statements that have a plan, by their text and scope. */
    const planned = new Map<string, string>();
    let isPlanning = plannedBefore.length > 0;

    beforeAll(async () => {
      database = await freshDatabase();
      store = await openPostgresStore({ url: database.url });
      client = new pg.Client({ connectionString: database.url });
      await client.connect();
      for (const table of PLANNED_TABLES) {
        await client.query(`alter table ${table} set (autovacuum_enabled = false)`);
        if (isAnalyzed) await client.query(`analyze ${table}`);
      }
      // The client that explains works as a gateway's session does.
      await client.query("set jit = off");
      for (const name of UNWANTED_PLANS) await client.query(`set ${name} = off`);
      const opened = openPgSql({ url: database.url, poolSize: 1 });
      await opened.sql.workAs("hsafa_app");
      sql = {
        ...opened.sql,
        query: async (query) => {
          // One after the other, though some are asked at once.
          await (explained = explained.then(() => explain(query)));
          return opened.sql.query(query);
        },
      };
      if (isPlanning) await ask(await openHeld(store), 0);
      isPlanning = false;
      ({ scene, held } = await openHeld(store));
      // A session that writes as a replica forgets its plans, so another one fills the tables.
      const filler = new pg.Client({ connectionString: database.url });
      await filler.connect();
      await fillPlannedTables(filler, { scene, runId: held.runId, rows: count });
      await filler.end();
    });
    afterAll(async () => {
      await Promise.all([client.end(), sql.close(), store.close()]);
      await database.drop();
    });

    function ask(of: { readonly scene: Scene; readonly held: ClaimedRun }, rows: number): Promise<void> {
      const tenant = createTenantStore(sql, of.scene.tenantId);
      return askHotStatements({ ...of, fleet: createFleetStore(sql), scene: { ...of.scene, tenant }, rows });
    }

    /**
     * Carries a query out, and undoes it. Once it is planned for its values. Once it has the plan that is kept, which
     * knows none of them.
     */
    async function explain({ name, text, values, scope }: Query): Promise<void> {
      const given = values.map(storable);
      seen.add(name);
      if (plannedBefore.length > 0) {
        if (!plannedBefore.includes(name)) return;
        await asRole(scope, () => explainKept(`${scope.kind} ${text}`, name, { text, given }));
        return;
      }
      const explaining = `explain (analyze, buffers, format json) ${text}`;
      await asRole(scope, async () => judge(name, await client.query(explaining, given)));
      await asRole(scope, async () => {
        await client.query("set local plan_cache_mode = force_generic_plan");
        await client.query(`prepare kept as ${text}`);
        judge(`${name}, kept`, await client.query(`explain (analyze, buffers, format json) ${execute("kept", given)}`));
        await client.query("deallocate kept");
      });
    }

    /** Plans a statement, or carries it out with the plan that it got. */
    async function explainKept(
      key: string,
      name: string,
      { text, given }: { readonly text: string; readonly given: readonly SqlValue[] },
    ): Promise<void> {
      await client.query("set local plan_cache_mode = force_generic_plan");
      const known = planned.get(key);
      if (isPlanning) {
        if (known !== undefined) return;
        const prepared = `kept_${planned.size}`;
        planned.set(key, prepared);
        await client.query(`prepare ${prepared} as ${text}`);
        await client.query(`explain ${execute(prepared, given)}`);
      } else if (known !== undefined) {
        judge(name, await client.query(`explain (analyze, buffers, format json) ${execute(known, given)}`));
      }
    }

    async function asRole(scope: Query["scope"], work: () => Promise<void>): Promise<void> {
      await client.query("begin");
      if (scope.kind === "fleet") await client.query("set local role hsafa_fleet");
      else {
        await client.query("set local role hsafa_app");
        await client.query("select set_config('hsafa.tenant', $1, true)", [scope.tenantId]);
      }
      await work();
      await client.query("rollback");
    }

    function judge(name: string, { rows }: pg.QueryResult<{ "QUERY PLAN": [{ readonly Plan: Plan }] }>): void {
      const plan = rows[0]?.["QUERY PLAN"][0].Plan;
      if (plan !== undefined) faults.push(...faultsOf(name, plan));
    }

    test("each looks at a bounded number of rows, in the order of an index", async () => {
      await ask({ scene, held }, count);
      expect(faults).toEqual([]);
      expect([...seen]).toEqual(expect.arrayContaining([...OF_EACH_RUN, "read-events-before"]));
    });
  });
});
