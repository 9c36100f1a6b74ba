import fc from "fast-check";
import { expect, test } from "vitest";
import { FRAME_CHARACTERS_MAX } from "../limits.ts";
import { type Frame, FrameReader, StreamTooLargeError } from "./frame-reader.ts";

function framesOf(pieces: readonly string[]): readonly Frame[] {
  const reader = new FrameReader();
  return [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
}

/** Cuts a text at these places. */
function cut(text: string, places: readonly number[]): string[] {
  const ends = [...new Set(places.map((place) => place % (text.length + 1)))].toSorted((one, other) => one - other);
  return [0, ...ends].map((from, index) => text.slice(from, ends[index] ?? text.length));
}

const line = fc.oneof(
  fc.json().map((json) => `data: ${json}`),
  fc.constantFrom("data: [DONE]", "data:", "data", ": comment", "event: x", "event: error", "id: 7", "retry: 1000"),
  fc.constantFrom('{"error":"no field"}', "Internal Server Error", "error: bad", "foo: bar", "", "<html>", "[1,"),
  fc.string(),
);
const body = fc
  .array(fc.tuple(line, fc.constantFrom("\n", "\r\n", "\r", "\n\n", "\r\n\r\n")))
  .map((lines) => lines.map(([text, end]) => text + end).join(""));

test("any split of a body into pieces gives the same frames", () => {
  fc.assert(
    fc.property(body, fc.array(fc.nat(10_000)), (text, places) => {
      expect(framesOf(cut(text, places))).toEqual(framesOf([text]));
    }),
    { numRuns: 500 },
  );
});

test("comments, unknown fields and blank lines anywhere between messages change no message", () => {
  const noise = fc.constantFrom("", ": ping\n", "\n", "\r\n", "id: 1\n\n", "retry: 5\n\n", "foo: bar\n\n", ":\n\n");
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.json(), noise), { minLength: 1 }), (messages) => {
      // The first line is a field, since a body that begins with JSON is read as a document.
      const text = messages.map(([json, before]) => `${before}data: ${json}\n\n`).join("");
      expect(framesOf([text]).map(({ data }) => data)).toEqual(messages.map(([json]) => json));
    }),
  );
});

test.each([
  [
    "messages without blank lines between",
    'data: {"a":1}\ndata: {"a":2}\ndata: [DONE]\n',
    ['{"a":1}', '{"a":2}', "[DONE]"],
  ],
  ["JSON over several lines of data", 'data: {\ndata: "a":1}\n\n', ['{\n"a":1}']],
  ["no blank line after the last message", 'data: {"a":1}', ['{"a":1}']],
  ["carriage returns alone", 'data: {"a":1}\r\rdata: {"a":2}\r\r', ['{"a":1}', '{"a":2}']],
  ["a document of JSON", '\n {\n "error": {\n "message": "no" } }\n', ['{\n "error": {\n "message": "no" } }']],
  ["one JSON a line", '{"a":1}\n{"a":2}\n', ['{"a":1}', '{"a":2}']],
  ["JSON without a field between messages", 'data: {"a":1}\n\n{"error":"x"}\n', ['{"a":1}', '{"error":"x"}']],
  ["HTML", "<html>\n<p>no</p>\n</html>", ["<html>\n<p>no</p>\n</html>"]],
])("%s", (_, text, frames) => {
  expect(framesOf([text]).map(({ data }) => data)).toEqual(frames);
  expect(framesOf(text.split("")).map(({ data }) => data)).toEqual(frames);
});

test("a line that never ends is refused at the bound of a frame (R9), in time linear in what came", () => {
  const reader = new FrameReader();
  const piece = "x".repeat(64 * 1024);
  reader.push("data: ");
  expect(() => {
    for (let at = 0; at <= FRAME_CHARACTERS_MAX; at += piece.length) reader.push(piece);
  }).toThrow(StreamTooLargeError);
});

test("comments without end do not count as one message", () => {
  const reader = new FrameReader();
  const comments = ": keep-alive\n".repeat(100_000);
  for (let at = 0; at < FRAME_CHARACTERS_MAX; at += comments.length) reader.push(comments);
  expect(reader.push("data: {}\n\n")).toEqual([{ event: null, data: "{}" }]);
});
