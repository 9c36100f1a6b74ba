import { expect, test } from "vitest";
import { type CommitVerdict, judgeCommit, type RunStanding } from "./judge-commit.ts";
import type { Commit } from "./fleet-store.ts";
import { asTenantId } from "../core/tenant-id.ts";

const ROW: RunStanding = { epoch: 2, lastSeq: 5, inbox: 1, leaseOwner: "g", mergeable: 0 };
const RELEASE = { kind: "release", wakeAt: null } as const;

function commit(overrides: Partial<Commit> = {}): Commit {
  return {
    tenantId: asTenantId("t"),
    runId: "r",
    gatewayId: "g",
    epoch: 2,
    afterSeq: 5,
    facts: [],
    deltas: [],
    run: {
      status: "running",
      steps: 0,
      openStep: null,
      usage: {},
      childrenUsage: {},
      output: null,
      finishReason: null,
      error: null,
      startedAt: null,
      completedAt: null,
    },
    calls: [],
    merges: [],
    children: [],
    tellsParent: null,
    progress: false,
    consumed: [],
    inboxMustBe: null,
    lease: { kind: "keep" },
    ...overrides,
  };
}

const fact = { seq: 6, sub: 0, prev: { seq: 5, sub: 0 }, type: "run.waiting", ts: 0, payload: "{}" } as const;

const CASES: readonly (readonly [name: string, row: RunStanding | null, commit: Commit, verdict: CommitVerdict])[] = [
  ["a commit of the holder is written", ROW, commit({ facts: [fact] }), "fits"],
  ["a commit to a run that is not there is fenced", null, commit(), "fenced"],
  ["a commit of an earlier epoch is fenced", ROW, commit({ epoch: 1 }), "fenced"],
  [
    "a commit after a fact that the row does not have tells that the store is behind",
    ROW,
    commit({ afterSeq: 6 }),
    "store_behind",
  ],
  ["a commit under an epoch that the row has not reached tells the same", ROW, commit({ epoch: 3 }), "store_behind"],
  [
    "a commit under an epoch that was given again, to another gateway, is fenced",
    { ...ROW, leaseOwner: "other" },
    commit({ facts: [fact] }),
    "fenced",
  ],
  ["a commit without the lease is fenced", { ...ROW, leaseOwner: null }, commit({ facts: [fact] }), "fenced"],
  ["a commit that counted other inputs is refused", ROW, commit({ inboxMustBe: 0 }), "inputs_waiting"],
  ["a commit that counted the inputs right is written", ROW, commit({ inboxMustBe: 1 }), "fits"],
  [
    "a second try finds its facts, also after the lease was given back and an input has come",
    { ...ROW, lastSeq: 6, inbox: 3, leaseOwner: null },
    commit({ facts: [fact], inboxMustBe: 1, lease: RELEASE }),
    "written",
  ],
  [
    "a second try without facts finds its lease given back",
    { ...ROW, leaseOwner: null },
    commit({ inboxMustBe: 0, lease: RELEASE }),
    "written",
  ],
  [
    "a second try without facts that keeps the lease is told by the inbox that it was written",
    { ...ROW, inbox: 0 },
    commit({ inboxMustBe: 1, consumed: ["7"] }),
    "inputs_waiting",
  ],
  [
    "another epoch is fenced even where the facts would look written",
    { ...ROW, epoch: 3, lastSeq: 6 },
    commit({ facts: [fact] }),
    "fenced",
  ],
];

test.each(CASES)("%s", (_name, row, given, verdict) => {
  expect(judgeCommit(row, given)).toBe(verdict);
});
