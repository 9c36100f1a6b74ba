/**
 * Where an event stands in its run. A fact is `<seq>-0`. The deltas that follow it are `<seq>-1`, `<seq>-2` and so on.
 * The same text is the SSE id, the history cursor, the Redis stream id and the Postgres key.
 */
export interface Position {
  /** The number of the last fact up to here; the first fact has 1. */
  readonly seq: number;
  /** The number of the delta since that fact; 0 is the fact itself. */
  readonly sub: number;
}

/** A position as it travels: `7-2`. */
export type PositionText = `${number}-${number}`;

/**
 * A position with the generation of the store that it belongs to. After a restore, runs may go another way from a
 * position than the one that a client saw.
 */
export interface Place {
  readonly position: Position;
  /** Names the generation; the first one's name is empty. */
  readonly generation: string;
}

/** A place as it travels, which is the `id` of an event: `7-2`, and `7-2.1f0c9a3e` in a later generation. */
export type PlaceText = PositionText | `${PositionText}.${string}`;

/** The position before the first event of any run. A reader here has seen nothing. */
export const START: Position = { seq: 0, sub: 0 };

/** At most nine digits each: Redis takes 64-bit ids and Postgres integers, and no run comes near either. */
const POSITION = /^(0|[1-9]\d{0,8})-(0|[1-9]\d{0,8})$/;

const PLACE = /^([\d-]+)(?:\.([0-9a-f]{8}))?$/;

/** Reads a position. Returns `null` if the text is not one. */
export function parsePosition(text: string): Position | null {
  const match = POSITION.exec(text);
  return match === null ? null : { seq: Number(match[1]), sub: Number(match[2]) };
}

/** Writes a position as it travels. */
export function formatPosition(position: Position): PositionText {
  return `${position.seq}-${position.sub}`;
}

/** Reads a place. Returns `null` if the text is not one. */
export function parsePlace(text: string): Place | null {
  const [, positionText = "", generation = ""] = PLACE.exec(text) ?? [];
  const position = parsePosition(positionText);
  return position === null ? null : { position, generation };
}

/** Writes a place as it travels. */
export function formatPlace(position: Position, generation: string): PlaceText {
  return generation === "" ? formatPosition(position) : `${formatPosition(position)}.${generation}`;
}

/** Returns a negative number if `a` stands before `b`, zero if they are equal, and a positive number otherwise. */
export function comparePositions(a: Position, b: Position): number {
  return a.seq - b.seq || a.sub - b.sub;
}
