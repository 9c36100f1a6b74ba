import type { JsonValue } from "@hsafa/protocol";
import { canonicalHash } from "../core/canonical-json.ts";
import type { RunStarter, StarterOfRun } from "../ports/run-starter.ts";
import type { Principal } from "./principal.ts";
import { speaksForOperator } from "./reached-subject.ts";

/**
 * Under which name it is recorded what a principal did. The name tells a user from a key, since no subject holds a
 * blank. It tells a token from the key that made it.
 */
export function recordedName({ kind, name, subject }: Pick<Principal, "kind" | "name" | "subject">): string {
  const credential = kind === "token" ? `token of ${name}` : name;
  return subject === undefined ? credential : `${subject} by ${credential}`;
}

/** What a run keeps of who started it. */
export function runStarterOf(principal: Principal): RunStarter {
  const { kind, keyId, subject = null } = principal;
  return { kind, by: recordedName(principal), keyId, subject, likeness: likenessOf(principal) };
}

/**
 * Whether it was this principal who started the run.
 *
 * 1. A user is known by their subject, whatever credential they have. They have started their own runs, also if the
 *    operator's program did so for them, and a run in another user's thread.
 * 2. Tokens for no subject are told by their key and by everything that they name. So a page that gets its token anew
 *    is who it was before.
 * 3. A key for no subject speaks for the operator, who may decide whatever they have started.
 */
export function isRunStarter(principal: Principal, { starter, subject: owner }: StarterOfRun): boolean {
  if (speaksForOperator(principal)) return false; // 3.
  const { subject } = principal;
  if (subject !== undefined) return subject === owner || subject === starter?.subject; // 1.
  return starter?.kind === "token" && starter.subject === null && starter.likeness === likenessOf(principal); // 2.
}

function likenessOf({ kind, keyId, scopes, agents, versions, runId, threadId, deviceKey, ...rest }: Principal): string {
  const { labels, tools, groups } = rest;
  const named = { scopes: scopes.toSorted(), agents, versions, runId, threadId, deviceKey, labels, tools, groups };
  // What is left out has no place in JSON.
  return canonicalHash({ kind, keyId, ...(JSON.parse(JSON.stringify(named)) as Record<string, JsonValue>) });
}
