/**
 * What a run shows the model of the earlier runs of its thread. The record of those runs stays as it is.
 *
 * 1. A turn that a provider refused is left out. A note stands for it, since later turns may speak of it.
 * 2. Once a version of an agent was accepted with less of some runs, its later runs begin with no more of them.
 * 3. Whatever is left out is returned as well, so that the run's facts say it.
 */
import { type Fact, formatPosition, type HistoryForm, type LeftOut, type Message } from "@hsafa/protocol";
import { plainMessages } from "./plain-messages.ts";
import { refusedPositions } from "./decide-refusal.ts";
import type { ThreadRun } from "./thread-summary.ts";
import { messagesLeftBy, type TranscriptEntry, transcriptOf } from "./transcript.ts";

/** An ended run of the thread. */
export interface PastRun {
  readonly runId: string;
  readonly facts: readonly Fact[];
}

export interface PastConversation {
  /** What is shown of each run. */
  readonly runs: readonly ThreadRun[];
  /** The same as one conversation. */
  readonly messages: readonly Message[];
  readonly leftOut: readonly LeftOut[];
}

const REFUSED_NOTE = "(Something is left out here, since the provider of a model refused it.)";

/**
 * Returns the conversation of these runs, oldest first. `form`: how much of them the present run may show.
 * `versionId`: its version of the agent.
 */
export function pastConversation(
  runs: readonly PastRun[],
  { form, versionId }: { readonly form: HistoryForm; readonly versionId: string | null },
): PastConversation {
  const learnt = learntForms(runs, versionId); // 2.
  const leftOut: LeftOut[] = [];
  const shownRuns = runs.map((run): ThreadRun => {
    const shown = stricter(form, learnt.get(run.runId) ?? "full");
    if (shown !== "full") {
      const what = shown === "none" ? "the whole run" : "everything but the text of the run";
      leftOut.push({ reason: "refused", what, runId: run.runId });
    }
    if (shown === "none") return { ...run, messages: [] };
    const turns = withoutRefused(run, leftOut);
    return { ...run, messages: shown === "text" ? plainMessages(turns) : turns };
  });
  return { runs: shownRuns, messages: shownRuns.flatMap(({ messages }) => messages), leftOut };
}

function withoutRefused(run: PastRun, leftOut: LeftOut[]): Message[] {
  const refused = new Set(
    run.facts.flatMap((fact) => (fact.type === "run.failed" ? refusedPositions(fact.data.error) : [])),
  );
  const transcript = transcriptOf(run.facts);
  const isRefused = (entry: TranscriptEntry | undefined): boolean =>
    entry !== undefined && refused.has(formatPosition({ seq: entry.seq, sub: 0 }));
  return transcript.flatMap((entry, index): Message[] => {
    if (!isRefused(entry)) return messagesLeftBy(entry);
    const what = entry.kind === "step" ? "a step of the model, with its tool calls" : "a message";
    leftOut.push({ reason: "refused", what, runId: run.runId, position: formatPosition({ seq: entry.seq, sub: 0 }) }); // 3.
    return isRefused(transcript[index - 1]) ? [] : [{ role: "user", content: REFUSED_NOTE }]; // 1.
  });
}

/** 2. The form in which an earlier run of this version was accepted with the runs before it. */
function learntForms(runs: readonly PastRun[], versionId: string | null): ReadonlyMap<string, HistoryForm> {
  const learnt = new Map<string, HistoryForm>();
  for (const { facts } of runs) {
    const created = facts.find((fact) => fact.type === "run.created");
    const started = facts.find((fact) => fact.type === "run.started");
    const accepted = acceptedForm(facts);
    if (created?.data.versionId !== versionId || started === undefined || accepted === "full") continue;
    for (const runId of started.data.historyRunIds) learnt.set(runId, stricter(accepted, learnt.get(runId) ?? "full"));
  }
  return learnt;
}

function acceptedForm(facts: readonly Fact[]): HistoryForm {
  let form: HistoryForm = "full";
  for (const fact of facts) {
    if (fact.type === "step.started") form = fact.data.history ?? "full";
    if (fact.type === "step.completed" && fact.data.summary === undefined) return form;
  }
  return "full";
}

function stricter(left: HistoryForm, right: HistoryForm): HistoryForm {
  if (left === "none" || right === "none") return "none";
  return left === "text" || right === "text" ? "text" : "full";
}
