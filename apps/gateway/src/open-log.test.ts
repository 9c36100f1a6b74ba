import { expect, test } from "vitest";
import { openLog } from "./open-log.ts";

const KEY = 'provider"key/of+this test';

test("what others said cannot steer the terminal of whoever reads the log, and stays what it was", () => {
  const lines: string[] = [];
  const log = openLog("info", { secrets: [], to: { write: (line) => void lines.push(line) } });
  const said = "\u009b2J\u001b]52;c;x\u0007\u202e\u2028\u200b";
  log.warn({ said }, said);
  expect(lines.join("")).toMatch(/^[\x20-\x7e]+\n$/);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ said, msg: said });
});

test("no line of the log holds a secret, wherever it stands and in whatever form", () => {
  const lines: string[] = [];
  const log = openLog("debug", { secrets: [KEY], to: { write: (line) => void lines.push(line) } });
  log.error({ err: new Error("refused", { cause: new Error(`the key ${KEY} is wrong`) }) }, `asked with ${KEY}`);
  log
    .child({ [KEY]: 1 })
    .info({ url: `http://host/?key=${encodeURIComponent(KEY)}`, header: btoa(`x:${KEY}`) }, "sent");
  log.warn({ url: "redis://me:another-password@host" }, "Authorization: Bearer another-token");
  expect(lines).toHaveLength(3);
  const all = lines.join("");
  for (const part of ["provider", "key/of", "key%2Fof", btoa(KEY).slice(4, 12), "another-password", "another-token"]) {
    expect(all).not.toContain(part);
  }
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
    "asked with [key]",
    "sent",
    "Authorization: Bearer [key]",
  ]);
});
