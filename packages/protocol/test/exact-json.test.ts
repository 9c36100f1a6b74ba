import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readExactJson, writeExactJson } from "../src/exact-json.ts";
import { JSON_PARTS_MAX } from "../src/limits.ts";

const DEPTH = 64;
const read = (text: string) => readExactJson(text, DEPTH);
const keeps = (text: string): boolean => read(text).kind === "json";

/** A decimal number as an exact fraction: digits times ten to the exponent. */
function exact(literal: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match ?? [];
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return "0";
  let [value, power] = [digits, Number(exponent) - fraction.length];
  while (value % 10n === 0n) [value, power] = [value / 10n, power + 1];
  return `${sign}${value}e${power}`;
}

describe("numbers", () => {
  test.each([
    "0",
    "-0",
    "1",
    "-1.5",
    "1e3",
    "1E+2",
    "0.1",
    "3.0",
    "100000000000000000000",
    "9007199254740991",
    "9007199254740992",
    "1e22",
    "1.7976931348623157e308",
    "5e-324",
    "0.30000000000000004",
    "0.10000000000000001",
    "0.1000000000000000055511151231257827",
    "1.2345678901234568e+30",
    "0e99999",
    "0.000000000000000000",
  ])("%s is kept", (literal) => {
    expect(read(literal)).toEqual({ kind: "json", value: Number(literal), tornAt: null });
  });

  test.each([
    "9007199254740993",
    "-9007199254740993",
    "1234567890123456789",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "9007199254740993.0",
    "12345678901234567.89",
    "90071992547409.931",
    "1e400",
    "-1e400",
    "1e-400",
    "1e309",
    "9007199254740993e0",
    "3.14159265358979323846",
    `1${"0".repeat(400)}`,
    `0.${"3".repeat(2000)}`,
    "1e999999999999999999999",
    "1e-999999999999999999999",
  ])("%s is refused, since it would become another number", (literal) => {
    const fault = read(`{"a":[1,{"id":${literal}}]}`);
    expect(fault).toMatchObject({ kind: "inexact", path: "a.1.id" });
    expect(fault.kind === "inexact" && fault.message).toContain(literal.slice(0, 60));
  });

  test("an integer is kept exactly or refused, however it is written", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.boolean(), (integer, asFraction) => {
        const result = read(asFraction ? `${integer}.0` : String(integer));
        if (result.kind !== "json") return;
        expect(exact(JSON.stringify(result.value))).toBe(exact(String(integer)));
      }),
      { numRuns: 3000 },
    );
  });

  test("every integer that a double cannot hold is refused", () => {
    const beyond = fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n });
    fc.assert(
      fc.property(beyond, (integer) => {
        expect(keeps(String(integer))).toBe(exact(String(Number(integer))) === exact(String(integer)));
      }),
    );
  });

  test("every number that a program writes from a double is kept, whatever digits it writes", () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
        fc.integer({ min: 17, max: 40 }),
        (value, digits) => {
          const texts = [JSON.stringify(value), value.toExponential(), value.toExponential(digits - 1)];
          for (const text of texts) expect(read(text)).toEqual({ kind: "json", value: Number(text), tornAt: null });
          expect(Number(value.toExponential(digits - 1))).toBe(value);
        },
      ),
    );
  });
});

describe("names", () => {
  test("a name that stands twice is refused, also when it is spelt otherwise", () => {
    expect(read('{"a":{"b":1,"c":2,"b":3}}')).toMatchObject({ kind: "inexact", path: "a.b" });
    expect(read(String.raw`{"a":1,"\u0061":2}`)).toMatchObject({ kind: "inexact", path: "a" });
    expect(keeps('{"a":{"a":1},"b":{"a":2},"c":[{"a":1},{"a":2}]}')).toBe(true);
  });

  test("__proto__ is refused at any depth and in any spelling", () => {
    expect(read('{"a":{"__proto__":1}}')).toMatchObject({ kind: "inexact", path: "a.__proto__" });
    expect(read(String.raw`[{"\u005f_proto__":1}]`)).toMatchObject({ kind: "inexact", path: "0.__proto__" });
    expect(keeps('{"a":"__proto__","constructor":{"prototype":{}}}')).toBe(true);
  });
});

describe("halves of surrogate pairs", () => {
  test.each<[string, string, unknown]>([
    ["an escaped half", String.raw`{"a":["x\ud83d"]}`, { a: ["x\ufffd"] }],
    ["a half as it is", '{"a":["x\ud83d"]}', { a: ["x\ufffd"] }],
    ["the second half", String.raw`{"a":["\ude00x"]}`, { a: ["\ufffdx"] }],
    ["two first halves", String.raw`{"a":["\ud83d\ud83d\ude00"]}`, { a: ["\ufffd😀"] }],
  ])("%s is replaced, and told", (_, text, value) => {
    expect(read(text)).toEqual({ kind: "json", value, tornAt: "a.0" });
  });

  test("in a name it is told with the name, and two names that become one are refused", () => {
    expect(read(String.raw`{"a":{"\udc00":1}}`)).toEqual({
      kind: "json",
      value: { a: { "\ufffd": 1 } },
      tornAt: "a.\ufffd",
    });
    expect(read(String.raw`{"\udc00":1,"\ud800":2}`)).toMatchObject({ kind: "inexact", path: "\ufffd" });
  });

  test("a whole pair stays, however its halves are written, and so does an escaped backslash", () => {
    for (const text of [
      '"😀"',
      String.raw`"\ud83d\ude00"`,
      '"\ud83d\\ude00"',
      '"\\ud83d\ude00"',
      String.raw`"\\ud83d"`,
    ]) {
      expect(read(text)).toEqual({ kind: "json", value: JSON.parse(text) as unknown, tornAt: null });
    }
  });
});

describe("depth", () => {
  test("the bound itself is allowed, one level more is not, and 200,000 levels overflow no stack", () => {
    const nested = (levels: number): string => `${"[".repeat(levels)}1${"]".repeat(levels)}`;
    expect(keeps(nested(DEPTH))).toBe(true);
    expect(read(nested(DEPTH + 1))).toMatchObject({ kind: "inexact", message: "is nested deeper than 64 levels" });
    expect(keeps(nested(200_000))).toBe(false);
    expect(keeps(`${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}`)).toBe(false);
  });
});

describe("parts", () => {
  const many = [
    ["lists", `[${"[],".repeat(JSON_PARTS_MAX)}[]]`],
    ["numbers", `[${"1,".repeat(JSON_PARTS_MAX)}1]`],
    ["names", `{${Array.from({ length: JSON_PARTS_MAX }, (_, index) => `"${index}":1`).join(",")}}`],
    ["names that end in a backslash", `[${String.raw`{"\\":1},`.repeat(JSON_PARTS_MAX)}1]`],
  ] as const;

  test.each(many)("too many %s are refused, and that costs less than to parse them", (_, text) => {
    expect(read(text)).toEqual({
      kind: "inexact",
      path: "",
      message: "has more than 100000 values and names; send fewer, or send them as one text",
    });
    const times = { read: Number.POSITIVE_INFINITY, parse: Number.POSITIVE_INFINITY };
    for (let round = 0; round < 5; round += 1) {
      const before = performance.now();
      read(text);
      const between = performance.now();
      JSON.parse(text);
      times.read = Math.min(times.read, between - before);
      times.parse = Math.min(times.parse, performance.now() - between);
    }
    expect(times.read).toBeLessThan(times.parse + 5);
  });

  test("the bound itself is taken, and marks within a text count nothing", () => {
    expect(keeps(`[${"1,".repeat(JSON_PARTS_MAX - 1)}1]`)).toBe(true);
    expect(keeps(JSON.stringify([`[{,:"\\${"[,".repeat(JSON_PARTS_MAX)}`, "\\"]))).toBe(true);
  });
});

describe("any text", () => {
  const value = fc.jsonValue({ depthSize: "medium", stringUnit: "binary" });

  test("what JSON.stringify writes of a value is read back as the same value", () => {
    fc.assert(
      fc.property(value, fc.constantFrom(0, 2), (written, indent) => {
        fc.pre(!JSON.stringify(written).includes("__proto__"));
        const text = JSON.stringify(written, null, indent);
        expect(read(text)).toEqual({ kind: "json", value: JSON.parse(text) as unknown, tornAt: null });
      }),
    );
  });

  test("what is read is written back with the same numbers, names and texts, or is refused with its place", () => {
    const scalar = fc.oneof(
      fc.stringMatching(/^-?(0|[1-9]\d{0,24})(\.\d{1,20})?([eE][+-]?\d{1,3})?$/),
      fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
      fc.constantFrom("null", "true", String.raw`"\ud800"`, '"\udc00"'),
    );
    const name = fc.constantFrom('"a"', '"b"', String.raw`"\u0061"`, '"__proto__"', String.raw`"\ud800"`);
    const { json } = fc.letrec<{ json: string }>((tie) => ({
      json: fc.oneof(
        { depthSize: "small" },
        scalar,
        fc.array(tie("json"), { maxLength: 4 }).map((parts) => `[ ${parts.join(" , ")}]`),
        fc
          .array(fc.tuple(name, tie("json")), { maxLength: 4 })
          .map((parts) => `{${parts.map(([key, part]) => `${key} :${part}`).join(",")} }`),
      ),
    }));
    fc.assert(
      fc.property(json, (written) => {
        const result = read(written);
        if (result.kind !== "json") return result.kind === "inexact" && /^(is|stands) /.test(result.message);
        const back = JSON.stringify(result.value);
        const [before, after] = [numbersOf(written), numbersOf(back)].map((texts) =>
          texts.map((text) => Number(text) + 0),
        );
        return back.isWellFormed() && namesOf(back) === namesOf(written) && isDeepStrictEqual(after, before);
      }),
      { numRuns: 2000 },
    );
  });

  test("a text that is no JSON is malformed, and nothing throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        expect(read(text).kind === "malformed").toBe(!isJson);
      }),
    );
  });

  test.each<[string, string]>([
    ["lists", `[${"[],".repeat(49_000)}[]]`],
    ["names", `{${Array.from({ length: 49_000 }, (_, index) => `"${index}":1`).join(",")}}`],
    ["escapes", `"${String.raw`\ud83d`.repeat(160_000)}"`],
    ["long numbers", `[${"0.1000000000000000,".repeat(52_000)}1]`],
    ["one number", "1".repeat(1_000_000)],
  ])("a text full of %s costs little more than JSON.parse", (_, text) => {
    // CPU time in ms, which other programs on the machine hardly change.
    const cost = (task: () => unknown): number => {
      const times = Array.from({ length: 5 }, () => {
        const before = process.cpuUsage();
        task();
        const { user, system } = process.cpuUsage(before);
        return (user + system) / 1000;
      });
      return Math.min(...times);
    };
    expect(cost(() => read(text))).toBeLessThan(20 * cost(() => void JSON.parse(text)) + 300);
  });
});

describe("what is written", () => {
  test("a number that is not finite is refused by its name, and everything else is as JSON.stringify writes it", () => {
    expect(() => writeExactJson({ a: [{ n: Number.NaN }] })).toThrow("'n' is NaN");
    expect(() => writeExactJson(Number.POSITIVE_INFINITY)).toThrow("The value is Infinity");
    expect(writeExactJson({ a: undefined, b: [1, "x"], c: new Date(0) })).toBe(
      JSON.stringify({ b: [1, "x"], c: new Date(0) }),
    );
    expect(writeExactJson(() => 1)).toBeUndefined();
  });
});

/** How many times each name stands in a text; halves of pairs count as U+FFFD. */
function namesOf(text: string): string {
  const names = [...text.matchAll(/("(?:[^"\\]|\\.)*")\s*:/g)].map(([, name = '""']) =>
    (JSON.parse(name) as string).toWellFormed(),
  );
  return names.toSorted().join("\n");
}

function numbersOf(text: string): string[] {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"/g, "").match(/-?\d[\d.eE+-]*/g) ?? [];
}
