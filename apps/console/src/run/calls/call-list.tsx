import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import { EmptyNote } from "../../elements/empty-note.tsx";
import { StatusLabel } from "../../elements/status-mark.tsx";
import { OVERSCAN_ROWS, ROW_PX } from "../../limits.ts";
import { callStatusWords } from "../../words/status-words.ts";
import { inLine } from "../transcript/transcript-rows.ts";
import { executorOf } from "./executor-of.ts";
import { tookOf } from "./took-of.ts";
import type { RunCalls } from "./use-run-calls.ts";
import styles from "./call-list.module.css";

/** The tool calls of a run: who executed what, and how it went. */
export function CallList(props: {
  readonly known: RunCalls;
  readonly chosen: string | null;
  readonly onShow: (what: { readonly callId: string }) => void;
}) {
  const { known, chosen, onShow } = props;
  const { calls, hasMore } = known;
  const scroller = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({
    count: calls.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN_ROWS,
  });
  if (calls.length === 0) return <EmptyNote title="The model has asked for no tool call" />;
  return (
    <div ref={scroller} className={styles.scroller} tabIndex={0} role="region" aria-label="Tool calls">
      {hasMore && <p className={styles.more}>These are the first {calls.length} calls; the events have all of them.</p>}
      <ul className={styles.rows} style={{ height: list.getTotalSize() }}>
        {list.getVirtualItems().map(({ index, start }) => {
          const call = calls[index];
          if (call === undefined) return null;
          return (
            <li key={call.id} style={{ transform: `translateY(${start}px)` }}>
              <button
                type="button"
                className={`${styles.row} ${call.id === chosen ? styles.chosen : ""}`}
                aria-pressed={call.id === chosen}
                onClick={() => onShow({ callId: call.id })}
              >
                <StatusLabel words={callStatusWords(call.status)} />
                <b>{call.toolName}</b>
                <span>{executorOf(call)}</span>
                <code className={styles.args}>
                  <bdi>{inLine(call.args, 200)}</bdi>
                </code>
                <span className={styles.number}>{tookOf(call)}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
