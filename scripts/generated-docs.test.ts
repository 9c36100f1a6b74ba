import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { readCliSettings } from "../apps/cli/src/config.ts";
import { settingsTable } from "../apps/gateway/src/settings-table.ts";
import { AGENT_SCHEMA_FILE, agentSchemaText } from "./agent-schema.ts";
import { generatedDocs, withTables } from "./generated-docs.ts";

test.each(generatedDocs)(
  "%s shows every setting, error and bound as the code has it; `npm run docs` writes it",
  (name) => {
    const document = readFileSync(join(import.meta.dirname, "..", name), "utf8");
    expect(withTables(document)).toBe(document);
  },
);

test("the schema of agents' files is that by which the gateway checks them; `npm run docs` writes it", () => {
  expect(readFileSync(join(import.meta.dirname, "..", AGENT_SCHEMA_FILE), "utf8")).toBe(agentSchemaText());
});

test("a table that differs is replaced, and what stands around it is kept", () => {
  const document = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  const stale = document.replace("| `PORT` | ", "| `PORT` | once upon a time ");
  expect(stale).not.toBe(document);
  expect(withTables(stale)).toBe(document);
});

test("a document without a place for the table is refused", () => {
  expect(() => withTables("# Nothing")).toThrow("no place for a table");
});

test("a table that nobody makes is refused", () => {
  const place = "<!-- weather: `npm run docs` writes this table -->\n<!-- end -->";
  expect(() => withTables(place)).toThrow("asks for a table 'weather'");
});

// The commands start faster without the gateway's code, so they hold these two defaults themselves.
test("the commands' defaults are those of the table", () => {
  const { url } = readCliSettings({ HSAFA_DATA_DIR: join(import.meta.dirname, "no-gateway-runs-here") });
  expect(url).toBe(settingsTable.HSAFA_URL.default);
  const { dataDir } = readCliSettings({});
  expect(dataDir).toBe(resolve(settingsTable.HSAFA_DATA_DIR.default));
});
