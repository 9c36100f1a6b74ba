import { describe, expect, test } from "vitest";
import { readAnswer } from "./read-answer.ts";

const read = (...texts: string[]) =>
  readAnswer([{ role: "assistant", content: texts.map((text) => ({ type: "text" as const, text })) }]);

describe("an answer is read as an object", () => {
  test.each([['{"a": 1}'], [' \n{"a": 1}\n'], ['```json\n{"a": 1}\n```'], ['```\n{"a": 1}```']])("from %j", (text) => {
    expect(read(text)).toEqual({ kind: "object", object: { a: 1 } });
  });

  test("from pieces that a provider cut anywhere, and from the last part after others", () => {
    expect(read('{"a"', ": 1}")).toEqual({ kind: "object", object: { a: 1 } });
    expect(read("I looked it up.", '{"a": 1}')).toEqual({ kind: "object", object: { a: 1 } });
  });

  test.each([
    ["", /no text/],
    ["Rome.", /not JSON/],
    ['{"a": 1', /not JSON/],
    ["[1]", /not an object/],
    ["null", /not an object/],
    ['"{}"', /not an object/],
    ['{"id": 9007199254740993}', /'id' is the number .*send it as a text/],
    ['{"a": 1, "a": 2}', /'a' stands twice/],
    ['{"__proto__": {}}', /'__proto__' is a name that is not taken/],
    [`${'{"a":'.repeat(200)}1${"}".repeat(200)}`, /nested deeper/],
  ])("but not from %j", (text, fault) => {
    expect(read(text)).toEqual({ kind: "fault", fault: expect.stringMatching(fault) as string });
  });
});
