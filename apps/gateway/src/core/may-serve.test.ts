import { expect, test } from "vitest";
import { mayServe, type ServedRun, type Service } from "./may-serve.ts";

const ANY: Service = { subject: null, onlyRunId: null, onlyThreadId: null };
const OURS: ServedRun = { id: "run-1", threadId: "thread-1", subject: null, rootRunId: null, rootThreadId: null };
const CHILD: ServedRun = { ...OURS, id: "child", threadId: null, rootRunId: "run-1", rootThreadId: "thread-1" };
const HERS: ServedRun = { ...OURS, subject: "alice" };

test.each<[name: string, device: Service, run: ServedRun, expected: boolean]>([
  ["the tenant's own device serves the tenant", ANY, OURS, true],
  ["the tenant's own device serves each user", ANY, HERS, true],
  ["a user's device serves that user", { ...ANY, subject: "alice" }, HERS, true],
  ["a user's device serves the operator, who may name any", { ...ANY, subject: "alice" }, OURS, true],
  ["a user's device serves no other user", { ...ANY, subject: "bob" }, HERS, false],
  ["a device for one run serves it", { ...ANY, onlyRunId: "run-1" }, HERS, true],
  ["a device for one run serves its children", { ...ANY, onlyRunId: "run-1" }, CHILD, true],
  ["a device for one thread serves the children of its runs", { ...ANY, onlyThreadId: "thread-1" }, CHILD, true],
  ["a device for another run serves no child", { ...ANY, onlyRunId: "run-2" }, CHILD, false],
  ["a device for one run serves no other", { ...ANY, onlyRunId: "run-2" }, OURS, false],
  ["a device for one thread serves its runs", { ...ANY, onlyThreadId: "thread-1" }, HERS, true],
  ["a device for one thread serves none elsewhere", { ...ANY, onlyThreadId: "thread-2" }, OURS, false],
  [
    "a device for a thread serves no run without one",
    { ...ANY, onlyThreadId: "t" },
    { ...OURS, threadId: null },
    false,
  ],
])("%s", (_name, device, run, expected) => {
  expect(mayServe(device, run)).toBe(expected);
});
