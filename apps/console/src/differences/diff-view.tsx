import { Fragment, useMemo, useState } from "react";
import { DIFF_LINES_SHOWN } from "../limits.ts";
import { count, grouped } from "../words/count.ts";
import { type DiffLine, type DiffRow, foldedDiff, lineDiff } from "./line-diff.ts";
import styles from "./diff-view.module.css";

/** Two texts as one: what is gone, what is new, and a little of what stays. */
export function DiffView(props: {
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** What is compared, for somebody who does not see it. */
  readonly label: string;
}) {
  const { before, after, label } = props;
  const [shown, setShown] = useState(DIFF_LINES_SHOWN);
  const rows = useMemo(() => foldedDiff(lineDiff(before, after)), [before, after]);
  const partners = useMemo(() => partnersIn(rows), [rows]);
  return (
    <div className={styles.diff} role="region" aria-label={label} tabIndex={0}>
      {rows
        .slice(0, shown)
        .map((row, index) =>
          row.kind === "fold" ? (
            <Fold key={index} lines={row.lines} />
          ) : (
            <Line key={index} line={row} other={partners.get(row)?.text ?? null} />
          ),
        )}
      {rows.length > shown && (
        <button type="button" className={styles.fold} onClick={() => setShown(shown + 10 * DIFF_LINES_SHOWN)}>
          {grouped(rows.length - shown)} lines more
        </button>
      )}
    </div>
  );
}

/** How many lines are gone, and how many are new. */
export function DiffCount(props: { readonly before: readonly string[]; readonly after: readonly string[] }) {
  const { before, after } = props;
  const [removed, added] = useMemo(() => {
    const lines = lineDiff(before, after);
    return [lines.filter(({ kind }) => kind === "removed").length, lines.filter(({ kind }) => kind === "added").length];
  }, [before, after]);
  if (removed + added === 0) return "They say the same.";
  return (
    <>
      <span className={styles.gone}>−{grouped(removed)}</span> <span className={styles.new}>+{grouped(added)}</span>{" "}
      {removed + added === 1 ? "line" : "lines"}
    </>
  );
}

function Fold({ lines }: { readonly lines: readonly DiffLine[] }) {
  const [isOpen, setOpen] = useState(false);
  if (isOpen) return lines.map((line, index) => <Line key={index} line={line} other={null} />);
  return (
    <button type="button" className={styles.fold} onClick={() => setOpen(true)}>
      {count(lines.length, "line")} the same
    </button>
  );
}

const SIGNS = { same: " ", removed: "−", added: "+" } as const;

function Line({ line, other }: { readonly line: DiffLine; readonly other: string | null }) {
  const { kind, text } = line;
  return (
    <div className={`${styles.line} ${styles[kind]}`}>
      <span className={styles.sign}>
        <span aria-hidden="true">{SIGNS[kind]}</span>
        {kind !== "same" && <span className="unseen">{kind}: </span>}
      </span>
      <span className={styles.text}>
        <MarkedLine text={text} other={other} />
      </span>
    </div>
  );
}

const WORD = /[\p{L}\p{N}_]/u;

/** A text with what of it differs from another one marked: what stands between their beginning and their end. */
export function MarkedLine({ text, other }: { readonly text: string; readonly other: string | null }) {
  if (other === null) return text;
  let start = 0;
  while (start < text.length && text[start] === other[start]) start += 1;
  let end = 0;
  while (end < Math.min(text.length, other.length) - start && text.at(-1 - end) === other.at(-1 - end)) end += 1;
  // Whole words are marked: neither end of the mark lies within one.
  const cuts = (at: number, of: string): boolean => WORD.test(of[at - 1] ?? "") && WORD.test(of[at] ?? "");
  while (start > 0 && (cuts(start, text) || cuts(start, other))) start -= 1;
  while (end > 0 && (cuts(text.length - end, text) || cuts(other.length - end, other))) end -= 1;
  // Where hardly anything is alike, a mark over all of it says nothing.
  if (start + end < 3 || start + end >= text.length) return text;
  return (
    <Fragment>
      {text.slice(0, start)}
      <mark>{text.slice(start, text.length - end)}</mark>
      {text.slice(text.length - end)}
    </Fragment>
  );
}

/** Where as many lines are new as are gone, each has a partner of which it is another form. */
function partnersIn(rows: readonly DiffRow[]): ReadonlyMap<DiffRow, DiffLine> {
  const partners = new Map<DiffRow, DiffLine>();
  for (let index = 0; index < rows.length; ) {
    const removed = runOf(rows, index, "removed");
    const added = runOf(rows, index + removed.length, "added");
    if (removed.length === added.length) {
      removed.forEach((line, at) => {
        const partner = added[at];
        if (partner === undefined) return;
        partners.set(line, partner);
        partners.set(partner, line);
      });
    }
    index += Math.max(1, removed.length + added.length);
  }
  return partners;
}

function runOf(rows: readonly DiffRow[], from: number, kind: DiffLine["kind"]): DiffLine[] {
  const run: DiffLine[] = [];
  for (let index = from; ; index += 1) {
    const row = rows[index];
    if (row === undefined || row.kind === "fold" || row.kind !== kind) return run;
    run.push(row);
  }
}
