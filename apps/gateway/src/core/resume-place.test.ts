import { expect, test } from "vitest";
import { parsePlace } from "@hsafa/protocol";
import { type Resumption, resumePlace, type RunStanding } from "./resume-place.ts";

const FIRST = { lastSeq: 9, keptSeq: null, generation: { tag: "", formerTags: [], wasReplaced: false } };
/** The store has gone back: the run stood at 7 when the generation began, and went on to 9. */
const RESTORED = {
  lastSeq: 9,
  keptSeq: 7,
  generation: { tag: "bbbbbbbb", formerTags: ["", "aaaaaaaa"], wasReplaced: false },
};
/** A loss that was noticed late: nothing says how far the histories are alike. */
const NOTICED_LATE = { lastSeq: 9, keptSeq: null, generation: { tag: "bbbbbbbb", formerTags: [], wasReplaced: false } };
/** A standby was promoted. Nothing shows that it lacks anything. */
const REPLACED = { lastSeq: 9, keptSeq: null, generation: { tag: "", formerTags: [], wasReplaced: true } };

const CASES: readonly (readonly [name: string, place: string, run: RunStanding, kind: Resumption["kind"]])[] = [
  ["a position up to the last fact is resumed", "9-4", FIRST, "resume"],
  ["a position above the last fact is none of the run", "10-0", FIRST, "beyond"],
  ["a position above the last fact rewinds where the server was replaced", "10-0", REPLACED, "rewind"],
  ["a position is resumed where the server was replaced", "9-0", REPLACED, "resume"],
  ["a position of the present generation is resumed", "9-0.bbbbbbbb", RESTORED, "resume"],
  ["a position above the last fact is none of the run in any generation", "10-0.bbbbbbbb", RESTORED, "beyond"],
  ["a position that both generations share is resumed", "7-0", RESTORED, "resume"],
  ["a position that both generations share is resumed, also after two losses", "7-3.aaaaaaaa", RESTORED, "resume"],
  [
    "a position after which the histories part rewinds, though the run has that number again",
    "8-0",
    RESTORED,
    "rewind",
  ],
  ["a position of a lost history that the run has not reached again rewinds", "12-0.aaaaaaaa", RESTORED, "rewind"],
  ["a position of a generation that the store never heard of rewinds, however low", "1-0.cccccccc", RESTORED, "rewind"],
  ["a loss that was noticed late rewinds every former position", "1-0", NOTICED_LATE, "rewind"],
  [
    "a run that had ended before the loss, or began after it, has lost nothing",
    "9-0",
    { ...RESTORED, keptSeq: null },
    "resume",
  ],
  ["the start is the start in every generation", "0-0.cccccccc", RESTORED, "resume"],
];

test.each(CASES)("%s", (_name, text, run, kind) => {
  const place = parsePlace(text);
  if (place === null) throw new Error(`${text} is no place`);
  expect(resumePlace(place, run).kind).toBe(kind);
});
