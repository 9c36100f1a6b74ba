import type { InheritedTurn } from "./inherited-turns.ts";
import type { RunView, ToolPart, ViewMessage } from "./run-view.ts";
import { hasEnded } from "./run-view.ts";

/** A conversation as a user interface shows it: its newest runs, the oldest of them first. */
export interface ThreadView {
  readonly runs: readonly RunView[];
  /**
   * Of a branch: what it has from the threads that it goes on from, the oldest first. Of a thread that is none, and
   * while the branch has runs of its own before these: nothing.
   */
  readonly inherited: readonly InheritedTurn[];
  /** Whether something was said in the thread before this. */
  readonly hasEarlier: boolean;
}

/** The view of a thread in which nothing was said. */
export const EMPTY_THREAD_VIEW: ThreadView = { runs: [], inherited: [], hasEarlier: false };

/** What was said in the thread, the oldest first. What a branch has from another thread comes before its own. */
export function messagesOf(view: ThreadView): readonly ViewMessage[] {
  return [...view.inherited, ...runsWithMessages(view)].flatMap(({ messages }) => messages);
}

/** The runs whose messages are shown: a message that has entered another run is shown there alone. */
export function runsWithMessages({ runs }: ThreadView): readonly RunView[] {
  const merged = new Set(
    runs.flatMap(({ messages }) =>
      messages.flatMap((message) => (message.role === "user" ? (message.mergedRunId ?? []) : [])),
    ),
  );
  return runs.filter(({ runId }) => runId === null || !merged.has(runId));
}

/** The runs that have not ended. */
export function openRuns({ runs }: ThreadView): readonly RunView[] {
  return runs.filter((run) => !hasEnded(run));
}

/** The calls that await an approval, each with its run. */
export function questionsOf(view: ThreadView): readonly { readonly runId: string; readonly call: ToolPart }[] {
  return openRuns(view).flatMap(({ runId, messages }) =>
    messages.flatMap((message) =>
      message.role === "user" || runId === null
        ? []
        : message.parts.flatMap((part) =>
            part.type === "tool" && part.state === "awaiting_approval" ? [{ runId, call: part }] : [],
          ),
    ),
  );
}
