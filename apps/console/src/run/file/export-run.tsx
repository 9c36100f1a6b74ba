import type { Client } from "@hsafa/client";
import type { Run, RunEvent, ToolCall } from "@hsafa/protocol";
import { useRef, useState } from "react";
import { useAct } from "../../actions/use-act.ts";
import { CALLS_PAGE_ITEMS, EXPORT_DELTAS_MAX, FACTS_PAGE_ITEMS } from "../../limits.ts";
import { useSignedIn } from "../../session/session-gate.tsx";
import { count } from "../../words/count.ts";
import { isDelta, type RunFile, runFileOf } from "./run-file.ts";
import styles from "../../actions/actions.module.css";

/** Saves a run as one file, which the console opens without a gateway. */
export function ExportRun({ run }: { readonly run: Run }) {
  const { client } = useSignedIn();
  const { act, isActing, fault } = useAct();
  const [read, setRead] = useState(0);
  const stop = useRef<AbortController>(null);

  async function save(): Promise<void> {
    const controller = new AbortController();
    stop.current = controller;
    setRead(0);
    await act(async () => {
      try {
        const file = await readWholeRun(client, run.id, controller.signal, setRead);
        download(`run-${run.agentName}-${run.id.slice(-6)}.json`, file);
      } catch (error) {
        // Who stops it knows.
        if (!controller.signal.aborted) throw error;
      }
    });
    stop.current = null;
  }

  return (
    <>
      <button
        type="button"
        className={styles.button}
        title="Save the run with all of its events as one file, which /open shows without a gateway"
        onClick={() => (isActing ? stop.current?.abort() : void save())}
      >
        {isActing ? `Stop: ${count(read, "event")} read` : "Export"}
      </button>
      {fault !== null && (
        <p role="alert" className={styles.fault}>
          {fault}
        </p>
      )}
    </>
  );
}

async function readWholeRun(
  client: Client,
  runId: string,
  signal: AbortSignal,
  onRead: (events: number) => void,
): Promise<RunFile> {
  const events: RunEvent[] = [];
  let [deltas, deltasLeftOut] = [0, 0];
  for (let cursor: string | undefined; ; ) {
    const page = await client.runs.events(runId, { limit: FACTS_PAGE_ITEMS, cursor }, { signal });
    for (const event of page.data) {
      if (isDelta(event) && (deltas += 1) > EXPORT_DELTAS_MAX) deltasLeftOut += 1;
      else events.push(event);
    }
    onRead(events.length + deltasLeftOut);
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  const calls: ToolCall[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await client.runs.toolCalls(runId, { limit: CALLS_PAGE_ITEMS, cursor }, { signal });
    calls.push(...page.data);
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  // It is read last, so that it says no less than the events do.
  const run = await client.runs.get(runId, { signal });
  return runFileOf({ exportedAt: new Date().toISOString(), run, calls, events, deltasLeftOut });
}

function download(name: string, file: RunFile): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(file)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
