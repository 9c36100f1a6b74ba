import {
  type Fact,
  type InputMessage,
  type JsonObject,
  type RunScope,
  START,
  type StartLimits,
  type UserMessage,
} from "@hsafa/protocol";
import type { EventRecord } from "./event-record.ts";
import { placeFacts } from "./place-facts.ts";

/** The facts of a run that was just started: `run.created`, then one `message.user` for each message, from seq 1. */
export function firstFacts(params: {
  readonly agentId: string;
  readonly versionId: string;
  readonly threadId: string | null;
  readonly earlier: readonly InputMessage[];
  readonly messages: readonly UserMessage[];
  readonly deviceKey: string | null;
  readonly metadata: JsonObject;
  /** What the start narrows; undefined: nothing. */
  readonly limits: StartLimits | undefined;
  /** What the start adds to its agent. */
  readonly scope?: RunScope;
  /** When the run is created, in milliseconds. */
  readonly now: number;
}): EventRecord[] {
  const { agentId, versionId, threadId, earlier, messages, deviceKey, metadata, limits, scope, now } = params;
  const narrowed = limits === undefined ? {} : { limits };
  const facts: Fact[] = [
    {
      type: "run.created",
      data: { agentId, versionId, threadId, earlier: [...earlier], deviceKey, metadata, ...narrowed, ...scope },
    },
    ...messages.map((message): Fact => ({ type: "message.user", data: { message } })),
  ];
  return placeFacts({ facts, afterSeq: START.seq, prev: START, ts: now });
}
