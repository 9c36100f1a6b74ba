/** A plan that is kept since a table was small leads past all of its rows when the table has grown. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ConnectedDevice, connect, openScene, type Scene } from "../../../test/contracts/store/scene.ts";
import { freshDatabase, missingServices } from "../../../test/services/services.ts";
import { GATEWAY_TIMEOUT_MS } from "../../ports/limits.ts";
import type { Store } from "../../ports/store.ts";
import { openPglite } from "./open-pglite.ts";
import { openStore } from "./open-store.ts";
import { openPgSql } from "./pg-sql.ts";
import { pgliteSql } from "./pglite-sql.ts";
import type { Sql } from "./sql.ts";
import { UNWANTED_PLANS } from "./unwanted-plans.ts";

const DEVICES = 5000;
/** More often than Postgres plans a statement for the values that it is given. */
const ASKED = 8;

const openEmbedded = async (): Promise<{ sql: Sql; drop: () => Promise<void> }> => {
  const sql = pgliteSql(await openPglite(undefined));
  await sql.script(UNWANTED_PLANS.map((name) => `set ${name} = off;`).join(" "));
  return { sql, drop: () => Promise.resolve() };
};

const openServer = async (): Promise<{ sql: Sql; drop: () => Promise<void> }> => {
  const { url, drop } = await freshDatabase();
  const { sql } = openPgSql({ url, poolSize: 1, closesIdle: false });
  return { sql, drop };
};

const noServer = await missingServices("postgres");

describe.each([
  { where: "the embedded database", open: openEmbedded, isSkipped: false },
  { where: "a server", open: openServer, isSkipped: noServer },
])("plans in $where", ({ open, isSkipped }) => {
  describe.skipIf(isSkipped)("that are kept", () => {
    let sql: Sql;
    let drop: () => Promise<void>;
    let store: Store;
    let scene: Scene;
    let device: ConnectedDevice;

    beforeAll(async () => {
      ({ sql, drop } = await open());
      store = await openStore(sql);
      scene = await openScene(store);
      device = await connect(scene);
    });
    afterAll(async () => {
      await store.close();
      await drop();
    });

    /** How many rows the plan that the session keeps looks at, and passes over. */
    async function passedOver(): Promise<number> {
      const { tenantId } = scene;
      const text = `explain (analyze, costs off, timing off) execute "find-device"('${tenantId}', '${device.deviceId}')`;
      const rows = await sql.query<{ readonly "QUERY PLAN": string }>({
        name: "",
        text,
        values: [],
        scope: { kind: "tenant", tenantId },
      });
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      return Number(/Rows Removed by Filter: (\d+)/.exec(plan)?.[1] ?? 0);
    }

    test("are made anew when a table has grown, so that a look-up finds one row again", async () => {
      await store.fleet.sweep({ gatewayTimeoutMs: GATEWAY_TIMEOUT_MS });
      for (let times = 0; times < ASKED; times += 1) await scene.tenant.findDevice(device);
      await sql.script(`
        select set_config('hsafa.tenant', '${scene.tenantId}', true);
        insert into devices (id, tenant_id, key, display_name, platform, labels, tools, tool_names, owner)
        select gen_random_uuid(), '${scene.tenantId}', 'device ' || n, 'a device', 'node', '{}', '[]', '{}', 'nobody'
        from generate_series(1, ${DEVICES}) as n`);
      expect(await passedOver()).toBe(DEVICES);
      await store.fleet.sweep({ gatewayTimeoutMs: GATEWAY_TIMEOUT_MS });
      expect(await passedOver()).toBe(0);
    });
  });
});
