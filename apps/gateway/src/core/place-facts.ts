import type { Fact, Position } from "@hsafa/protocol";
import type { EventRecord } from "./event-record.ts";

/**
 * Gives decided facts their positions: contiguous from `afterSeq + 1` (R2), each naming the event before it. Their
 * payloads are serialised here, once. `ts`: their time, in ms.
 */
export function placeFacts(params: {
  readonly facts: readonly Fact[];
  readonly afterSeq: number;
  /** The position of the event before the first. */
  readonly prev: Position;
  readonly ts: number;
}): EventRecord[] {
  const { facts, afterSeq, prev, ts } = params;
  return facts.map(({ type, data }, index) => {
    const seq = afterSeq + 1 + index;
    const before = index === 0 ? { seq: prev.seq, sub: prev.sub } : { seq: seq - 1, sub: 0 };
    return { seq, sub: 0, prev: before, type, ts, payload: JSON.stringify(data) };
  });
}
