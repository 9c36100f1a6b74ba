import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ForeignStream } from "./foreign-stream.ts";
import { renderShown } from "./render-shown.ts";
import { foreignLine, own, paragraph, type Shown } from "./shown.ts";
import { visibleJson, visibleText } from "./visible-text.ts";

/** Anything, with much of what deceives: controls, marks that reorder, separators, joiners, tags, halves of pairs. */
const deceit = fc.oneof(
  fc.constantFrom(
    "\u001b[2J",
    "\u001b]8;;http://x\u0007",
    "\u0090q\u009c",
    "\u009b31m",
    "\r",
    "\n",
    "\r\n",
    "\u007f",
    "\t",
  ),
  fc.constantFrom(
    "\u202e",
    "\u2066",
    "\u200b",
    "\u200d",
    "\u200c",
    "\ufeff",
    "\u2028",
    "\ufe0f",
    "\u{e0041}",
    "\ud800",
  ),
  fc.constantFrom("| ", "-> tool", "waits for an approval", "\u{1f469}\u200d\u{1f467}", "\u0645\u06cc\u200c\u062e"),
);
const anything = fc
  .array(fc.oneof(deceit, fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 30 })
  .map((parts) => parts.join(""));

/** What a terminal acts on, or a person cannot see. Joiners and variations are judged apart. */
const DANGEROUS =
  /[^\P{Cc}\n\t]|[\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\u061c\ufeff\u{e0000}-\u{e0fff}]/u;

function rendered(shown: readonly Shown[], columns: number | null = null): string {
  let column = 0;
  return shown
    .map((one) => {
      const result = renderShown(one, { columns, paint: (_style, text) => text }, column);
      column = result.column;
      return result.text;
    })
    .join("");
}

describe("whatever a model, a tool or a device says", () => {
  test("no control, separator or mark that reorders or hides reaches the terminal", () => {
    fc.assert(
      fc.property(anything, (text) => {
        for (const shown of [own`${text}`, foreignLine(text), paragraph(text)]) {
          expect(rendered([shown])).not.toMatch(DANGEROUS);
        }
        expect(visibleJson(text)).not.toMatch(DANGEROUS);
      }),
    );
  });

  test("it stays on its line, or each further line bears the mark", () => {
    fc.assert(
      fc.property(anything, (text) => {
        expect(rendered([own`-> ${text}`])).not.toContain("\n");
        for (const line of rendered([own`error: ${paragraph(text)}`])
          .split("\n")
          .slice(1)) {
          expect(line).toMatch(/^\| /);
        }
      }),
    );
  });

  test("in parts, each of its lines bears the mark and no part opens a control", () => {
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 6 }), (parts) => {
        const stream = new ForeignStream({ isMarked: true });
        const text = rendered([...parts.flatMap((part) => stream.next(part)), ...stream.end()]);
        expect(text).not.toMatch(DANGEROUS);
        expect(text === "" || text.endsWith("\n")).toBe(true);
        for (const line of text.split("\n").slice(0, -1)) expect(line).toMatch(/^\| /);
      }),
    );
  });

  test("no terminal is wide enough to let a padded text begin a line without the mark", () => {
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 6 }), fc.integer({ min: 20, max: 120 }), (parts, columns) => {
        for (const line of rendered([own`-> ${parts.join(" ".repeat(60))}`], columns)
          .split("\n")
          .slice(1)) {
          expect(line).toMatch(/^\| /);
          expect(line.length).toBeLessThanOrEqual(columns);
        }
      }),
    );
  });

  test("as JSON it says exactly the same", () => {
    fc.assert(
      fc.property(anything, (text) => {
        expect(JSON.parse(visibleJson({ text }))).toEqual({ text });
      }),
    );
  });
});

test("joiners of emoji and of scripts whose letters join stay; alone they are written out", () => {
  const family = "\u{1f469}\u200d\u{1f467}";
  const persian = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645";
  expect(visibleText(`${family} 1\ufe0f\u20e3 ${persian}`)).toBe(`${family} 1\ufe0f\u20e3 ${persian}`);
  expect(visibleText("pay\u200dpal ad\u200bmin")).toBe("pay<U+200D>pal ad<U+200B>min");
});

test("a text that comes in parts is joined as it was meant", () => {
  const stream = new ForeignStream({ isMarked: false });
  const parts = ["\u{1f469}", "\u200d\u{1f467} one\r", "\ntwo\r", "three"];
  expect(rendered([...parts.flatMap((part) => stream.next(part)), ...stream.end()])).toBe(
    "\u{1f469}\u200d\u{1f467} one\ntwo<U+000D>three\n",
  );
});
