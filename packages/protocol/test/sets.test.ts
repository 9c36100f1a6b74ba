import { expect, test } from "vitest";
import {
  isOpenCallStatus,
  isTerminalStatus,
  isTerminalType,
  OPEN_CALL_STATUSES,
  RUN_STATUSES,
  TERMINAL_FACT_TYPES,
  TERMINAL_RUN_STATUSES,
  TOOL_CALL_STATUSES,
} from "../src/index.ts";

test("a run ends by the facts that bear its terminal statuses, and by no other", () => {
  expect(TERMINAL_FACT_TYPES).toEqual(TERMINAL_RUN_STATUSES.map((status) => `run.${status}`));
  expect(isTerminalType("run.completed")).toBe(true);
  expect(isTerminalType("step.completed")).toBe(false);
});

test("the questions about a status give the answers of the sets, from which SQL is made", () => {
  expect(RUN_STATUSES.filter(isTerminalStatus)).toEqual(TERMINAL_RUN_STATUSES);
  expect(TOOL_CALL_STATUSES.filter(isOpenCallStatus)).toEqual(OPEN_CALL_STATUSES);
});
