import { parseFact } from "../../src/core/event-record.ts";
import type { Commit } from "../../src/ports/commit.ts";
import type { TenantStore } from "../../src/ports/tenant-store.ts";

export type StartParams = Parameters<TenantStore["startRun"]>[0];

/** What a commit of a holder does beside its facts, where a death could break something of its own. */
export type CommitMeaning =
  | "a steer"
  | "a sleep"
  | "a waking"
  | "an end by a limit"
  | "a child's start"
  | "a child's end";
/** What a start is, where it is more than a new run. */
export type StartMeaning = "a fork" | "a steer";

/** Returns what this commit means, to be named beside its facts. */
export function meaningsOf({ facts, merges, children, tellsParent }: Commit): readonly CommitMeaning[] {
  const meanings: CommitMeaning[] = [];
  if (merges.length > 0) meanings.push("a steer");
  if (children.length > 0) meanings.push("a child's start");
  if (tellsParent !== null) meanings.push("a child's end");
  for (const fact of facts.map(parseFact)) {
    if (fact.type === "tool.dispatched" && fact.data.sleeps === true) meanings.push("a sleep");
    if (fact.type === "tool.completed" && isWaking(fact.data.result)) meanings.push("a waking");
    if (fact.type === "run.failed" && fact.data.error.code === "limit_exceeded") meanings.push("an end by a limit");
  }
  return meanings;
}

function isWaking(result: unknown): boolean {
  return typeof result === "object" && result !== null && "wokeAt" in result;
}

/** Returns what this start is; null: a run, and nothing else. */
export function meaningOf({ fork, policy }: StartParams): StartMeaning | null {
  if (fork !== undefined && fork !== null) return "a fork";
  return policy === "steer" ? "a steer" : null;
}
