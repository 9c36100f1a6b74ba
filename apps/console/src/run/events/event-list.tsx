import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import tones from "../../elements/status-tones.module.css";
import { ClockTime } from "../../elements/time-text.tsx";
import { useKeys } from "../../frame/keys.ts";
import { OVERSCAN_ROWS, ROW_PX, SEARCHED_AT_ONCE } from "../../limits.ts";
import { count, grouped } from "../../words/count.ts";
import type { RunFeed } from "../record/run-feed.ts";
import { positionOf, type RunRecord } from "../record/run-record.ts";
import { type EventRow, eventRows } from "./event-rows.ts";
import { type EventFilter, FactSearch } from "./fact-search.ts";
import { eventTone, eventWords } from "./event-words.ts";
import styles from "./event-list.module.css";

const TYPES = ["", "run.", "message.", "step.", "tool."] as const;

/** The facts of a run as they are kept, with a search. Those that are not seen are not in the page. */
export function EventList(props: {
  readonly record: RunRecord;
  readonly version: number;
  readonly feed: RunFeed;
  /** The last fact that counts. */
  readonly end: number;
  readonly chosen: number | null;
  readonly text: string;
  readonly type: string;
  /** Whether the list stays at its end while more comes, unless somebody has scrolled away. */
  readonly follows?: boolean;
  readonly onFilter: (filter: { readonly text: string; readonly type: string }) => void;
  readonly onShow: (what: { readonly seq: number }) => void;
}) {
  const { record, version, feed, end, chosen, type, follows = false, onFilter, onShow } = props;
  const [text, setText] = useState(props.text);
  const searched = useDeferredValue(text.toLowerCase());
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const field = useRef<HTMLInputElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const isSearching = searched !== "" || type !== "";
  const found = useFound({ record, version, filter: isSearching ? { text: searched, type } : null });
  const rows = useMemo(
    () => eventRows({ record, found: found?.facts ?? null, opened, end }),
    // The record changes in place; its version tells.
    [record, version, found, opened, end],
  );
  const list = useVirtualizer({
    count: rows.count,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN_ROWS,
    // So that its first frame has the rows that it stays with.
    initialRect: { width: 800, height: 600 },
    initialOffset: () => Math.max(0, (chosen === null ? rows.count : rows.indexOf(chosen)) * ROW_PX - 300),
  });
  const items = list.getVirtualItems();
  const unread = items.map(({ index }) => rows.at(index)).find((row) => row?.kind === "unread")?.seq;
  useEffect(() => {
    if (unread !== undefined) feed.readAround(unread);
  }, [unread, feed]);

  // It opens where the page stands: at the chosen fact, or at the end.
  const hasOpened = useRef(false);
  useEffect(() => {
    if (hasOpened.current || rows.count === 0) return;
    hasOpened.current = true;
    const at = chosen === null ? rows.count - 1 : rows.indexOf(chosen);
    list.scrollToIndex(Math.max(0, at), { align: chosen === null ? "end" : "center" });
  }, [rows, chosen, list]);

  const isAtEnd = useRef(true);
  useEffect(() => {
    if (follows && isAtEnd.current && rows.count > 0) list.scrollToIndex(rows.count - 1, { align: "end" });
  }, [follows, rows.count, list]);

  const choose = (step: number): void => {
    let index = chosen === null ? rows.count - 1 : rows.indexOf(chosen);
    // From a fact that is not among those found, the step is to the one before it or after it.
    if (chosen !== null && (rows.at(index)?.seq === chosen || step > 0)) index += step;
    for (; index >= 0 && index < rows.count; index += step) {
      const row = rows.at(index);
      if (row?.kind !== "fact") continue;
      onShow({ seq: row.seq });
      list.scrollToIndex(index);
      return;
    }
  };
  useKeys("Events", [
    { keys: "j", does: "next event", run: () => choose(1) },
    { keys: "k", does: "event before", run: () => choose(-1) },
    { keys: "/", does: "search the events", run: () => field.current?.focus() },
  ]);

  return (
    <div className={styles.list}>
      <div className={styles.bar}>
        <input
          ref={field}
          type="search"
          aria-label="Search the events"
          placeholder="search"
          value={text}
          onChange={({ target }) => setText(target.value)}
          onBlur={() => onFilter({ text, type })}
          onKeyDown={(event) => event.key === "Escape" && field.current?.blur()}
        />
        <div role="group" aria-label="Type" className={styles.types}>
          {TYPES.map((one) => (
            <button key={one} type="button" aria-pressed={type === one} onClick={() => onFilter({ text, type: one })}>
              {one === "" ? "all" : one.slice(0, -1)}
            </button>
          ))}
        </div>
        <p className={styles.count} role="status">
          {isSearching ? `${grouped(rows.count)} of ` : ""}
          {count(end, "fact")}
          {found !== null && found.isSearching ? `, ${grouped(found.searched)} searched so far` : ""}
          {record.read < record.length ? `, ${grouped(record.read)} read so far` : ""}
        </p>
      </div>
      <div
        ref={scroller}
        className={styles.scroller}
        tabIndex={0}
        role="region"
        aria-label="Events"
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          isAtEnd.current = scrollHeight - scrollTop - clientHeight < ROW_PX * 2;
        }}
      >
        <ol className={styles.rows} style={{ height: list.getTotalSize() }}>
          {items.map(({ index, start }) => {
            const row = rows.at(index);
            if (row === undefined) return null;
            return (
              <li
                key={index}
                style={{ transform: `translateY(${start}px)` }}
                aria-posinset={index + 1}
                aria-setsize={rows.count}
              >
                <Row
                  row={row}
                  isChosen={row.kind === "fact" && row.seq === chosen}
                  onShow={onShow}
                  onOpen={(seq) => {
                    feed.readDeltas(seq);
                    setOpened((before) =>
                      before.has(seq) ? new Set([...before].filter((one) => one !== seq)) : new Set([...before, seq]),
                    );
                  }}
                />
              </li>
            );
          })}
        </ol>
      </div>
    </div>
  );
}

/** What a search has found so far. */
interface Found {
  readonly facts: readonly number[];
  readonly searched: number;
  readonly isSearching: boolean;
}

/** Searches the record a slice at a time, and each fact that comes. Null: nothing is searched for. */
function useFound(params: {
  readonly record: RunRecord;
  readonly version: number;
  readonly filter: EventFilter | null;
}): Found | null {
  const { record, version, filter } = params;
  const { text = "", type = "" } = filter ?? {};
  const search = useMemo(() => new FactSearch(record, { text, type }), [record, text, type]);
  const [slice, setSlice] = useState(0);
  const found = useMemo((): Found | null => {
    if (text === "" && type === "") return null;
    const isSearching = search.goOn(SEARCHED_AT_ONCE);
    return { facts: search.found, searched: search.searched, isSearching };
    // The record changes in place; its version tells.
  }, [search, version, slice, text, type]);
  const hasMore = found?.isSearching === true;
  useEffect(() => {
    if (!hasMore) return undefined;
    const frame = requestAnimationFrame(() => setSlice((before) => before + 1));
    return () => cancelAnimationFrame(frame);
  }, [hasMore, slice, version]);
  return found;
}

function Row(props: {
  readonly row: EventRow;
  readonly isChosen: boolean;
  readonly onShow: (what: { readonly seq: number }) => void;
  readonly onOpen: (seq: number) => void;
}) {
  const { row, isChosen, onShow, onOpen } = props;
  switch (row.kind) {
    case "unread":
      return <div className={`${styles.row} ${styles.faint}`}>{row.seq}-0 is being read…</div>;
    case "delta": {
      const { data } = row.delta;
      const { seq, sub } = positionOf(row.delta);
      return (
        <div className={`${styles.row} ${styles.delta}`}>
          <code>{`${seq}-${sub}`}</code>
          <ClockTime at={row.delta.ts} />
          <code>{row.delta.type}</code>
          <span className={styles.words}>
            <bdi>{"text" in data ? data.text : "callId" in data ? data.callId : ""}</bdi>
          </span>
        </div>
      );
    }
    case "fact": {
      const tone = eventTone(row.fact);
      return (
        <div className={`${styles.row} ${isChosen ? styles.chosen : ""}`}>
          <button
            type="button"
            className={styles.fact}
            aria-pressed={isChosen}
            onClick={() => onShow({ seq: row.seq })}
          >
            <code>{row.seq}-0</code>
            <ClockTime at={row.fact.ts} />
            <code className={tone === null ? "" : `${styles.toned} ${tones[tone]}`}>{row.fact.type}</code>
            <span className={styles.words}>
              <bdi>{eventWords(row.fact)}</bdi>
            </span>
          </button>
          {row.deltas > 0 && (
            <button type="button" className={styles.deltas} aria-expanded={row.isOpen} onClick={() => onOpen(row.seq)}>
              {row.isOpen ? "hide" : "show"} {count(row.deltas, "delta")}
            </button>
          )}
        </div>
      );
    }
    default:
      return row satisfies never;
  }
}
