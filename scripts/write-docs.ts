/** `npm run docs`: writes the parts of the documents that are made from data. A test fails while they differ. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { settingsDocs, withSettings } from "./settings-docs.ts";

for (const name of settingsDocs) {
  const path = join(import.meta.dirname, "..", name);
  writeFileSync(path, withSettings(readFileSync(path, "utf8")));
}
