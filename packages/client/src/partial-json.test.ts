import { type JsonValue, writeExactJson } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { nextPartialJson, NO_JSON, type PartialJson } from "./partial-json.ts";

const read = (...pieces: string[]): PartialJson => pieces.reduce(nextPartialJson, NO_JSON);

const OBJECT = {
  title: 'Ann said: "naïve 🦊"\n\\ and / more',
  'a "quoted" name': { empty: {}, list: [] },
  numbers: [0, -1.5, 2e21, 12],
  words: [true, false, null],
  deep: [{ a: [{ b: "c" }] }, "", "x"],
};

describe("the JSON of an object while it is written", () => {
  test.each([1, 2, 3, 7, 1000])("is the object in the end, in pieces of %d characters", (size) => {
    for (const text of [
      JSON.stringify(OBJECT),
      JSON.stringify(OBJECT, null, 2),
      JSON.stringify(OBJECT).replace("ï", "\\u00ef"),
    ]) {
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      expect(read(...pieces).value).toEqual(OBJECT);
    }
  });

  test("shows texts as far as they go, and numbers and words once they are whole", () => {
    const shown = (text: string) => JSON.stringify(read(text).value);
    expect(shown(" ")).toBe("null");
    expect(shown("{")).toBe("{}");
    expect(shown('{"ci')).toBe("{}");
    expect(shown('{"city":')).toBe("{}");
    expect(shown('{"city": "Ro')).toBe('{"city":"Ro"}');
    expect(shown('{"city": "R\\u00')).toBe('{"city":"R"}');
    expect(shown('{"city": "Rome", "days": 1')).toBe('{"city":"Rome"}');
    expect(shown('{"city": "Rome", "days": 12}')).toBe('{"city":"Rome","days":12}');
    expect(shown('{"list": [1, {"a": tr')).toBe('{"list":[1,{}]}');
  });

  test("no earlier reading changes when more is read", () => {
    const readings: { readonly reading: PartialJson; readonly was: string | undefined }[] = [];
    let reading = NO_JSON;
    for (const character of JSON.stringify(OBJECT)) {
      reading = nextPartialJson(reading, character);
      readings.push({ reading, was: writeExactJson(reading.value) });
    }
    for (const { reading: one, was } of readings) expect(writeExactJson(one.value)).toBe(was);
  });

  test("what did not change keeps its identity", () => {
    const before = read('{"done": {"a": 1}, "list": [{"b": 2}, ');
    const after = nextPartialJson(before, '{"c": "x');
    expect(after.value).not.toBe(before.value);
    expect(after.value?.done).toBe(before.value?.done);
    const [one, two] = [before, after].map(({ value }) => value?.list as JsonValue[]);
    expect(two?.[0]).toBe(one?.[0]);
  });

  test("words and a fence before it are passed over, and nothing after its end is read", () => {
    expect(read('Here it is:\n```json\n{"a": 1}\n```', ' {"b": 2}').value).toEqual({ a: 1 });
  });

  test.each([
    '{"a" 1',
    '{"a": nope}',
    "{a: 1}",
    '{"a": 1 2}',
    '{"a": "\\q"}',
    '{"__proto__": {"polluted": true}}',
    "{]}",
  ])("%j ends the reading, and no text harms", (text) => {
    const reading = read(text, '"b": {"c": 1}}');
    expect(reading.at).toBe("over");
    expect(Object.keys(reading.value ?? {}).filter((name) => name !== "a")).toEqual([]);
    expect(({} as { polluted?: true }).polluted).toBeUndefined();
  });

  test("a long text in small pieces costs in proportion to its length", () => {
    const started = performance.now();
    let reading = nextPartialJson(NO_JSON, '{"text": "');
    for (let piece = 0; piece < 100_000; piece += 1) reading = nextPartialJson(reading, "word ");
    expect(reading.value).toEqual({ text: "word ".repeat(100_000) });
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
