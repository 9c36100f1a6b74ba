import { useMemo, useState, useSyncExternalStore } from "react";
import { DIFF_LINES_SHOWN } from "../limits.ts";
import { count, grouped } from "../words/count.ts";
import { DiffView, MarkedLine } from "./diff-view.tsx";
import { type DiffLine, foldedDiff, lineDiff } from "./line-diff.ts";
import styles from "./side-by-side.module.css";

/** A line of each text, beside each other; null: there is none. */
type SideRow =
  | { readonly kind: "lines"; readonly left: DiffLine | null; readonly right: DiffLine | null }
  | { readonly kind: "fold"; readonly lines: readonly DiffLine[] };

/** Two texts beside each other. Where there is no room for that, they stand as one. */
export function SideBySide(props: {
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly label: string;
}) {
  const { before, after, label } = props;
  const isWide = useSyncExternalStore(subscribe, () => matchMedia(WIDE).matches);
  const [shown, setShown] = useState(DIFF_LINES_SHOWN);
  const rows = useMemo(() => sideRows(before, after), [before, after]);
  if (!isWide) return <DiffView before={before} after={after} label={label} />;
  return (
    <div className={styles.sides} role="region" aria-label={label} tabIndex={0}>
      {rows
        .slice(0, shown)
        .map((row, index) =>
          row.kind === "fold" ? <Fold key={index} lines={row.lines} /> : <Line key={index} {...row} />,
        )}
      {rows.length > shown && (
        <button type="button" className={styles.fold} onClick={() => setShown(shown + 10 * DIFF_LINES_SHOWN)}>
          {grouped(rows.length - shown)} lines more
        </button>
      )}
    </div>
  );
}

function Fold({ lines }: { readonly lines: readonly DiffLine[] }) {
  const [isOpen, setOpen] = useState(false);
  if (isOpen) return lines.map((line, index) => <Line key={index} left={line} right={line} />);
  return (
    <button type="button" className={styles.fold} onClick={() => setOpen(true)}>
      {count(lines.length, "line")} the same
    </button>
  );
}

function Line({ left, right }: { readonly left: DiffLine | null; readonly right: DiffLine | null }) {
  return (
    <div className={styles.line}>
      <Side line={left} other={right} />
      <Side line={right} other={left} />
    </div>
  );
}

function Side({ line, other }: { readonly line: DiffLine | null; readonly other: DiffLine | null }) {
  if (line === null) return <span className={styles.none} />;
  return (
    <span className={`${styles.side} ${styles[line.kind]}`}>
      {line.kind !== "same" && <span className="unseen">{line.kind}: </span>}
      <MarkedLine text={line.text} other={line.kind === "same" ? null : (other?.text ?? null)} />
    </span>
  );
}

/** Lines that are gone stand beside those that are new in their place. */
function sideRows(before: readonly string[], after: readonly string[]): SideRow[] {
  const rows: SideRow[] = [];
  let [removed, added]: [DiffLine[], DiffLine[]] = [[], []];
  const flush = (): void => {
    for (let index = 0; index < Math.max(removed.length, added.length); index += 1) {
      rows.push({ kind: "lines", left: removed[index] ?? null, right: added[index] ?? null });
    }
    [removed, added] = [[], []];
  };
  for (const row of foldedDiff(lineDiff(before, after))) {
    if (row.kind === "removed") removed.push(row);
    else if (row.kind === "added") added.push(row);
    else {
      flush();
      rows.push(row.kind === "fold" ? row : { kind: "lines", left: row, right: row });
    }
  }
  flush();
  return rows;
}

const WIDE = "(min-width: 900px)";

function subscribe(notify: () => void): () => void {
  const media = matchMedia(WIDE);
  media.addEventListener("change", notify);
  return () => media.removeEventListener("change", notify);
}
