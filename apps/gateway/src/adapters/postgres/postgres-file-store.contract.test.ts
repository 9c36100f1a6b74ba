import { describe } from "vitest";
import { fileStoreSuite } from "../../../test/contracts/file-store.suite.ts";
import { freshDatabase, missingServices } from "../../../test/services/services.ts";
import { begunFile } from "../../../test/support/begun-file.ts";
import { openPgliteStore } from "./open-pglite-store.ts";
import { openPostgresStore } from "./open-postgres-store.ts";

fileStoreSuite("PGlite", async () => {
  const store = await openPgliteStore({ dataDir: undefined });
  return { files: store.files, begin: () => begunFile(store), close: () => store.close() };
});

describe.skipIf(await missingServices("postgres"))("on a server", () => {
  fileStoreSuite("Postgres", async () => {
    const { url, drop } = await freshDatabase();
    const store = await openPostgresStore({ url });
    return {
      files: store.files,
      begin: () => begunFile(store),
      async close() {
        await store.close();
        await drop();
      },
    };
  });
});
