import { memo, type MouseEvent, type PointerEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { usePaced } from "../../elements/use-paced.ts";
import { useKeys } from "../../frame/keys.ts";
import { DRAG_MIN_PX, LANE_ROWS_MAX, LANES_DRAWN_MS } from "../../limits.ts";
import { count, grouped } from "../../words/count.ts";
import { duration } from "../../words/duration.ts";
import type { Tone } from "../../words/status-words.ts";
import type { RunRecord } from "../record/run-record.ts";
import type { KnownCall, Lane, Mark } from "./lanes.ts";
import { type DrawnBar, mergedBars, stackedBars } from "./merged-bars.ts";
import { NO_ZOOM, type TimeScale, timeScale, zoomAround, zoomedScale, zoomMoved } from "./time-scale.ts";
import { useLanes } from "./use-lanes.ts";
import styles from "./run-lanes.module.css";
import tones from "../../elements/status-tones.module.css";

type Show = (what: { readonly seq: number; readonly callId?: string }) => void;

/** What happened in a run, where and when. A click on something shows it; a stretch that is drawn over is zoomed to. */
export const RunLanes = memo(function RunLanes(props: {
  readonly record: RunRecord;
  /** The facts that are drawn, from one up to another. */
  readonly from: number;
  readonly to: number;
  readonly calls: readonly KnownCall[];
  readonly isOpen: boolean;
  /** The time that the page stands at; null: the end. */
  readonly at: number | null;
  readonly onShow: Show;
}) {
  const { record, from, calls, isOpen, at, onShow } = props;
  const to = usePaced(props.to, isOpen ? LANES_DRAWN_MS : 0);
  const built = useLanes({ record, from, to, calls });
  const { box, width } = useWidth();
  const now = useNowWhile(isOpen);
  const [zoom, setZoom] = useState(NO_ZOOM);
  const whole = useMemo(() => {
    const { times = [] } = built?.lanes ?? {};
    return timeScale(times, isOpen ? Math.max(now, times.at(-1) ?? 0) : undefined);
  }, [built, isOpen, now]);
  const scale = useMemo(() => zoomedScale(whole, zoom), [whole, zoom]);
  const drawn = useMemo(() => {
    let height = 0;
    const placed = (built?.lanes.all() ?? []).map((lane) => {
      const rows = stackedBars(mergedBars(lane.bars, scale, width, now), LANE_ROWS_MAX);
      const y = height;
      const tall = Math.max(1, rows.length) * ROW_PX + LANE_GAP_PX;
      height += tall;
      return { lane, rows, y, tall };
    });
    return { placed, height };
  }, [built, scale, width, now]);
  const middle = at === null ? (zoom.from + zoom.to) / 2 : Math.min(zoom.to, Math.max(zoom.from, whole.xOf(at)));
  const isZoomed = zoom !== NO_ZOOM;
  const zoomBy = (times: number): void => {
    const next = zoomAround(zoom, middle, times);
    setZoom(next.to - next.from >= 1 ? NO_ZOOM : next);
  };
  useKeys("Timeline", [
    { keys: "+", does: "zoom in", run: () => zoomBy(1 / 2) },
    { keys: "-", does: "zoom out", run: () => zoomBy(2) },
    { keys: "0", does: "the whole run", run: () => setZoom(NO_ZOOM) },
    { keys: ",", does: "earlier", run: () => setZoom(zoomMoved(zoom, -1 / 3)) },
    { keys: ".", does: "later", run: () => setZoom(zoomMoved(zoom, 1 / 3)) },
  ]);
  const drag = useDrag((a, b) => {
    const place = (x: number): number => zoom.from + (x / width) * (zoom.to - zoom.from);
    const centre = (place(a) + place(b)) / 2;
    const chosen = zoomAround(zoom, centre, Math.abs(b - a) / width);
    const half = (chosen.to - chosen.from) / 2;
    setZoom(zoomMoved(chosen, (centre - half - chosen.from) / (chosen.to - chosen.from)));
  });
  if (built === null) return null;
  const { placed, height } = drawn;
  const missing = record.length - (built.to - built.from + 1);

  return (
    <section className={styles.lanes} aria-label="Timeline">
      <p className="unseen">{summaryOf(built.lanes.all())}. The events tab has the same as a list.</p>
      <div className={styles.names} aria-hidden="true">
        {placed.map(({ lane: { id, name }, tall }) => (
          <span key={id} title={name} style={{ height: tall }}>
            {name}
          </span>
        ))}
      </div>
      <div ref={box} className={styles.chart} aria-hidden="true" {...drag.handlers}>
        <svg width={width} height={height + AXIS_PX} className={isZoomed ? styles.zoomed : undefined}>
          <Axis scale={scale} start={whole.stretches[0]?.from ?? 0} width={width} height={height} />
          {placed.map((place) => (
            <LaneRow key={place.lane.id} {...place} scale={scale} width={width} now={now} onShow={onShow} />
          ))}
          {at !== null && <path className={styles.at} d={`M${scale.xOf(at) * width} 0V${height}`} />}
          {drag.span !== null && (
            <rect
              className={styles.drag}
              x={Math.min(...drag.span)}
              width={Math.abs(drag.span[1] - drag.span[0])}
              height={height}
            />
          )}
        </svg>
      </div>
      <div className={styles.zoom} role="group" aria-label="Zoom">
        <button type="button" aria-label="Zoom in" title="Zoom in" onClick={() => zoomBy(1 / 2)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" title="Zoom out" disabled={!isZoomed} onClick={() => zoomBy(2)}>
          −
        </button>
      </div>
      {(isZoomed || missing > 0) && (
        <div className={styles.whole}>
          {missing > 0 && (
            <p role="status">
              {count(built.to - built.from + 1, "fact")} of {grouped(record.length)}, the others are being read
            </p>
          )}
          {isZoomed && (
            <button type="button" onClick={() => setZoom(NO_ZOOM)}>
              the whole run
            </button>
          )}
        </div>
      )}
    </section>
  );
});

const [ROW_PX, LANE_GAP_PX, AXIS_PX] = [18, 6, 18] as const;

function LaneRow(props: {
  readonly lane: Lane;
  readonly rows: readonly (readonly DrawnBar[])[];
  readonly y: number;
  readonly tall: number;
  readonly scale: TimeScale;
  readonly width: number;
  readonly now: number;
  readonly onShow: Show;
}) {
  const { lane, rows, y, tall, scale, width, now, onShow } = props;
  return (
    <g transform={`translate(0 ${y})`}>
      <path className={styles.base} d={`M0 ${tall - 0.5}H${width}`} />
      {rows.map((row, index) => (
        <g key={index} transform={`translate(0 ${LANE_GAP_PX / 2 + index * ROW_PX})`}>
          {row.map((bar) => (
            <BarShape key={bar.first.seq} bar={bar} now={now} onShow={onShow} />
          ))}
        </g>
      ))}
      {seenMarks(lane.marks, scale).map(({ at, seq, tone, label }) => (
        <g
          key={seq}
          className={`${styles.mark} ${tones[tone]}`}
          onClick={() => onShow({ seq })}
          transform={`translate(${scale.xOf(at) * width} ${tall / 2})`}
        >
          <path d={markOf(tone)} />
          <title>{label}</title>
        </g>
      ))}
    </g>
  );
}

function BarShape(props: { readonly bar: DrawnBar; readonly now: number; readonly onShow: Show }) {
  const { bar, now, onShow } = props;
  const { x, width, first, bars, tone } = bar;
  const lasted = `${first.label}, ${duration((first.to ?? now) - first.from)}${first.to === null ? " so far" : ""}`;
  return (
    <g
      className={`${styles.bar} ${tones[tone]} ${first.to === null ? styles.lasts : ""}`}
      onClick={() => onShow(first)}
    >
      <rect x={x} y={1.5} width={width} height={ROW_PX - 3} rx={2} />
      {width > 30 && (
        <text x={x + 5} y={ROW_PX / 2 + 4}>
          {fitting(bars > 1 ? `${bars} of these` : first.label, width)}
        </text>
      )}
      <title>{bars > 1 ? `${bars} of these, the first: ${first.label}` : lasted}</title>
    </g>
  );
}

function markOf(tone: Tone): string {
  if (tone === "recovered") return "M0 -6L6 5H-6Z";
  return tone === "failed" ? "M-4 -4L4 4M4 -4L-4 4" : "M0 -5L5 0L0 5L-5 0Z";
}

/** The marks that are in sight. Of thousands, one a pixel is enough. */
function seenMarks(marks: readonly Mark[], scale: TimeScale): readonly Mark[] {
  let last = -1;
  return marks.filter(({ at }) => {
    const x = scale.xOf(at);
    if (x < 0 || x > 1 || (marks.length > 500 && x - last < 0.001)) return false;
    last = x;
    return true;
  });
}

function Axis(props: {
  readonly scale: TimeScale;
  /** When the run began. */
  readonly start: number;
  readonly width: number;
  readonly height: number;
}) {
  const { scale, start, width, height } = props;
  return (
    <g className={styles.axis}>
      {scale.stretches.map(({ from, to, x0, x1, isFolded }) =>
        isFolded ? (
          <g key={from}>
            <rect className={styles.folded} x={x0 * width} width={(x1 - x0) * width} height={height} />
            <text x={((x0 + x1) / 2) * width} y={height + 13} textAnchor="middle">
              {(x1 - x0) * width > 26 ? `+${duration(to - from)}` : "…"}
            </text>
            <title>{`no event for ${duration(to - from)}`}</title>
          </g>
        ) : (
          ticksOf({ from, to, start, width: (x1 - x0) * width, x: x0 * width, seen: width }).map((time) => (
            <g key={time} transform={`translate(${scale.xOf(time) * width} 0)`}>
              <path d={`M0 0V${height + 3}`} />
              <text x={3} y={height + 13}>
                {duration(time - start)}
              </text>
            </g>
          ))
        ),
      )}
    </g>
  );
}

/** Times on a stretch that a person counts by, as many as there is room for in what is seen. */
function ticksOf(stretch: {
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly width: number;
  readonly x: number;
  readonly seen: number;
}): number[] {
  const { from, to, start, width, x, seen } = stretch;
  const most = Math.floor(width / 90);
  if (most < 1) return [];
  const step = STEPS.find((one) => (to - from) / one <= most) ?? 86_400_000;
  const timeAt = (place: number): number => from + ((place - x) / width) * (to - from);
  const first = Math.max(from, timeAt(-90));
  const last = Math.min(to - step / 3, timeAt(seen));
  const ticks: number[] = [];
  for (let time = start + Math.ceil((first - start) / step) * step; time < last; time += step) ticks.push(time);
  return ticks;
}

const STEPS: readonly number[] = [
  10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 300_000, 900_000, 3_600_000,
];

function fitting(label: string, width: number): string {
  const characters = Math.floor((width - 10) / 6.6);
  return label.length <= characters ? label : `${label.slice(0, Math.max(0, characters - 1))}…`;
}

function summaryOf(lanes: readonly Lane[]): string {
  return lanes
    .map(({ name, bars, marks }) => `${name}: ${count(bars.length, "bar")}, ${count(marks.length, "mark")}`)
    .join("; ");
}

function useWidth() {
  const [element, box] = useState<HTMLDivElement | null>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (element === null) return undefined;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return { box, width } as const;
}

/** A stretch that a pointer is drawn over, in pixels from the left. */
function useDrag(onChoose: (from: number, to: number) => void) {
  const [span, setSpan] = useState<readonly [number, number] | null>(null);
  const began = useRef<number | null>(null);
  const xOf = (event: PointerEvent<HTMLDivElement>): number =>
    event.clientX - event.currentTarget.getBoundingClientRect().left;
  return {
    span,
    handlers: {
      onPointerDown(event: PointerEvent<HTMLDivElement>) {
        began.current = event.button === 0 && event.pointerType === "mouse" ? xOf(event) : null;
      },
      onPointerMove(event: PointerEvent<HTMLDivElement>) {
        const from = began.current;
        if (from === null) return;
        const x = xOf(event);
        if (span !== null || Math.abs(x - from) >= DRAG_MIN_PX) setSpan([from, x]);
      },
      onPointerUp() {
        began.current = null;
        if (span === null) return;
        setSpan(null);
        onChoose(...span);
      },
      onPointerLeave() {
        began.current = null;
        setSpan(null);
      },
      // What was drawn over is not clicked on.
      onClickCapture(event: MouseEvent<HTMLDivElement>) {
        if (span !== null) event.stopPropagation();
      },
    },
  };
}

/** The time, which moves while something lasts. */
function useNowWhile(isOpen: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isOpen) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [isOpen]);
  return now;
}
