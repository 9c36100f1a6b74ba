import { expect, test } from "vitest";
import { mayAccessDevice } from "./may-access-device.ts";

test.each([
  ["an operator's key", { kind: "api_key" }, true, true],
  ["a key for the user", { kind: "api_key", subject: "alice" }, true, false],
  ["a token for the user", { kind: "token", subject: "alice" }, true, false],
  ["a token for another user", { kind: "token", subject: "bob" }, false, false],
  ["a token for nobody", { kind: "token" }, false, true],
] as const)("a device of a user is seen by %s only as its subject allows", (_who, principal, seesHers, seesOurs) => {
  const seen = ["alice", null].map((subject) => mayAccessDevice(principal, { subject }));
  expect(seen).toEqual([seesHers, seesOurs]);
});
