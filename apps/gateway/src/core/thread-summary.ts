/**
 * Summaries of threads, for agents with `history.overflow: "summarize"`.
 *
 * 1. A summary stands for all runs of the thread up to one. It is a fact of the run that made it, so later runs of the
 *    thread find it. Nothing is summarised twice: a further summary begins with the one before.
 * 2. The newest runs stay as they are, as many as fit into half of the room. So a summary serves for a while.
 */
import type { Fact, Message, ThreadSummary } from "@hsafa/protocol";
import { estimateTokens } from "./estimate-tokens.ts";

/** An earlier run of the thread, with what it left. */
export interface ThreadRun {
  readonly runId: string;
  readonly facts: readonly Fact[];
  readonly messages: readonly Message[];
}

/** Returns the newest summary that these runs made; null: none. */
export function threadSummary(runs: readonly Pick<ThreadRun, "facts">[]): ThreadSummary | null {
  for (const { facts } of runs.toReversed()) {
    const made = facts.findLast((fact) => fact.type === "step.completed" && fact.data.summary !== undefined);
    if (made?.type === "step.completed" && made.data.summary !== undefined) return made.data.summary;
  }
  return null;
}

/** Returns the runs that a summary does not stand for. One that is not among them is older than all of them. */
export function runsAfter<Run extends { readonly runId: string }>(
  runs: readonly Run[],
  summary: ThreadSummary | null,
): readonly Run[] {
  return summary === null ? runs : runs.slice(runs.findIndex(({ runId }) => runId === summary.throughRunId) + 1);
}

/** How a summary is shown to the model. */
export function summaryMessage({ text }: ThreadSummary): Message {
  return { role: "user", content: `(A summary of the conversation so far:)\n\n${text}` };
}

/**
 * Returns the run up to which the thread is to be summarised, so that the rest fits; null: nothing is to be summarised.
 * `runs`: those after the last summary. `tokensMax`: the room for all of them (null: unbounded). `runsMax`: how many
 * may stay.
 */
export function summaryEnd(params: {
  readonly runs: readonly ThreadRun[];
  readonly tokensMax: number | null;
  readonly runsMax: number;
}): string | null {
  const { runs, tokensMax, runsMax } = params;
  let kept = 0;
  let tokens = 0;
  for (const { messages } of runs.toReversed()) {
    tokens += estimateTokens(messages);
    if (kept === runsMax || (tokensMax !== null && tokens > tokensMax / 2)) break; // 2.
    kept += 1;
  }
  return runs.at(-1 - kept)?.runId ?? null;
}

/** The instruction of a step that summarises. */
export const SUMMARY_INSTRUCTION = `Summarise the conversation that follows, for an assistant who will go on with it and will
not see it. Keep every fact, name, number, id, decision, promise and open question. Keep what the user prefers and what
tools returned that may matter later. Write the language of the conversation. Answer with the summary alone.`;

/** What a step that summarises asks: the summary before, if there is one, and then what happened since. */
export function summaryRequest(before: ThreadSummary | null, messages: readonly Message[]): Message {
  const lines = messages.map(({ role, content }) => {
    const said =
      typeof content === "string"
        ? content
        : content.map((part) => ("text" in part ? part.text : JSON.stringify(shownPart(part)))).join("\n");
    return `${role}: ${said}`;
  });
  const earlier = before === null ? [] : [`Summary of what came before:\n${before.text}`];
  return { role: "user", content: [...earlier, ...lines].join("\n\n") };
}

/** Tool calls and results in full; of files only what they are. */
function shownPart(part: { readonly type: string } & object): object {
  switch (part.type) {
    case "tool-call":
    case "tool-result":
      return { ...part, providerOptions: undefined };
    default:
      return { type: part.type };
  }
}
