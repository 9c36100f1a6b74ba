import type { Run } from "@hsafa/protocol";
import { Link, useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState } from "react";
import { StatusMark } from "../elements/status-mark.tsx";
import tones from "../elements/status-tones.module.css";
import { TimeText, useNow } from "../elements/time-text.tsx";
import { useKeys } from "../frame/keys.ts";
import { OVERSCAN_ROWS, ROW_PX } from "../limits.ts";
import { dollars, grouped } from "../words/count.ts";
import { duration } from "../words/duration.ts";
import { shortId } from "../words/short-id.ts";
import { runStatusWords } from "../words/status-words.ts";
import type { RunList } from "./use-listed-runs.ts";
import styles from "./run-table.module.css";

/** Runs as rows. Only those that are seen are in the page. */
export function RunTable(props: {
  readonly list: RunList;
  /** The runs that are chosen, to do something with all of them; null: nothing can be done. */
  readonly picked: ReadonlySet<string> | null;
  readonly onPick: (runId: string) => void;
}) {
  const { list, picked, onPick } = props;
  const { shown, hasMore, showMore } = list;
  const scroller = useRef<HTMLDivElement>(null);
  const [chosen, setChosen] = useState(-1);
  const [compared, setCompared] = useState<Run | null>(null);
  const navigate = useNavigate();
  const compare = (run: Run | undefined): void => {
    if (run === undefined) return;
    if (compared === null || compared.id === run.id) setCompared(compared === null ? run : null);
    else void navigate({ to: "/compare", search: { a: compared.id, b: run.id } });
  };
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN_ROWS,
    getItemKey: (index) => shown[index]?.id ?? index,
  });
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= shown.length - OVERSCAN_ROWS) showMore();
  }, [hasMore, last, shown.length, showMore]);

  const choose = (index: number): void => {
    const next = Math.max(0, Math.min(shown.length - 1, index));
    setChosen(next);
    rows.scrollToIndex(next);
    const rowLink = (): HTMLElement | null | undefined =>
      scroller.current?.querySelector<HTMLElement>(`[data-index="${next}"] a`);
    const link = rowLink();
    // A key that follows at once is for this row. One that is far away comes into the page with the next frame.
    if (link) link.focus();
    else requestAnimationFrame(() => rowLink()?.focus());
  };
  const pick = (run: Run | undefined): void => {
    if (run !== undefined && run.completedAt === null) onPick(run.id);
  };
  useKeys("Rows", [
    { keys: "j", does: "next run", run: () => choose(chosen + 1) },
    { keys: "k", does: "run before", run: () => choose(chosen - 1) },
    { keys: "Home", does: "newest run", run: () => choose(0) },
    { keys: "c", does: "compare this run with another one", run: () => compare(shown[chosen]) },
    ...(picked === null ? [] : [{ keys: "x", does: "choose the run, or not", run: () => pick(shown[chosen]) }]),
  ]);

  return (
    <div className={`${styles.table} ${picked === null ? "" : styles.pickable}`}>
      <div className={`${styles.row} ${styles.head}`} aria-hidden="true">
        {picked !== null && <span className={styles.pick} />}
        <span>state</span>
        <span>agent</span>
        <span>run</span>
        <span>last words</span>
        <span className={styles.number}>took</span>
        <span className={styles.number}>tokens</span>
        <span className={styles.number}>started</span>
      </div>
      <div ref={scroller} className={styles.scroller} data-scrolls="">
        <ul style={{ height: rows.getTotalSize() }} className={styles.rows} aria-label="Runs">
          {items.map(({ index, key, start }) => {
            const run = shown[index];
            if (run === undefined) return null;
            return (
              <li
                key={key}
                data-index={index}
                style={{ transform: `translateY(${start}px)` }}
                aria-setsize={hasMore ? -1 : shown.length}
                aria-posinset={index + 1}
              >
                {picked !== null && run.completedAt === null && (
                  <input
                    type="checkbox"
                    className={styles.pick}
                    aria-label={`Choose the run ${run.id}`}
                    checked={picked.has(run.id)}
                    onChange={() => onPick(run.id)}
                  />
                )}
                <RunRow run={run} onFocus={() => setChosen(index)} />
                <button
                  type="button"
                  className={styles.compare}
                  aria-pressed={run.id === compared?.id}
                  // The key does the same for the row that has the focus.
                  tabIndex={-1}
                  onClick={() => compare(run)}
                >
                  compare
                  <span className="unseen"> the run {shortId(run.id)}</span>
                </button>
              </li>
            );
          })}
        </ul>
      </div>
      <p role="status" className={compared === null ? "unseen" : styles.told}>
        {compared === null
          ? ""
          : `${compared.agentName} ${shortId(compared.id)} is compared with the next run that you choose.`}
        {compared !== null && (
          <button type="button" onClick={() => setCompared(null)}>
            Not now
          </button>
        )}
      </p>
    </div>
  );
}

function RunRow({ run, onFocus }: { readonly run: Run; readonly onFocus: () => void }) {
  const { id, agentName, createdAt, usage } = run;
  const words = runStatusWords(run.status);
  const tokens = usage.totalTokens ?? (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0);
  return (
    <Link to="/runs/$runId" params={{ runId: id }} className={styles.row} onFocus={onFocus} preload={false}>
      <span className={`${styles.status} ${tones[words.tone]}`}>
        <StatusMark tone={words.tone} />
        {words.word}
      </span>
      <span className={styles.agent}>{agentName}</span>
      <code title={id}>{shortId(id)}</code>
      <span className={styles.words}>
        <bdi>{lastWords(run)}</bdi>
      </span>
      <span className={styles.number}>
        <Took run={run} />
      </span>
      <span className={styles.number}>
        {tokens === 0 ? "" : grouped(tokens)}
        {usage.costUsd === undefined ? "" : ` ${dollars(usage.costUsd)}`}
      </span>
      <span className={styles.number}>
        <TimeText at={createdAt} />
      </span>
    </Link>
  );
}

function Took({ run }: { readonly run: Run }) {
  const begin = Date.parse(run.createdAt);
  return run.completedAt === null ? <Running since={begin} /> : duration(Date.parse(run.completedAt) - begin);
}

function Running({ since }: { readonly since: number }) {
  return duration(Math.max(0, useNow() - since));
}

/** What tells most about where a run stands, in a line. */
function lastWords({ status, output, error, mergedInto }: Run): string {
  if (error !== null) return `${error.message} [${error.code}]`;
  if (mergedInto !== null) return `entered ${shortId(mergedInto)}`;
  // Its marks are for a page that shows them.
  if (typeof output === "string") return output.slice(0, 300).replaceAll(/[#*`>]+ ?/g, "");
  if (output !== null) return JSON.stringify(output).slice(0, 300);
  return status === "waiting_tool" ? "waits for a tool call" : "";
}
