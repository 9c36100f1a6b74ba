import { formatPosition, parsePosition, type Position } from "@hsafa/protocol";
import { useKeys } from "../frame/keys.ts";
import styles from "./position-bar.module.css";

/**
 * Where in the run's events the page stands. At the right end it follows the run. Left of it, everything on the page is
 * as it was at that position.
 */
export function PositionBar(props: {
  readonly at: Position | null;
  readonly end: number;
  /** Whether the facts up to the position were read. */
  readonly isRead: boolean;
  readonly onMove: (at: Position | null) => void;
}) {
  const { at, end, isRead, onMove } = props;
  const seq = Math.min(at?.seq ?? end, end);
  const move = (to: number): void => onMove(to >= end ? null : { seq: Math.max(1, to), sub: 0 });
  useKeys("Position", [
    { keys: "[", does: "one fact back", run: () => move(seq - 1) },
    { keys: "]", does: "one fact on", run: () => move(seq + 1) },
    { keys: "e", does: "to the end", run: () => onMove(null) },
  ]);
  if (end === 0) return null;
  return (
    <div className={`${styles.bar} ${at === null ? "" : styles.past}`}>
      <button
        type="button"
        title="One fact back"
        aria-label="One fact back"
        disabled={seq <= 1}
        onClick={() => move(seq - 1)}
      >
        ◂
      </button>
      <input
        type="range"
        min={1}
        max={Math.max(end, 1)}
        value={seq}
        aria-label="Position in the run's facts"
        aria-valuetext={`${seq} of ${end}`}
        onChange={({ target }) => move(Number(target.value))}
      />
      <button
        type="button"
        title="One fact on"
        aria-label="One fact on"
        disabled={at === null}
        onClick={() => move(seq + 1)}
      >
        ▸
      </button>
      <p role="status">
        {at === null ? (
          <>
            <code>{end}-0</code> of <code>{end}-0</code>
          </>
        ) : (
          <>
            as of <code>{formatPosition(at)}</code>, the end is <code>{end}-0</code>
            {isRead ? "" : ", still reading"}
          </>
        )}
      </p>
      {at !== null && (
        <button type="button" className={styles.end} onClick={() => onMove(null)}>
          to the end
        </button>
      )}
    </div>
  );
}

/** Reads a position of an address; null: there is none. */
export function positionIn(text: string | undefined): Position | null {
  const position = text === undefined ? null : parsePosition(text);
  return position === null || position.seq < 1 ? null : position;
}
