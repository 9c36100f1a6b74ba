import type { Fact, JsonValue } from "@hsafa/protocol";
import fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { asked, created, fold, newRun, NOW } from "../../test/support/given.ts";
import { callApprovalDigest } from "./call-approval.ts";
import { decide, mayTell } from "./decide.ts";
import type { KnownDevice, RunInput } from "./input.ts";
import { projectCalls } from "./projection.ts";
import { mayTakeCall } from "./recipient.ts";
import type { RunState } from "./run-state.ts";

const inputSchema = { type: "object" };
const config = {
  maxSteps: 3,
  approval: { groups: ["ops"] },
  tools: [
    { name: "wipe", inputSchema, destructive: true, device: { key: "laptop" }, repeatable: true, timeoutMs: 1000 },
    { name: "near", inputSchema, approval: "always" as const, device: { select: "origin" as const } },
    { name: "any", inputSchema, approval: { selfApproval: true }, device: { labels: { room: "1" } }, repeatable: true },
    {
      name: "post",
      inputSchema,
      approval: "always" as const,
      server: { type: "http" as const, url: "https://a.b/{c}" },
    },
    { name: "fn", inputSchema, approval: "always" as const, server: { type: "function" as const } },
    { name: "ask", inputSchema, approval: "always" as const, target: "external" as const },
  ],
};
const toolNames = config.tools.map(({ name }) => name);

/** The devices that may be known under a key, at one time or another. */
const DEVICES: readonly KnownDevice[] = [
  { deviceId: "d-1", owner: "ann", ownerId: "key:1" },
  { deviceId: "d-1", owner: "bob", ownerId: "key:2" },
  { deviceId: "d-2", owner: "ann", ownerId: "key:1" },
  // Another key of the same name, and the first one under another name.
  { deviceId: "d-1", owner: "ann", ownerId: "key:3" },
  { deviceId: "d-1", owner: "ann's laptop", ownerId: "key:1" },
];
const mayBe = fc.option(fc.constantFrom(...DEVICES), { nil: undefined });
const world = fc.record({ laptop: mayBe, tab: mayBe });
type World = typeof world extends fc.Arbitrary<infer W> ? W : never;

const callId = fc.constantFrom("c0-0", "c0-1", "c0-2");
const move = fc.oneof(
  fc.record({ kind: fc.constant("step" as const), calls: fc.array(fc.constantFrom(...toolNames), { maxLength: 3 }) }),
  fc.record({
    kind: fc.constant("decide" as const),
    callId,
    approved: fc.constantFrom(true, true, false),
    digest: fc.constantFrom("right", "right", "none", "of another call"),
  }),
  fc.record({ kind: fc.constant("proceed" as const), world }),
  fc.record({
    kind: fc.constant("told" as const),
    afterMs: fc.constantFrom(0, 2000),
    input: fc.oneof(
      fc.record({ kind: fc.constant("dispatch_lost" as const), callId, attempt: fc.constantFrom(1, 2) }),
      fc.record({
        kind: fc.constant("claimed" as const),
        epoch: fc.nat(),
        lost: fc.boolean(),
        historyRunIds: fc.constant([]),
      }),
      fc.constant<RunInput>({ kind: "message", message: { role: "user", content: "and?" } }),
    ),
  }),
);
/** Each course begins with calls that are asked for. */
const firstStep = fc.record({
  kind: fc.constant("step" as const),
  calls: fc.array(fc.constantFrom(...toolNames), { minLength: 1, maxLength: 3 }),
});
const firstAsking = fc.record({ kind: fc.constant("proceed" as const), world });
type Move = typeof move extends fc.Arbitrary<infer M> ? M : never;

interface Sent {
  readonly fact: Extract<Fact, { type: "tool.dispatched" }>;
  readonly before: readonly Fact[];
  readonly state: RunState;
  /** What is known of devices, if this was decided by `proceed`. */
  readonly world: World | null;
}

/** Plays a run, and returns each dispatch with what came before it. */
function play(moves: readonly Move[]): { readonly sent: readonly Sent[]; readonly facts: readonly Fact[] } {
  let now = NOW;
  let state = newRun(config, "tab");
  const facts: Fact[] = [];
  const sent: Sent[] = [];
  let step = 0;
  const tell = (input: RunInput, known: World | null = null): void => {
    if (!mayTell(state, input)) return;
    for (const fact of decide(state, input, now)) {
      if (fact.type === "tool.dispatched")
        sent.push({ fact, before: [...facts], state: fold([fact], state, now), world: known });
      facts.push(fact);
      state = fold([fact], state, now);
    }
  };
  const proceed = (known: World): void => {
    const devices = Object.fromEntries(
      Object.entries(known).flatMap(([key, one]) => (one === undefined ? [] : [[key, one]])),
    );
    tell({ kind: "proceed", epoch: 1, isRecordFull: false, agents: {}, devices, dispatches: {} }, known);
  };
  state = fold([created, asked("hi")], state, now);
  tell({ kind: "claimed", epoch: 1, lost: false, historyRunIds: [] });
  proceed({ laptop: DEVICES[0], tab: DEVICES[0] });
  for (const one of moves) {
    switch (one.kind) {
      case "step":
        tell({
          kind: "step_finished",
          finishReason: "tool-calls",
          messages: [{ role: "assistant", content: "said" }],
          usage: {},
          calls: one.calls.map((toolName, index) => ({
            callId: `c${step}-${index}`,
            toolName,
            args: { step, index },
            invalid: null,
          })),
        });
        step += 1;
        break;
      case "decide": {
        const own = state.run.calls.get(one.callId)?.approval?.digest;
        const digest = one.digest === "right" ? own : one.digest === "none" ? undefined : "0".repeat(64);
        tell({
          kind: "approval",
          callId: one.callId,
          approved: one.approved,
          reason: null,
          by: "ann",
          ...(digest === undefined ? {} : { digest }),
        });
        break;
      }
      case "proceed":
        proceed(one.world);
        break;
      case "told":
        now += one.afterMs;
        tell(one.input);
        break;
      default:
        one satisfies never;
    }
  }
  return { sent, facts };
}

const requested = (facts: readonly Fact[], id: string) =>
  facts.find((fact) => fact.type === "tool.requested" && fact.data.callId === id)?.data as
    | { toolName: string; args: JsonValue }
    | undefined;

/** Why this dispatch is not what was approved; null: it is. */
function faultOf({ fact, before, state, world: known }: Sent): string | null {
  const { callId: id } = fact.data;
  const askedFor = before.find((one) => one.type === "tool.awaiting_approval" && one.data.callId === id);
  const approved = before.find((one) => one.type === "tool.approved" && one.data.callId === id);
  if (askedFor?.type !== "tool.awaiting_approval" || approved?.type !== "tool.approved") return "it was not approved";
  const { toolName = "", args = null, recipient, digest } = askedFor.data;
  if (recipient === undefined) return "it was asked for without its recipient";
  const call = requested(before, id);
  if (!isDeepStrictEqual({ toolName, args }, { toolName: call?.toolName, args: call?.args }))
    return "other arguments were shown";
  if (digest !== callApprovalDigest({ runId: "r", callId: id, toolName, args, recipient }))
    return "the digest is another";
  if (approved.data.digest !== undefined && approved.data.digest !== digest) return "another call was approved";
  const [row] = projectCalls(state, [fact]);
  if (row === undefined || !isDeepStrictEqual(row.args, args) || row.toolName !== toolName)
    return "the row is another call";
  if (recipient.kind !== "device") return null;
  const device = known?.[recipient.deviceKey as "laptop" | "tab"];
  const isSame = (one: KnownDevice): boolean =>
    one.deviceId === recipient.deviceId && one.ownerId === recipient.ownerId;
  if (known !== null && recipient.deviceId !== null && (device === undefined || !isSame(device)))
    return "it goes to another device";
  // And whichever device asks for it later, on whatever gateway.
  const offer = { platform: null, labels: {}, toolNames, isPooled: true };
  const wrong = ["laptop", "tab"]
    .flatMap((key) => DEVICES.map((one) => ({ ...offer, ...one, key })))
    .find((one) => {
      const isMeant = one.key === recipient.deviceKey && (recipient.deviceId === null || isSame(one));
      return mayTakeCall(one, row) !== isMeant;
    });
  return wrong === undefined ? null : `a device decides otherwise: ${JSON.stringify(wrong)}`;
}

test("whatever happens in whatever order, no call that needs approval goes out with arguments or to a recipient other than those approved", () => {
  let dispatches = 0;
  const found = fc.check(
    fc.property(firstStep, firstAsking, fc.array(move, { minLength: 4, maxLength: 20 }), (step, asking, moves) => {
      const { sent } = play([step, asking, ...moves]);
      dispatches += sent.length;
      return sent.every((one) => faultOf(one) === null);
    }),
    { numRuns: 1500 },
  );
  expect(found.failed ? JSON.stringify(found.counterexample) : null).toBeNull();
  // Or else the courses above would show nothing.
  expect(dispatches).toBeGreaterThan(300);
});
