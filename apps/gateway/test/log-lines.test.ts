import { expect, test } from "vitest";
import { isTest, repositorySources, type Source } from "./architecture-source.ts";

/** A field that names something of a tenant. */
const NAMING = /\b(runId|runIds|threadId|deviceId|deviceKey|sessionId|callId|keyId|subject)\b/;
/** A line of the log: its fields, as they are written. */
const LINE = /\blog\.(?:debug|info|warn|error)\(\s*\{([^}]*)\}/gi;

function linesOf({ path, text }: Source): { readonly path: string; readonly fields: string }[] {
  return [...text.matchAll(LINE)].map(([, fields = ""]) => ({ path, fields }));
}

test("each line of the log about something of a tenant names the tenant, and none is about many", () => {
  const lines = repositorySources()
    .filter(({ path }) => path.startsWith("apps/gateway/src/") && !isTest(path))
    .flatMap(linesOf);
  expect(lines.length).toBeGreaterThan(20);
  // A count names nothing.
  const about = lines.filter(({ fields }) => NAMING.test(fields.replaceAll(/\w+\.length\b/g, "")));
  expect(about.length).toBeGreaterThan(8);
  expect(about.filter(({ fields }) => !/\btenantId\b/.test(fields) || /\brunIds\b/.test(fields))).toEqual([]);
});
