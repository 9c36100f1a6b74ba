import { expect, test } from "vitest";
import {
  isOpenCallStatus,
  isTerminalStatus,
  isTerminalType,
  OPEN_CALL_STATUSES,
  RUN_STATUSES,
  TERMINAL_RUN_STATUSES,
  type TerminalFactType,
  TOOL_CALL_STATUSES,
} from "../src/index.ts";

test("a run ends by the facts that bear its terminal statuses, and by no other", () => {
  // The compiler checks it: both lists name the same facts.
  const terminal: Record<TerminalFactType, true> = {
    "run.completed": true,
    "run.failed": true,
    "run.canceled": true,
    "run.merged": true,
  } satisfies Record<`run.${(typeof TERMINAL_RUN_STATUSES)[number]}`, true>;
  expect(Object.keys(terminal)).toEqual(TERMINAL_RUN_STATUSES.map((status) => `run.${status}`));
  expect(Object.keys(terminal).filter(isTerminalType)).toEqual(Object.keys(terminal));
});

test.each(["run.started", "step.completed", "text.delta", "tool.progress", "run.unknown", "toString", ""])(
  "an event of type '%s' ends no run",
  (type) => {
    expect(isTerminalType(type)).toBe(false);
  },
);

test("the questions about a status give the answers of the sets, from which SQL is made", () => {
  expect(RUN_STATUSES.filter(isTerminalStatus)).toEqual(TERMINAL_RUN_STATUSES);
  expect(TOOL_CALL_STATUSES.filter(isOpenCallStatus)).toEqual(OPEN_CALL_STATUSES);
});
