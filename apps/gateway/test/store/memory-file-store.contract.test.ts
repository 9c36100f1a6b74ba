import { systemClock } from "../../src/adapters/system/system-clock.ts";
import { fileStoreSuite } from "../contracts/file-store.suite.ts";
import { begunFile } from "../support/begun-file.ts";
import { createMemoryStore } from "./memory-store.ts";

fileStoreSuite("memory", async () => {
  const store = createMemoryStore({ clock: systemClock });
  return { files: store.files, begin: () => begunFile(store), close: () => store.close() };
});
