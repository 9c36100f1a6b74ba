/**
 * Where a time lies on the axis of a run. Long stretches in which nothing happened are folded. So a run that waits for
 * three days is as legible as one of three seconds.
 */
import { IDLE_FOLDED_AFTER_MS, IDLE_SHARE, ZOOM_MIN } from "../../limits.ts";

/** A stretch of the axis. Times are in ms since the epoch, places from 0 to 1. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly x0: number;
  readonly x1: number;
  readonly isFolded: boolean;
}

/** The axis of a run. */
export interface TimeScale {
  readonly stretches: readonly Stretch[];
  /** Returns the place of a time; 0 before the first and 1 after the last. */
  readonly xOf: (ms: number) => number;
}

/** Makes the axis from the times of all events, in order, up to `now` if the run goes on. */
export function timeScale(times: readonly number[], now?: number): TimeScale {
  const [first = 0] = times;
  const last = Math.max(now ?? times.at(-1) ?? 0, first + 1);
  const spans = spansOf(times, first, last);
  const folded = spans.filter(({ isFolded }) => isFolded).length;
  const busy = spans.reduce((sum, { from, to, isFolded }) => sum + (isFolded ? 0 : to - from), 0);
  // However many stretches are folded, half of the axis is for what happened.
  const idleShare = folded === 0 ? 0 : busy === 0 ? 1 / folded : Math.min(IDLE_SHARE, 0.5 / folded);
  const busyShare = 1 - idleShare * folded;
  let x = 0;
  const stretches = spans.map((span): Stretch => {
    const width = span.isFolded ? idleShare : ((span.to - span.from) / busy) * busyShare;
    const x0 = x;
    x += width;
    return { ...span, x0, x1: x };
  });
  return { stretches, xOf: (ms) => placeOf(stretches, ms) };
}

/** The part of an axis that is seen, from 0 to 1. */
export interface Zoom {
  readonly from: number;
  readonly to: number;
}

/** All of the axis. */
export const NO_ZOOM: Zoom = { from: 0, to: 1 };

/** Returns the axis on which a part of another one takes all of the width. What is outside lies below 0 or above 1. */
export function zoomedScale(scale: TimeScale, { from, to }: Zoom): TimeScale {
  if (from === 0 && to === 1) return scale;
  const place = (x: number): number => (x - from) / (to - from);
  return {
    stretches: scale.stretches
      .map((stretch) => ({ ...stretch, x0: place(stretch.x0), x1: place(stretch.x1) }))
      .filter(({ x0, x1 }) => x1 > 0 && x0 < 1),
    xOf: (ms) => place(scale.xOf(ms)),
  };
}

/** Returns a part around a place that is so many times as wide as another one, and never leaves the axis. */
export function zoomAround({ from, to }: Zoom, place: number, times: number): Zoom {
  const width = Math.min(1, Math.max(ZOOM_MIN, (to - from) * times));
  const share = (place - from) / (to - from);
  return within(place - width * share, width);
}

/** Returns the part that lies further on the axis, by a share of its own width. */
export function zoomMoved({ from, to }: Zoom, share: number): Zoom {
  return within(from + (to - from) * share, to - from);
}

function within(from: number, width: number): Zoom {
  const begin = Math.min(Math.max(0, from), 1 - width);
  return { from: begin, to: begin + width };
}

type Span = Omit<Stretch, "x0" | "x1">;

function spansOf(times: readonly number[], first: number, last: number): Span[] {
  const spans: Span[] = [];
  let from = first;
  let before = first;
  const take = (time: number): void => {
    if (time - before > IDLE_FOLDED_AFTER_MS) {
      if (before > from) spans.push({ from, to: before, isFolded: false });
      spans.push({ from: before, to: time, isFolded: true });
      from = time;
    }
    before = time;
  };
  for (const time of times) take(time);
  take(last);
  if (last > from || spans.length === 0) spans.push({ from, to: last, isFolded: false });
  return spans;
}

function placeOf(stretches: readonly Stretch[], ms: number): number {
  let low = 0;
  let high = stretches.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ms > (stretches[middle]?.to ?? 0)) low = middle + 1;
    else high = middle;
  }
  const stretch = stretches[low];
  if (stretch === undefined) return 0;
  const share = (ms - stretch.from) / Math.max(1, stretch.to - stretch.from);
  return stretch.x0 + Math.max(0, Math.min(1, share)) * (stretch.x1 - stretch.x0);
}
