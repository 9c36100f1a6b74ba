import { describe } from "vitest";
import { storeSuite } from "../../../test/contracts/store.suite.ts";
import { freshDatabase, missingServices } from "../../../test/services/services.ts";
import { openPgliteStore } from "./open-pglite-store.ts";
import { openPostgresStore } from "./open-postgres-store.ts";

storeSuite("PGlite", {
  processes: "one",
  async open() {
    const store = await openPgliteStore({ dataDir: undefined });
    return { store, close: () => store.close() };
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
        async close() {
          await store.close();
          await drop();
        },
      };
    },
  });
});
