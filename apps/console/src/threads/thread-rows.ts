/** A conversation as rows: the turn of each run, and what was said in it. It is pure. */
import type { Run } from "@hsafa/protocol";
import { EMPTY_RUN_VIEW, hasEnded, type RunView, runsWithMessages, type ThreadView } from "@hsafa/client/view";
import { type TranscriptRow, transcriptRows } from "../run/transcript/transcript-rows.ts";

/** Makes the rows of a thread. `runs`: its runs as a list has them. */
export function threadRows(view: ThreadView, runs: ReadonlyMap<string, Run>): TranscriptRow[] {
  const inherited = view.inherited.flatMap(({ runId, messages }) =>
    rowsOf({ ...EMPTY_RUN_VIEW, runId, status: "completed", messages }, undefined, true),
  );
  return [...inherited, ...runsWithMessages(view).flatMap((run) => rowsOf(run, runs.get(run.runId ?? ""), false))];
}

function rowsOf(view: RunView, run: Run | undefined, isInherited: boolean): TranscriptRow[] {
  const runId = view.runId ?? "";
  const of = { seq: 1, runId };
  const turn: TranscriptRow = {
    ...of,
    key: `${runId} turn`,
    kind: "turn",
    agentName: run?.agentName ?? null,
    status: view.status,
    isInherited,
    hasEnded: isInherited || hasEnded(view),
  };
  const said = transcriptRows(view, []).map((row) => ({ ...row, key: `${runId} ${row.key}`, runId }));
  return [turn, ...said, ...endOf(view).map((row) => ({ ...row, ...of, key: `${runId} end` }))];
}

function endOf({
  error,
  cancelReason,
}: RunView): { readonly kind: "note"; readonly tone: "failed" | "canceled"; readonly text: string }[] {
  if (error !== null)
    return [{ kind: "note", tone: "failed", text: `The run failed: ${error.message} [${error.code}]` }];
  if (cancelReason !== null) return [{ kind: "note", tone: "canceled", text: `The run was canceled: ${cancelReason}` }];
  return [];
}
