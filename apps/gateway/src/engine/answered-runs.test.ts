import { expect, test } from "vitest";
import { AnsweredRuns } from "./answered-runs.ts";

/** A store that is never away. */
const STEADY = { hasMissedSince: () => false };

test("an answer to another run since then shows that the store works; one to the run itself does not", () => {
  const answers = new AnsweredRuns(STEADY);
  answers.answered("a", 10);
  expect(answers.wereOthers("b", 5)).toBe(true);
  expect(answers.wereOthers("b", 11)).toBe(false);
  expect(answers.wereOthers("a", 5)).toBe(false);
  answers.answered("b", 12);
  answers.answered("b", 14);
  expect(answers.wereOthers("b", 9)).toBe(true);
  expect(answers.wereOthers("b", 11)).toBe(false);
});

test("the answer to a claim counts only while no other run is refused: a store may answer claims and nothing else", () => {
  const answers = new AnsweredRuns(STEADY);
  answers.claimAnswered(20);
  answers.refused("a");
  expect(answers.wereOthers("a", 15)).toBe(true);
  expect(answers.wereOthers("a", 21)).toBe(false);
  answers.refused("b");
  expect(answers.wereOthers("a", 15)).toBe(false);
  expect(answers.wereOthers("b", 15)).toBe(false);
  answers.answered("b", 22);
  expect(answers.wereOthers("a", 15)).toBe(true);
  answers.refused("b");
  answers.letGo("b");
  answers.claimAnswered(40);
  expect(answers.wereOthers("a", 30)).toBe(true);
});

test("a store that comes and goes shows nothing: a statement may have hung on a connection that fell silent", () => {
  const answers = new AnsweredRuns({ hasMissedSince: (at) => at <= 30 });
  answers.answered("a", 40);
  answers.claimAnswered(40);
  expect(answers.wereOthers("b", 30)).toBe(false);
  expect(answers.wereOthers("b", 31)).toBe(true);
});
