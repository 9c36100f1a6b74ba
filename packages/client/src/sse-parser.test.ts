import fc from "fast-check";
import { expect, test } from "vitest";
import { createSseParser, type SseItem } from "./sse-parser.ts";

const encoder = new TextEncoder();

function parse(...chunks: (string | Uint8Array)[]): SseItem[] {
  const parser = createSseParser();
  return chunks.flatMap((chunk) => parser.feed(typeof chunk === "string" ? encoder.encode(chunk) : chunk));
}

function data(...chunks: (string | Uint8Array)[]): string[] {
  return parse(...chunks).flatMap((item) => (item.kind === "message" ? [item.message.data] : []));
}

test.each([
  ["LF", "data: a\n\ndata: b\n\n"],
  ["CRLF", "data: a\r\n\r\ndata: b\r\n\r\n"],
  ["CR", "data: a\r\rdata: b\r\r"],
  ["a mixture", "data: a\r\n\ndata: b\r\r\n"],
])("lines of an event stream may end with %s", (_name, text) => {
  expect(data(text)).toEqual(["a", "b"]);
});

test("a byte order mark at the beginning of an event stream is no part of the first field", () => {
  expect(data(new Uint8Array([0xef, 0xbb, 0xbf]), "data: a\n\n")).toEqual(["a"]);
});

test("several data lines are one message, and one blank at the beginning of a value is not part of it", () => {
  expect(data("data: a\ndata:b\ndata:  c\ndata\n\n")).toEqual(["a\nb\n c\n"]);
});

test("comments, unknown fields and blank lines make no message, and an unfinished message is dropped", () => {
  expect(parse(": keep open\n\nevent: x\nfoo: bar\n\n\ndata: never finished\n")).toEqual([]);
});

test("the id of an event stream stays until there is another, and one with a null character is ignored", () => {
  const ids = parse("id: 7-1\ndata: a\n\ndata: b\n\nid: 8\0\ndata: c\n\nid\ndata: d\n\n").map((item) =>
    item.kind === "message" ? item.message.lastEventId : "",
  );
  expect(ids).toEqual(["7-1", "7-1", "7-1", ""]);
});

test("the retry field is reported if it is a number", () => {
  expect(parse("retry: 100\nretry: soon\n\n")).toEqual([{ kind: "retry", delayMs: 100 }]);
});

test("an event stream says the same wherever it is cut: CRLF between chunks, characters between bytes", () => {
  const text = '\uFEFFid: 1-0\r\ndata: {"text":"grüße 👋"}\r\n\r\n: c\r\rdata: x\ndata: y\r\n\r\nretry: 5\r\n';
  const bytes = encoder.encode(text);
  const whole = parse(bytes);
  expect(whole).toHaveLength(3);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 12 }), (cuts) => {
      const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const chunks = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
      expect(parse(...chunks)).toEqual(whole);
    }),
  );
  expect(parse(...Array.from(bytes, (_, index) => bytes.subarray(index, index + 1)))).toEqual(whole);
});
