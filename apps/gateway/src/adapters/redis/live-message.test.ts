import { expect, test } from "vitest";
import { parseLiveMessage, progressText } from "./live-message.ts";

test("records are rebuilt from their lines, with any spaces in their payload", () => {
  expect(parseLiveMessage('7-0 6-2 step.started 1700 {"step": 1}\n7-1 - text.delta 1701 {"text":"a  b "}')).toEqual({
    kind: "records",
    records: [
      { seq: 7, sub: 0, prev: { seq: 6, sub: 2 }, type: "step.started", ts: 1700, payload: '{"step": 1}' },
      { seq: 7, sub: 1, prev: null, type: "text.delta", ts: 1701, payload: '{"text":"a  b "}' },
    ],
  });
});

test("progress is not mistaken for records", () => {
  expect(parseLiveMessage(progressText('{"a":"1-0 - b"}'))).toEqual({ kind: "progress", json: '{"a":"1-0 - b"}' });
});

test("a text that no gateway wrote makes the reader read the store", () => {
  for (const message of [
    "",
    "garbage",
    "1-0",
    "1-0 - text.delta 1700",
    "1-0 - text.delta soon {}",
    "x-0 - text.delta 1700 {}",
    "1-0 ? text.delta 1700 {}",
    "1-0 - text.delta 1700 {}\n",
    '1-0 - text.delta 1700 {\n "pretty": true}',
  ]) {
    expect({ message, read: parseLiveMessage(message) }).toEqual({ message, read: { kind: "resync" } });
  }
});
