import type { RunView, ToolPart, ViewMessage } from "./run-view.ts";
import { hasEnded } from "./run-view.ts";

/** A conversation as a user interface shows it: its newest runs, the oldest of them first. */
export interface ThreadView {
  readonly runs: readonly RunView[];
  /** Whether the thread has runs before these. */
  readonly hasEarlier: boolean;
}

/** The view of a thread in which nothing was said. */
export const EMPTY_THREAD_VIEW: ThreadView = { runs: [], hasEarlier: false };

/** What was said in the thread, the oldest first. */
export function messagesOf(view: ThreadView): readonly ViewMessage[] {
  return runsWithMessages(view).flatMap(({ messages }) => messages);
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
