import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import type { ToolCall } from "@hsafa/protocol";
import { useCallback, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { ToolPart } from "@hsafa/client/view";
import { JsonTree } from "../../elements/json-tree.tsx";
import { StatusLabel, StatusMark } from "../../elements/status-mark.tsx";
import tones from "../../elements/status-tones.module.css";
import { OVERSCAN_ROWS, TEXT_SHOWN_CHARACTERS } from "../../limits.ts";
import { count, grouped } from "../../words/count.ts";
import { shortId } from "../../words/short-id.ts";
import { runStatusWords, type Tone } from "../../words/status-words.ts";
import { executorOf } from "../calls/executor-of.ts";
import { tookOf } from "../calls/took-of.ts";
import { MarkdownText } from "./markdown-text.tsx";
import { inLine, type ShownFile, type TranscriptRow } from "./transcript-rows.ts";
import mark from "./speaking.module.css";
import styles from "./transcript.module.css";

/** What was said and done in a run, as people read it. At the end it stays at the end while more comes. */
export function Transcript(props: {
  readonly rows: readonly TranscriptRow[];
  /** The fact to begin at; null: the end. */
  readonly startAt: number | null;
  /** The facts before those that were read. */
  readonly unread: number;
  readonly calls: readonly ToolCall[];
  readonly onShow: Show;
  /** Goes on in another thread from the end of a run. Only where rows of several runs stand together. */
  readonly onBranch?: (runId: string) => void;
}) {
  const { rows, startAt, unread, calls, onShow, onBranch } = props;
  const known = useMemo(() => new Map(calls.map((call) => [call.id, call])), [calls]);
  const scroller = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const target = startAt === null ? rows.length - 1 : rows.findLastIndex(({ seq }) => seq <= startAt);
  // The list measures all rows anew whenever it is given another function.
  const latest = useRef(rows);
  latest.current = rows;
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: useCallback((index: number) => estimateOf(latest.current[index]), []),
    overscan: OVERSCAN_ROWS / 2,
    // So that its first frame has the rows that it stays with.
    initialRect: { width: 800, height: 600 },
    initialOffset: () => offsetOf(rows, target),
    getItemKey: useCallback((index: number) => latest.current[index]?.key ?? index, []),
  });

  useLayoutEffect(() => {
    if (target < 0) return;
    if (startAt !== null) list.scrollToIndex(target, { align: "center" });
    else if (isAtEnd.current) list.scrollToIndex(target, { align: "end" });
    // The last row grows while the model speaks.
  }, [target, startAt, rows, list]);

  return (
    <div
      ref={scroller}
      className={styles.scroller}
      tabIndex={0}
      role="region"
      aria-label="Transcript"
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < 48;
      }}
    >
      {unread > 0 && <p className={styles.unread}>{count(unread, "earlier fact")} not read yet…</p>}
      <div className={styles.rows} style={{ height: list.getTotalSize() }}>
        {list.getVirtualItems().map(({ index, key, start }) => {
          const row = rows[index];
          if (row === undefined) return null;
          return (
            <div
              key={key}
              ref={list.measureElement}
              data-index={index}
              className={styles.row}
              style={{ transform: `translateY(${start}px)` }}
            >
              <Row row={row} known={known} onShow={onShow} onBranch={onBranch} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** Shows a fact, or a call. `runId`: as its row has it. */
type Show = (what: { readonly seq: number; readonly callId?: string; readonly runId?: string }) => void;

function Row(props: {
  readonly row: TranscriptRow;
  readonly known: ReadonlyMap<string, ToolCall>;
  readonly onShow: Show;
  readonly onBranch: ((runId: string) => void) | undefined;
}) {
  const { row, known, onShow, onBranch } = props;
  switch (row.kind) {
    case "user":
      return (
        <div className={styles.said}>
          <span className={styles.who}>you</span>
          <div className={styles.user} dir="auto">
            <LongText text={row.text} />
            {row.files.map((file, index) => (
              <FileName key={index} file={file} />
            ))}
          </div>
        </div>
      );
    case "text":
      return (
        <div className={styles.said}>
          <span className={styles.who}>{row.leads === true ? "agent" : ""}</span>
          <div>
            {row.text.length > TEXT_SHOWN_CHARACTERS ? (
              <LongText text={row.text} isStreaming={row.isStreaming} />
            ) : (
              <MarkdownText text={row.text} isStreaming={row.isStreaming} />
            )}
            {row.isCut && <p className={styles.meta}>cut here by a cancel</p>}
          </div>
        </div>
      );
    case "reasoning":
      return (
        <div className={styles.said}>
          <span className={styles.who}>{row.leads === true ? "agent" : ""}</span>
          <Reasoning text={row.text} isStreaming={row.isStreaming} />
        </div>
      );
    case "tool":
      return (
        <div className={styles.said}>
          <span className={styles.who}>{row.leads === true ? "agent" : ""}</span>
          <Call
            tool={row.tool}
            known={known.get(row.tool.callId)}
            onShow={(callId) => onShow({ seq: row.seq, callId, runId: row.runId })}
          />
        </div>
      );
    case "provider_tool":
      return (
        <div className={styles.said}>
          <span className={styles.who}>{row.leads === true ? "agent" : ""}</span>
          <p className={styles.meta}>
            <b>{row.tool.toolName}</b>, executed by the model's provider: {row.tool.state}.{" "}
            <code>{inLine(row.tool.args, 160)}</code>
            {row.tool.state === "running" ? "" : <code> → {inLine(row.tool.result, 300)}</code>}
          </p>
        </div>
      );
    case "file":
      return (
        <div className={styles.said}>
          <span className={styles.who} />
          <FileName file={row.file} />
        </div>
      );
    case "note":
      return (
        <div className={styles.said}>
          <span className={styles.who} />
          <button
            type="button"
            className={`${styles.note} ${tones[row.tone]}`}
            onClick={() => onShow({ seq: row.seq, runId: row.runId })}
          >
            <StatusMark tone={row.tone} />
            <span>{row.text}</span>
          </button>
        </div>
      );
    case "turn":
      return <Turn row={row} onBranch={onBranch} />;
    default:
      return row satisfies never;
  }
}

function Turn(props: {
  readonly row: Extract<TranscriptRow, { kind: "turn" }>;
  readonly onBranch: ((runId: string) => void) | undefined;
}) {
  const { row, onBranch } = props;
  const { runId = "", agentName, status, isInherited, hasEnded } = row;
  return (
    <div className={styles.turn}>
      <Link to="/runs/$runId" params={{ runId }}>
        run {shortId(runId)}
      </Link>
      {agentName !== null && <span>{agentName}</span>}
      {isInherited ? <span>of the thread before</span> : <StatusLabel words={runStatusWords(status)} />}
      {hasEnded && onBranch !== undefined && (
        <button type="button" className={styles.fold} onClick={() => onBranch(runId)}>
          branch<span className="unseen"> from the end of the run {shortId(runId)}</span>
        </button>
      )}
    </div>
  );
}

function Reasoning({ text, isStreaming }: { readonly text: string; readonly isStreaming: boolean }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div>
      <button type="button" className={styles.fold} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? "▾" : "▸"} reasoning{isStreaming ? "…" : ""} ({grouped(text.length)} characters)
      </button>
      {isOpen && (
        <div className={styles.reasoning} dir="auto">
          <LongText text={text} isStreaming={isStreaming} />
        </div>
      )}
    </div>
  );
}

function Call(props: {
  readonly tool: ToolPart;
  /** The call as the gateway keeps it; undefined: it was not read yet. */
  readonly known: ToolCall | undefined;
  readonly onShow: (callId: string) => void;
}) {
  const { tool, known, onShow } = props;
  const [isOpen, setOpen] = useState(false);
  const { callId, toolName, args, inputText, progress, result, error, reason, decidedBy } = tool;
  const { word, tone } = stateOf(tool);
  return (
    <div className={styles.call}>
      <div className={styles.head}>
        <button type="button" className={styles.fold} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "▾" : "▸"} <b>{toolName}</b>
        </button>
        <button type="button" className={styles.args} title="Show this call" onClick={() => onShow(callId)}>
          <bdi>{inputText === "" ? inLine(args, 160) : inLine(inputText, 160)}</bdi>
        </button>
        {known !== undefined && <span className={styles.where}>{executorOf(known)}</span>}
        {known !== undefined && isSettled(tool) && <span className={styles.took}>{tookOf(known)}</span>}
        <span className={`${styles.state} ${tones[tone]}`}>
          <StatusMark tone={tone} />
          {word}
        </span>
      </div>
      {progress !== null && <p className={styles.meta}>{inLine(progress, 200)}</p>}
      {error !== null && <p className={`${styles.meta} ${styles.failed}`}>{`${error.message} [${error.code}]`}</p>}
      {decidedBy !== null && (
        <p className={styles.meta}>
          {tool.state === "denied" ? "denied" : "approved"} by {decidedBy}
          {reason === null ? "" : `: ${reason}`}
        </p>
      )}
      {isOpen && (
        <div className={styles.values}>
          <h3>arguments</h3>
          <JsonTree value={args} />
          {tool.state === "completed" && (
            <>
              <h3>result</h3>
              <JsonTree value={result} />
            </>
          )}
        </div>
      )}
    </div>
  );
}

/** Where the page stands. How long a call took is not known before. */
function isSettled({ state }: ToolPart): boolean {
  return state === "completed" || state === "failed" || state === "expired" || state === "denied";
}

function stateOf(tool: ToolPart): { readonly word: string; readonly tone: Tone } {
  switch (tool.state) {
    case "input":
      return { word: "is being written", tone: "running" };
    case "requested":
      return { word: "requested", tone: "queued" };
    case "awaiting_approval":
      return { word: "awaits approval", tone: "waiting" };
    case "approved":
      return { word: "approved", tone: "queued" };
    case "running":
      return { word: "running", tone: "running" };
    case "completed":
      return { word: "completed", tone: "completed" };
    case "failed":
      return {
        word: tool.error?.code === "canceled" ? "canceled" : "failed",
        tone: tool.error?.code === "canceled" ? "canceled" : "failed",
      };
    case "denied":
      return { word: "denied", tone: "canceled" };
    case "expired":
      return { word: "expired", tone: "failed" };
    default:
      return tool.state satisfies never;
  }
}

/** A text that may be very long. What is cut stands at the end, or at the beginning while more comes. */
function LongText({ text, isStreaming = false }: { readonly text: string; readonly isStreaming?: boolean }) {
  const [isWhole, setWhole] = useState(false);
  const isCut = !isWhole && text.length > TEXT_SHOWN_CHARACTERS;
  const more = isCut && (
    <button type="button" className={styles.fold} onClick={() => setWhole(true)}>
      {grouped(text.length - TEXT_SHOWN_CHARACTERS)} characters {isStreaming ? "before" : "more"}
    </button>
  );
  if (isStreaming) {
    return (
      <div className={mark.speaking}>
        {more}
        <p className={styles.plain}>{isCut ? text.slice(-TEXT_SHOWN_CHARACTERS) : text}</p>
      </div>
    );
  }
  return (
    <>
      <p className={styles.plain}>{isCut ? text.slice(0, TEXT_SHOWN_CHARACTERS) : text}</p>
      {more}
    </>
  );
}

function FileName({ file }: { readonly file: ShownFile }) {
  return (
    <p className={styles.meta}>
      file: {file.name ?? "without a name"} ({file.mediaType})
    </p>
  );
}

/** A first guess of where a row stands in the middle of what is seen, in pixels. */
function offsetOf(rows: readonly TranscriptRow[], target: number): number {
  let offset = 0;
  for (let index = 0; index < target; index += 1) offset += estimateOf(rows[index]);
  return Math.max(0, offset - 300);
}

/** A first guess of a row's height, in pixels. The row is measured when it is there. */
function estimateOf(row: TranscriptRow | undefined): number {
  if (row === undefined) return 0;
  if (row.kind === "tool" || row.kind === "note" || row.kind === "reasoning" || row.kind === "file") return 36;
  if (row.kind === "provider_tool" || row.kind === "turn") return 36;
  const lines = Math.ceil(row.text.length / 80) + row.text.split("\n", 200).length;
  return 16 + Math.min(lines, 2000) * 20;
}
