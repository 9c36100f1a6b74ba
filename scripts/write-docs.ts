/** `npm run docs`: writes the tables of the documents that are made from data. A test fails while they differ. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generatedDocs, withTables } from "./generated-docs.ts";

for (const name of generatedDocs) {
  const path = join(import.meta.dirname, "..", name);
  writeFileSync(path, withTables(readFileSync(path, "utf8")));
}
