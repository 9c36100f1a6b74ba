import pg from "pg";
import { describe } from "vitest";
import { storeSuite } from "../../../test/contracts/store.suite.ts";
import { freshDatabase, missingServices } from "../../../test/services/services.ts";
import { openPglite } from "./open-pglite.ts";
import { openPostgresStore } from "./open-postgres-store.ts";
import { openStore } from "./open-store.ts";
import { pgliteSql } from "./pglite-sql.ts";

/** As if the server had started anew: nobody judged it since. */
const FORGET_SERVER = "update store_state set server_started_at = null";

storeSuite("PGlite", {
  processes: "one",
  async open() {
    const pglite = await openPglite(undefined);
    const sql = pgliteSql(pglite);
    const store = await openStore(sql);
    return { store, restart: async () => void (await pglite.exec(FORGET_SERVER)), close: () => store.close() };
  },
});

describe.skipIf(await missingServices("postgres"))("on a server", () => {
  storeSuite("Postgres", {
    processes: "many",
    async open() {
      const { url, drop } = await freshDatabase();
      const store = await openPostgresStore({ url });
      return {
        store,
        async connect() {
          const other = await openPostgresStore({ url });
          return { store: other, die: () => other.close() };
        },
        async restart() {
          const client = new pg.Client({ connectionString: url });
          await client.connect();
          await client.query(FORGET_SERVER);
          await client.end();
        },
        async close() {
          await store.close();
          await drop();
        },
      };
    },
  });
});
