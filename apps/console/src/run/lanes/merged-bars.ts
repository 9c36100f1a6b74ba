import type { Bar } from "./lanes.ts";
import type { TimeScale } from "./time-scale.ts";

/** A bar as it is drawn, in pixels. `bars`: how many it stands for. */
export interface DrawnBar {
  readonly x: number;
  readonly width: number;
  readonly first: Bar;
  readonly bars: number;
  /** Of several, the gravest. */
  readonly tone: Bar["tone"];
}

const GRAVITY: readonly Bar["tone"][] = [
  "failed",
  "recovered",
  "waiting",
  "canceled",
  "running",
  "queued",
  "completed",
];

/** Returns what is drawn of the bars of a lane. Those that share a pixel are one, which says how many it stands for. */
export function mergedBars(bars: readonly Bar[], scale: TimeScale, width: number, now: number): DrawnBar[] {
  const drawn: DrawnBar[] = [];
  for (const bar of bars) {
    const [from, to] = [scale.xOf(bar.from) * width, scale.xOf(bar.to ?? now) * width];
    if (to < 0 || from > width) continue;
    // Of a bar that lasts beyond what is seen, the name stands where it can be read.
    const [x, end] = [Math.max(0, from), Math.min(width, to)];
    const last = drawn.at(-1);
    const isNarrow = end - x < 2;
    if (last !== undefined && isNarrow && last.width <= 3 && x - (last.x + last.width) < 1) {
      const tone = GRAVITY.indexOf(bar.tone) < GRAVITY.indexOf(last.tone) ? bar.tone : last.tone;
      drawn[drawn.length - 1] = { ...last, width: Math.max(last.width, end - last.x), bars: last.bars + 1, tone };
    } else {
      drawn.push({ x, width: Math.max(2, end - x), first: bar, bars: 1, tone: bar.tone });
    }
  }
  return drawn;
}

/** Puts bars of one lane that overlap into rows of their own, as many as `rowsMax`. Beyond that they share the last. */
export function stackedBars(drawn: readonly DrawnBar[], rowsMax: number): DrawnBar[][] {
  const rows: DrawnBar[][] = [];
  for (const bar of drawn) {
    const free = rows.find((row) => {
      const last = row.at(-1);
      return last === undefined || last.x + last.width <= bar.x + 0.5;
    });
    if (free !== undefined) free.push(bar);
    else if (rows.length < rowsMax) rows.push([bar]);
    else rows.at(-1)?.push(bar);
  }
  return rows;
}
