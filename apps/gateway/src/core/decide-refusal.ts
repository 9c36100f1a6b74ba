/**
 * What follows when a provider refuses a conversation.
 *
 * 1. A request that was accepted is innocent. So is every part of a later one that it had already. After a step of this
 *    run, only what came since can be at fault.
 * 2. Before its first accepted request, a run does not know whether its own input or an earlier run is at fault. So it
 *    asks again: with the text of the earlier runs alone, then without them. What is accepted shows who was at fault.
 * 3. What is refused without any earlier run is refused for itself. The run fails, and its error names the facts. Later
 *    runs leave them out, so no refused message can stop a thread.
 */
import { type Failure, formatPosition, type HistoryForm } from "@hsafa/protocol";
import { ownSteps, type RunBody } from "./run-state.ts";
import type { TranscriptEntry } from "./transcript.ts";

/** What to do about a refusal: ask again with less of the earlier runs, or give up and name what was refused. */
export type RefusalDecision =
  | { readonly kind: "ask_again"; readonly history: HistoryForm }
  | { readonly kind: "give_up"; readonly refused: readonly string[] };

const LESS: Readonly<Record<HistoryForm, HistoryForm | null>> = { full: "text", text: "none", none: null };

/** Decides about a conversation that was refused in the run's present step. `refused`: positions of facts. */
export function decideRefusal(run: RunBody): RefusalDecision {
  const less = ownSteps(run) === 0 && run.historyRunIds.length > 0 ? LESS[run.historyForm] : null; // 1. and 2.
  if (less !== null) return { kind: "ask_again", history: less };
  const suspects = ownSteps(run) === 0 ? run.transcript : sinceAccepted(run.transcript);
  const seqs = new Set(suspects.map((entry) => entry.seq)); // 3.
  return { kind: "give_up", refused: [...seqs].map((seq) => formatPosition({ seq, sub: 0 })) };
}

/** 1. What the model said in its last step was in no request yet. */
function sinceAccepted(transcript: readonly TranscriptEntry[]): readonly TranscriptEntry[] {
  const lastStep = transcript.findLastIndex((entry) => entry.kind === "step");
  return transcript.slice(Math.max(0, lastStep));
}

/** The error of a run whose conversation was refused. */
export function refusedError(error: Failure, refused: readonly string[]): Failure {
  return { ...error, data: { refused: [...refused] } };
}

/** The positions of the facts that a failed run's error names as refused. */
export function refusedPositions(error: Failure): readonly string[] {
  const refused = error.data?.refused;
  return Array.isArray(refused) ? refused.filter((position) => typeof position === "string") : [];
}
