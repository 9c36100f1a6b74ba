import fc from "fast-check";
import { expect, test } from "vitest";
import type { CallCandidate } from "../ports/open-call.ts";
import { assignCalls } from "./assign-calls.ts";

type Load = Omit<CallCandidate, "callId">;
const load = (deviceId: string, inHand: number, lastSentAt: number | null = null, maxInFlight = 16): Load => ({
  deviceId,
  inHand,
  lastSentAt,
  maxInFlight,
});
const every = (callIds: readonly string[], loads: readonly Load[]): CallCandidate[] =>
  callIds.flatMap((callId) => loads.map((one) => ({ callId, ...one })));

test("a call goes to the device with the fewest in hand, then to the one that waited longest, then by id", () => {
  expect(assignCalls(every(["a"], [load("x", 2, 1), load("y", 1, 9)])).get("a")).toBe("y");
  expect(assignCalls(every(["a"], [load("x", 1, 5), load("y", 1, 4)])).get("a")).toBe("y");
  expect(assignCalls(every(["a"], [load("x", 1, 5), load("y", 1, null)])).get("a")).toBe("y");
  expect(assignCalls(every(["a"], [load("y", 0), load("x", 0)])).get("a")).toBe("x");
});

test("twelve calls at once are spread over three devices, four each", () => {
  const callIds = Array.from({ length: 12 }, (_, index) => `call-${String(index).padStart(2, "0")}`);
  const counts = Map.groupBy(assignCalls(every(callIds, [load("x", 0), load("y", 0), load("z", 0)])), ([, id]) => id);
  expect([...counts.values()].map((calls) => calls.length)).toEqual([4, 4, 4]);
});

test("whatever the loads, nobody gets more than it takes, and no difference grows beyond one call", () => {
  const loads = fc.uniqueArray(
    fc.record({
      deviceId: fc.constantFrom("p", "q", "r", "s", "t"),
      inHand: fc.nat(6),
      maxInFlight: fc.integer({ min: 0, max: 8 }),
      lastSentAt: fc.option(fc.nat(9)),
    }),
    { selector: ({ deviceId }) => deviceId },
  );
  fc.assert(
    fc.property(loads, fc.nat(30), (devices, count) => {
      const callIds = Array.from({ length: count }, (_, index) => `call-${index}`);
      const assigned = [...assignCalls(every(callIds, devices)).values()];
      const room = devices.reduce((sum, one) => sum + Math.max(0, one.maxInFlight - one.inHand), 0);
      expect(assigned).toHaveLength(Math.min(count, room));
      const totalOf = ({ deviceId, inHand }: Load): number =>
        inHand + assigned.filter((other) => other === deviceId).length;
      const given = devices.filter(({ deviceId }) => assigned.includes(deviceId));
      const open = devices.filter((one) => totalOf(one) < one.maxInFlight);
      for (const one of given) for (const other of open) expect(totalOf(one)).toBeLessThanOrEqual(totalOf(other) + 1);
      for (const one of given) expect(totalOf(one)).toBeLessThanOrEqual(one.maxInFlight);
    }),
  );
});
