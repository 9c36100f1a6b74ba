/**
 * What differs between two texts, line by line, with the fewest changes (Myers). It is pure. Beyond `DIFF_EDITS_MAX`
 * changes it looks no longer, and shows the rest as replaced.
 */
import { DIFF_CONTEXT_LINES, DIFF_EDITS_MAX } from "../limits.ts";

/** A line of two texts. `before`, `after`: its number in each, from 1; null: it is not there. */
export interface DiffLine {
  readonly kind: "same" | "removed" | "added";
  readonly text: string;
  readonly before: number | null;
  readonly after: number | null;
}

/** A line, or a stretch of lines that are the same in both and of no use here. */
export type DiffRow = DiffLine | { readonly kind: "fold"; readonly lines: readonly DiffLine[] };

/** Compares two lists of lines. */
export function lineDiff(before: readonly string[], after: readonly string[]): DiffLine[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let [endBefore, endAfter] = [before.length, after.length];
  while (endBefore > start && endAfter > start && before[endBefore - 1] === after[endAfter - 1]) {
    endBefore -= 1;
    endAfter -= 1;
  }
  const kept = editScript(before.slice(start, endBefore), after.slice(start, endAfter));
  const lines: DiffLine[] = [];
  let [b, a] = [0, 0];
  const same = (): void => {
    lines.push({ kind: "same", text: before[b] ?? "", before: b + 1, after: a + 1 });
    b += 1;
    a += 1;
  };
  const upTo = (toBefore: number, toAfter: number): void => {
    for (; b < toBefore; b += 1) lines.push({ kind: "removed", text: before[b] ?? "", before: b + 1, after: null });
    for (; a < toAfter; a += 1) lines.push({ kind: "added", text: after[a] ?? "", before: null, after: a + 1 });
  };
  for (let line = 0; line < start; line += 1) same();
  for (const [x, y] of kept) {
    upTo(start + x, start + y);
    same();
  }
  upTo(endBefore, endAfter);
  for (let line = endBefore; line < before.length; line += 1) same();
  return lines;
}

/** Folds what is the same and far from every change. */
export function foldedDiff(lines: readonly DiffLine[]): DiffRow[] {
  const near = new Set<number>();
  lines.forEach(({ kind }, index) => {
    if (kind === "same") return;
    for (let by = -DIFF_CONTEXT_LINES; by <= DIFF_CONTEXT_LINES; by += 1) near.add(index + by);
  });
  const rows: DiffRow[] = [];
  for (let index = 0; index < lines.length; ) {
    const line = lines[index];
    let end = index;
    while (end < lines.length && !near.has(end)) end += 1;
    // One line is as short as the word that it is left out.
    if (end - index > 1) rows.push({ kind: "fold", lines: lines.slice(index, end) });
    else if (line !== undefined) rows.push(line);
    index = Math.max(end, index + 1);
  }
  return rows;
}

/** The pairs of lines that stay, in order: the longest common list, unless it takes too many changes to find. */
function editScript(before: readonly string[], after: readonly string[]): (readonly [number, number])[] {
  const [n, m] = [before.length, after.length];
  if (n === 0 || m === 0) return [];
  const offset = DIFF_EDITS_MAX + 1;
  const reach = new Int32Array(2 * offset + 1);
  const trace: Int32Array[] = [];
  for (let edits = 0; edits <= Math.min(n + m, DIFF_EDITS_MAX); edits += 1) {
    trace.push(reach.slice(offset - edits - 1, offset + edits + 2));
    for (let k = -edits; k <= edits; k += 2) {
      const [left, right] = [reach[offset + k - 1] ?? 0, reach[offset + k + 1] ?? 0];
      let x = k === -edits || (k !== edits && left < right) ? right : left + 1;
      while (x < n && x - k < m && before[x] === after[x - k]) x += 1;
      reach[offset + k] = x;
      if (x >= n && x - k >= m) return backtracked(trace, n, m);
    }
  }
  return [];
}

/** Walks from the end to the beginning. `trace[d]`: how far each diagonal from -d-1 to d+1 reached before d changes. */
function backtracked(trace: readonly Int32Array[], n: number, m: number): (readonly [number, number])[] {
  const kept: (readonly [number, number])[] = [];
  let [x, y] = [n, m];
  for (let edits = trace.length - 1; edits >= 0; edits -= 1) {
    const reach = trace[edits];
    const at = (diagonal: number): number => reach?.[diagonal + edits + 1] ?? 0;
    const k = x - y;
    const isDown = k === -edits || (k !== edits && at(k - 1) < at(k + 1));
    const from = edits === 0 ? 0 : isDown ? at(k + 1) : at(k - 1);
    const fromY = edits === 0 ? 0 : from - (isDown ? k + 1 : k - 1);
    while (x > from && y > fromY && x > 0 && y > 0) {
      if (edits > 0 && x === (isDown ? from : from + 1) && y === (isDown ? fromY + 1 : fromY)) break;
      x -= 1;
      y -= 1;
      kept.push([x, y]);
    }
    [x, y] = [from, fromY];
  }
  return kept.toReversed();
}
