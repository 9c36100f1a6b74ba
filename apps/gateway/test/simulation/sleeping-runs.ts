import type { JsonObject } from "@hsafa/protocol";
import { EPOCH_MS } from "./machine.ts";
import { lateMsMax } from "./late-ms-max.ts";
import { NAP } from "./nap.ts";
import { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import { callIdOf, dataOf, type RunHistory } from "./run-history.ts";

const YEAR_MS = 365 * 24 * 3600 * 1000;
/** A sleep that lasts for longer than this is slept while no gateway lives. */
const LONG_MS = 60_000;

/** What a step of a plan asks for in place of calls that somebody outside answers, in a world whose runs sleep. */
export function sleepyTools(tools: readonly string[]): readonly string[] {
  return tools.map((name) => (name === "ask" || name === "hurry" ? NAP : name));
}

/** How a model asks for a sleep: for moments, for a year, until a time that may be past, or wrongly. */
export function napArguments(seed: number): JsonObject {
  const random = new Random(seed);
  const durationMs = random.pick([1, 300, 300, 4000, 4000, 20_000, YEAR_MS, YEAR_MS + 1]);
  const untilISO = new Date(EPOCH_MS + random.whole(0, 30_000)).toISOString();
  return random.pick<JsonObject>([
    { durationMs },
    { durationMs },
    { durationMs },
    { untilISO },
    { durationMs, untilISO },
  ]);
}

/** When a run wakes that does nothing but sleep for long, in ms of the database; null: it does something else. */
export function wakesLateAt({ facts }: RunHistory, now: number): number | null {
  const open = new Map<string, number | null>();
  for (const fact of facts) {
    if (fact.type === "tool.requested") open.set(callIdOf(fact), null);
    if (fact.type === "tool.dispatched") {
      const { sleeps, deadline } = dataOf(fact) as { sleeps?: true; deadline: string | null };
      open.set(callIdOf(fact), sleeps === true && deadline !== null ? Date.parse(deadline) : null);
    }
    if (/^tool\.(completed|failed|expired|denied)$/.test(fact.type)) open.delete(callIdOf(fact));
  }
  const wakes = [...open.values()];
  const at = Math.min(...wakes.map((wake) => wake ?? 0));
  return wakes.length > 0 && at > now + LONG_MS ? at : null;
}

/**
 * A sleep ends once, never before its time, and soon after it or after the last gateway came back. `healedAt`: when all
 * faults were over, in virtual ms; 0: there were none; null: nothing is said of when it ends.
 */
export function checkSleeps(
  recorder: Recorder,
  { runId, facts, losses }: RunHistory,
  { leaseDurationMs, healedAt }: { readonly leaseDurationMs: number; readonly healedAt: number | null },
): void {
  const fail = (what: string): void => recorder.fail("sleep", `${runId} ${what}`);
  for (const fact of facts) {
    if (fact.type !== "tool.requested" || dataOf(fact)["toolName"] !== NAP) continue;
    const callId = callIdOf(fact);
    const later = facts.filter(
      (other) => other.seq > fact.seq && "callId" in dataOf(other) && callIdOf(other) === callId,
    );
    const sent = later.filter(({ type }) => type === "tool.dispatched");
    const settled = later.find(({ type }) => type === "tool.completed" || type === "tool.failed");
    const [first] = sent;
    if (first === undefined) continue;
    const { sleeps, deadline } = dataOf(first) as { sleeps?: true; deadline: string };
    if (sleeps !== true || sent.length > 1) fail(`did not sleep, but sent ${callId} ${sent.length} times`);
    if (settled?.type !== "tool.completed") continue;
    recorder.counts.sleeps += 1;
    const until = Date.parse(deadline);
    if (settled.ts < until) fail(`woke ${until - settled.ts} ms too early`);
    const { result } = dataOf(settled) as { result: { wokeAt?: string } };
    if (result.wokeAt === undefined || Date.parse(result.wokeAt) !== settled.ts)
      fail(`says that it woke at ${result.wokeAt}`);
    const wakesBy = Math.max(until, EPOCH_MS + (healedAt ?? Number.POSITIVE_INFINITY));
    const lateMs = settled.ts - wakesBy;
    if (lateMs > lateMsMax({ losses }, { leaseDurationMs, healedAt })) fail(`woke ${lateMs} ms too late`);
  }
}
