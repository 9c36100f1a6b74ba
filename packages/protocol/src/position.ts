/**
 * Where an event stands in its run. A fact is `<seq>-0`; the deltas that follow it are `<seq>-1`, `<seq>-2`, …
 * The same text is the SSE id, the history cursor, the Redis stream id and the Postgres key.
 */
export interface Position {
  readonly seq: number;
  readonly sub: number;
}

/** A position as it travels: `7-2`. */
export type PositionText = `${number}-${number}`;

/** Before the first event of any run: a reader here has seen nothing. */
export const START: Position = { seq: 0, sub: 0 };

/** Nine digits at most: Redis takes 64-bit ids and Postgres integers, and no run comes near either. */
const POSITION = /^(0|[1-9]\d{0,8})-(0|[1-9]\d{0,8})$/;

/** Reads a position, or answers `null` when the text is none. */
export function parsePosition(text: string): Position | null {
  const match = POSITION.exec(text);
  return match === null ? null : { seq: Number(match[1]), sub: Number(match[2]) };
}

/** Writes a position as it travels. */
export function formatPosition(position: Position): PositionText {
  return `${position.seq}-${position.sub}`;
}

/** Negative when `a` stands before `b`, zero when they are one, positive when after. */
export function comparePositions(a: Position, b: Position): number {
  return a.seq - b.seq || a.sub - b.sub;
}

/** Whether `next` is the delta that directly follows `position`. */
export function isDirectSuccessor(position: Position, next: Position): boolean {
  return next.seq === position.seq && next.sub === position.sub + 1;
}
