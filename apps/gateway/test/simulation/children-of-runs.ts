import type { AgentConfigInput, JsonObject } from "@hsafa/protocol";
import { canonicalHash } from "../../src/core/canonical-json.ts";
import type { Commit } from "../../src/ports/fleet-store.ts";
import { AGENT_LIMITS, AGENT_NAME } from "./agent.ts";
import { lateMsMax } from "./late-ms-max.ts";
import { EPOCH_MS } from "./machine.ts";
import type { Recorder } from "./recorder.ts";
import { callIdOf, dataOf, type RunHistory } from "./run-history.ts";

/** The tools by which a run starts a child, in a world whose runs do. Of the second the parent does not wait long. */
const DELEGATE = "delegate";
const HASTEN = "hasten";
/** The agents from the top down. The last one has none below it. */
const AGENTS = [AGENT_NAME, "helper", "aide"] as const;

/** The agents of a world whose runs start children: each delegates to the next one. */
export function familyOf(agent: AgentConfigInput): AgentConfigInput[] {
  return AGENTS.map((name, level) => {
    const below = AGENTS[level + 1];
    if (below === undefined) return { ...agent, name };
    const server = { type: "agent" as const, agent: below };
    const tools = [
      ...(agent.tools ?? []),
      { name: DELEGATE, server, timeoutMs: 15_000 },
      { name: HASTEN, server, timeoutMs: 1500, onTimeout: "fail-run" as const },
    ];
    return { ...agent, name, tools };
  });
}

/** What a step of a plan asks for in place of what a gateway and a browser do. */
export function delegatingTools(tools: readonly string[]): readonly string[] {
  return tools.map((name) => (name === "pay" || name === "fetch" ? DELEGATE : name === "tab" ? HASTEN : name));
}

export function isDelegation(toolName: string): boolean {
  return toolName === DELEGATE || toolName === HASTEN;
}

/** The plan of a parent that follows none, since somebody has forked it with other words. */
const NO_PLAN = 9;

/** What a child is told: a plan that no other run follows, whatever its parent's is. */
export function childArguments(plan: number, index: number, nth: number): JsonObject {
  return { input: `plan ${(plan === 0 ? NO_PLAN : plan) * 100 + index * 10 + nth + 1}` };
}

/** The run that started this one; null: a client did. */
function parentOf(recorder: Recorder, { facts }: RunHistory): RunHistory | null {
  const [created] = facts;
  const parent = created === undefined ? undefined : dataOf(created)["parent"];
  return parent === undefined ? null : recorder.history((parent as { runId: string }).runId);
}

/** The run at the top, which a client has started. */
export function rootOf(recorder: Recorder, history: RunHistory): RunHistory {
  const parent = parentOf(recorder, history);
  return parent === null ? history : rootOf(recorder, parent);
}

/** A commit was applied: its children are there, those whose calls it settles are canceled, and the parent is told. */
export function relativesOf(recorder: Recorder, commit: Commit): void {
  const { tenantId, runId, children, calls, tellsParent } = commit;
  for (const { callId, target, settledAt } of calls) {
    const child = target === "server" && settledAt !== null ? recorder.runs.get(callId) : undefined;
    if (child === undefined || child.hasEnded || child.isCanceled || parentOf(recorder, child)?.runId !== runId)
      continue;
    recorder.counts.orphans += 1;
    recorder.enqueued(callId, { kind: "cancel", reason: null });
  }
  for (const child of children) {
    recorder.counts.children += 1;
    recorder.started(child.runId, tenantId, child.facts);
  }
  if (tellsParent === null) return;
  const parent = recorder.history(tellsParent.runId);
  if (parent.hasEnded) return;
  recorder.enqueued(parent.runId, tellsParent.input);
  const { callId, outcome } = tellsParent.input;
  const isSettled = parent.facts.some(
    (fact) => /^tool\.(completed|failed|expired|denied)$/.test(fact.type) && callIdOf(fact) === callId,
  );
  if (!isSettled) recorder.accepted(callId, canonicalHash(outcome as unknown as JsonObject));
}

/**
 * A child is started once, by one dispatch, and its end is told once. One whose call is settled without it does not go
 * on. `healedAt`: when all faults were over, in virtual ms; 0: there were none; null: nothing is said of when it ends.
 */
export function checkChildren(
  recorder: Recorder,
  history: RunHistory,
  { leaseDurationMs, healedAt }: { readonly leaseDurationMs: number; readonly healedAt: number | null },
): void {
  const { runId, facts } = history;
  const fail = (what: string): void => recorder.fail("children", `${runId} ${what}`);
  const started = facts.flatMap((fact) => {
    const child = fact.type === "tool.dispatched" ? dataOf(fact)["child"] : undefined;
    return child === undefined ? [] : [(child as { runId: string }).runId];
  });
  const ended = facts.flatMap((fact) => (fact.type === "child.ended" ? [String(dataOf(fact)["childRunId"])] : []));
  if (new Set(started).size !== started.length) fail(`started a child twice: ${started.join()}`);
  if (new Set(ended).size !== ended.length) fail(`was told twice of the end of a child: ${ended.join()}`);
  for (const fact of facts) {
    if (fact.type !== "child.ended") continue;
    const { childRunId, usage } = dataOf(fact) as { childRunId: string; usage: { totalTokens?: number } };
    const spent = spentBy(recorder.history(childRunId));
    if ((usage.totalTokens ?? 0) !== spent)
      fail(`counts ${usage.totalTokens} tokens of ${childRunId}, which spent ${spent}`);
  }
  for (const childId of started) {
    const child = recorder.runs.get(childId);
    if (child === undefined || parentOf(recorder, child) !== history)
      fail(`says that it started ${childId}, and did not`);
    else checkAfterwards(recorder, history, child, { leaseDurationMs, healedAt });
  }
}

/** Tokens of its own steps, and of the children of whose end it was told. */
function spentBy(history: RunHistory): number {
  const below = history.facts.flatMap((fact) =>
    fact.type === "child.ended" ? [(dataOf(fact)["usage"] as { totalTokens?: number }).totalTokens ?? 0] : [],
  );
  return [...tokensOfSteps(history), ...below].reduce((sum, tokens) => sum + tokens, 0);
}

/** A child ends soon after its call was settled, and a limit of tokens holds for both. */
function checkAfterwards(
  recorder: Recorder,
  parent: RunHistory,
  child: RunHistory,
  { leaseDurationMs, healedAt }: { readonly leaseDurationMs: number; readonly healedAt: number | null },
): void {
  const settled = parent.facts.find(
    (fact) => /^tool\.(completed|failed|expired)$/.test(fact.type) && callIdOf(fact) === child.runId,
  );
  const last = child.facts.at(-1);
  if (settled === undefined || last === undefined || healedAt === null) return;
  const endsBy = Math.max(settled.ts, EPOCH_MS + healedAt);
  const lateMs = last.ts - endsBy;
  if (lateMs > lateMsMax(child, { leaseDurationMs, healedAt }))
    recorder.fail("children", `${child.runId} went on for ${lateMs} ms after its call was settled`);
}

/** What a run and those below it used is within its limit, but for one step of each of them. */
export function checkTree(recorder: Recorder, history: RunHistory): void {
  if (parentOf(recorder, history) !== null) return;
  const tree = new Set([history]);
  // Children stand after their parents, in the order in which they were made.
  for (const run of recorder.runs.values()) {
    const parent = parentOf(recorder, run);
    if (parent !== null && tree.has(parent)) tree.add(run);
  }
  const limit = recorder.limits.get(history.runId)?.tokens ?? AGENT_LIMITS.tokens;
  const steps = [...tree].map(tokensOfSteps);
  const used = steps.flat().reduce((sum, tokens) => sum + tokens, 0);
  const over = steps.reduce((sum, tokens) => sum + Math.max(0, ...tokens), 0);
  if (used > limit + over)
    recorder.fail("limits", `${history.runId} and those below used ${used} tokens of ${limit}, beyond a step of each`);
}

function tokensOfSteps({ facts }: RunHistory): number[] {
  return facts.flatMap((fact) =>
    fact.type === "step.completed" ? [(dataOf(fact)["usage"] as { outputTokens: number }).outputTokens] : [],
  );
}
