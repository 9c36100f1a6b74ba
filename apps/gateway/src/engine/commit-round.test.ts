import { formatPosition } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { asked, begun, finished, given, NOW, proceed } from "../../test/support/given.ts";
import type { EventRecord } from "../core/event-record.ts";
import { mergedEnd } from "../core/merged-end.ts";
import { projectCalls, projectRun } from "../core/projection.ts";
import type { Ring } from "../ports/bell.ts";
import type { Commit } from "../ports/fleet-store.ts";
import { commitRound, type Decision } from "./commit-round.ts";
import { asTenantId } from "../core/tenant-id.ts";

type Outcome = Awaited<ReturnType<Parameters<typeof commitRound>[0]["send"]>>;

const delta: EventRecord = { seq: 4, sub: 2, prev: null, type: "text.delta", ts: NOW, payload: "{}" };

/** A commit whose outcome the test says; `said` tells in which order things happened. */
function world(decided: Pick<Decision, "facts"> & Partial<Decision> = { facts: [asked("more"), asked("and more")] }) {
  const { state } = given(begun);
  const said: string[] = [];
  const sent: Commit[] = [];
  const outcome = Promise.withResolvers<Outcome>();
  const words = (ring: Ring) =>
    ring.about === "device" ? `device ${ring.deviceKey}` : `run ${"runId" in ring ? ring.runId : ""}`;
  const end = commitRound({
    gatewayId: "g",
    claim: { tenantId: asTenantId("t"), runId: "r", epoch: 2 },
    afterSeq: 4,
    decision: {
      at: NOW,
      run: projectRun(state),
      calls: [],
      consumed: ["1"],
      merges: [],
      children: [],
      tellsParent: null,
      inboxMustBe: null,
      release: null,
      ...decided,
    },
    writer: {
      position: { seq: 4, sub: 2 },
      unacknowledged: [delta],
      publish: (records) => void said.push(`publish ${records.map(formatPosition).join(",")}`),
      publishMerged: (merges) => {
        for (const { runId, record } of merges) said.push(`publish ${formatPosition(record)} of ${runId}`);
      },
    },
    send: (commit) => {
      sent.push(commit);
      return outcome.promise;
    },
    bell: {
      ring: (ring) => void said.push(`ring ${words(ring)}`),
      listen: () => () => {},
      close: async () => {},
    },
  });
  return { said, sent, end, outcome };
}

test("R3: facts are shown only after the store has written them, and bells ring last", async () => {
  const { said, end, outcome } = world();
  await new Promise(setImmediate);
  expect(said).toEqual([]);
  outcome.resolve({ kind: "committed", wakes: ["next"] });
  expect(await end).toBe("committed");
  expect(said).toEqual(["publish 5-0,6-0", "ring run next"]);
});

test("the end of a run that was merged is shown after its commit too", async () => {
  const merged = mergedEnd({ runId: "merged", messages: 1, into: "r", now: NOW });
  const { said, end, outcome } = world({ facts: [asked("more")], merges: [merged] });
  await new Promise(setImmediate);
  expect(said).toEqual([]);
  outcome.resolve({ kind: "committed", wakes: [] });
  await end;
  expect(said).toEqual(["publish 5-0", "publish 3-0 of merged"]);
});

test.each(["inputs_waiting", "fenced", "gave_up"] as const)("a commit that ends as %s shows nothing", async (kind) => {
  const { said, end, outcome } = world();
  outcome.resolve({ kind });
  expect(await end).toBe(kind);
  expect(said).toEqual([]);
});

test("R2: facts follow on what was shown before them, whose deltas the commit carries along", async () => {
  const { sent, end, outcome } = world();
  outcome.resolve({ kind: "committed", wakes: [] });
  await end;
  expect(sent).toMatchObject([{ afterSeq: 4, deltas: [delta], lease: { kind: "keep" }, progress: false }]);
  expect(sent[0]?.facts.map(({ seq, prev }) => `${seq} after ${prev === null ? "" : formatPosition(prev)}`)).toEqual([
    "5 after 4-2",
    "6 after 5-0",
  ]);
});

test("devices are rung for calls that go to them, once each, and for no others", async () => {
  const run = given(begun).when(
    finished(["a", "look"], ["b", "look"], ["c", "look_again"], ["d", "ask"], ["e", "pay"]),
    proceed,
  );
  const { said, end, outcome } = world({ facts: run.facts, calls: projectCalls(run.state, run.facts) });
  outcome.resolve({ kind: "committed", wakes: [] });
  await end;
  expect(said.slice(1)).toEqual(["ring device laptop", "ring device null"]);
});
