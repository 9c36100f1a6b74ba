import type { EventRecord } from "./event-record.ts";
import { placeFacts } from "./place-facts.ts";

/** A run that ends before it began, since its messages have entered another one. */
export interface MergedRun {
  readonly runId: string;
  /** Its last fact, by its position. */
  readonly record: EventRecord;
}

/** The end of a run with so many messages and no other fact, in the commit by which they enter `into`. */
export function mergedEnd(params: {
  readonly runId: string;
  readonly messages: number;
  readonly into: string;
  /** In ms. */
  readonly now: number;
}): MergedRun {
  const { runId, messages, into, now } = params;
  // Its first facts are `run.created` and its messages.
  const afterSeq = 1 + messages;
  const facts = [{ type: "run.merged" as const, data: { into } }];
  const [record] = placeFacts({ facts, afterSeq, prev: { seq: afterSeq, sub: 0 }, ts: now });
  if (record === undefined) throw new Error("one fact was placed");
  return { runId, record };
}
