import { expect, test } from "vitest";
import { settled } from "../../test/support/fakes.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { recordingLog } from "../../test/support/recording-log.ts";
import type { StallCosts } from "../ports/fleet-store.ts";
import { StallSettlement } from "./stall-settlement.ts";

test("what a second stall costs the same runs, while the first is being settled, is settled too", async () => {
  const sent: StallCosts[] = [];
  let answer = Promise.withResolvers<void>();
  let settledTimes = 0;
  const clock = new ManualClock();
  const settlement = new StallSettlement({
    store: {
      settleStalls(costs) {
        sent.push(costs);
        answer = Promise.withResolvers();
        return answer.promise;
      },
    },
    keeper: { settle: async () => {} },
    heartbeat: { beat: async () => {} },
    clock,
    log: recordingLog(),
    onSettled: () => void (settledTimes += 1),
  });
  const goOn = async (): Promise<void> => {
    clock.advance(0);
    await settled();
  };
  const costs = (stalls: number): StallCosts => ({
    stalled: [{ runId: "culprit", stalls }],
    forgiven: [{ runId: "bystander", epoch: 3 }],
  });
  settlement.start();
  settlement.add(costs(1));
  await goOn();
  settlement.add(costs(2));
  answer.resolve();
  await goOn();
  expect(settlement.isSettling).toBe(true);
  expect(settledTimes).toBe(0);
  await goOn();
  expect(sent).toEqual([costs(1), costs(2)]);
  answer.resolve();
  await goOn();
  expect(settlement.isSettling).toBe(false);
  expect(settledTimes).toBe(1);
  await settlement.stop();
});
