import { expect, test } from "vitest";
import { readInlineFile } from "./read-inline-file.ts";

test.each([
  ["aGVsbG8=", "hello", null],
  ["aGVsbG8", "hello", null],
  ["-_-_", Buffer.from("-_-_", "base64").toString("latin1"), null],
  ["data:text/plain;base64,aGVsbG8=", "hello", "text/plain"],
  ["data:;base64,aGVsbG8=", "hello", null],
  ["data:text/plain;charset=utf-8;base64,aGVsbG8=", "hello", "text/plain"],
])("%s is bytes", (given, bytes, mediaType) => {
  const read = readInlineFile(given);
  expect(read.kind === "bytes" && Buffer.from(read.bytes).toString("latin1")).toBe(bytes);
  expect(read).toMatchObject({ mediaType });
});

test.each(["https://example.com/a.png", "gs://bucket/a", "file:///etc/passwd"])("%s is an address", (given) => {
  expect(readInlineFile(given)).toEqual({ kind: "address" });
});

test.each(["", "a", "no base64!", "data:text/plain,hello", "data:image/png;base64,"])("'%s' is no file", (given) => {
  expect(readInlineFile(given)).toEqual({ kind: "malformed" });
});
