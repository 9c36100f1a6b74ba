import fc from "fast-check";
import { expect, test } from "vitest";
import { DIFF_CONTEXT_LINES, DIFF_EDITS_MAX } from "../limits.ts";
import { jsonLines } from "./json-lines.ts";
import { foldedDiff, lineDiff } from "./line-diff.ts";

const lines = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 30 });

test("both texts are whole in what differs, and no shorter list of changes is there", () => {
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const diff = lineDiff(before, after);
      expect(diff.filter(({ kind }) => kind !== "added").map(({ text }) => text)).toEqual(before);
      expect(diff.filter(({ kind }) => kind !== "removed").map(({ text }) => text)).toEqual(after);
      const at = (text: string, line: number | null, of: readonly string[]) => line === null || of[line - 1] === text;
      expect(diff.every(({ text, ...line }) => at(text, line.before, before) && at(text, line.after, after))).toBe(
        true,
      );
      expect(diff.filter(({ kind }) => kind === "same")).toHaveLength(longestCommon(before, after));
    }),
  );
});

test("texts that have nothing in common and no end are told as replaced", () => {
  const many = Array.from({ length: 3 * DIFF_EDITS_MAX }, (_, index) => `before ${index}`);
  const diff = lineDiff(
    many,
    many.map((line) => line.replace("before", "after")),
  );
  expect(diff.filter(({ kind }) => kind === "removed")).toHaveLength(many.length);
  expect(diff.filter(({ kind }) => kind === "added")).toHaveLength(many.length);
});

test("what is the same and far from a change is folded, and nothing is lost by it", () => {
  const before = Array.from({ length: 40 }, (_, index) => `line ${index}`);
  const after = before.with(20, "changed");
  const rows = foldedDiff(lineDiff(before, after));
  expect(rows.map(({ kind }) => kind).filter((kind) => kind === "fold")).toHaveLength(2);
  expect(rows.filter(({ kind }) => kind === "same")).toHaveLength(2 * DIFF_CONTEXT_LINES);
  const unfolded = rows.flatMap((row) => (row.kind === "fold" ? row.lines : [row]));
  expect(unfolded).toEqual(lineDiff(before, after));
  expect(foldedDiff([])).toEqual([]);
});

test("the same JSON gives the same lines, and a text stands as it was written", () => {
  expect(jsonLines({ b: [], a: { d: 1, c: "x" } })).toEqual(jsonLines({ a: { c: "x", d: 1 }, b: [] }));
  expect(jsonLines({ system: "one\n\ntwo", tools: [{}] })).toEqual([
    "{",
    '  "system": """',
    "    one",
    "    ",
    "    two",
    '  """',
    '  "tools": [',
    "    {}",
    "  ]",
    "}",
  ]);
});

function longestCommon(one: readonly string[], other: readonly string[]): number {
  const rows = one.map(() => other.map(() => 0));
  one.forEach((a, i) => {
    other.forEach((b, j) => {
      const row = rows[i];
      if (row === undefined) return;
      const [up, left, both] = [rows[i - 1]?.[j] ?? 0, row[j - 1] ?? 0, rows[i - 1]?.[j - 1] ?? 0];
      row[j] = a === b ? both + 1 : Math.max(up, left);
    });
  });
  return rows.at(-1)?.at(-1) ?? 0;
}
