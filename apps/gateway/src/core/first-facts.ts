import {
  type Fact,
  type ForkOrigin,
  type InputMessage,
  type JsonObject,
  type ParentRef,
  type RunScope,
  START,
  type StartLimits,
  type UserMessage,
} from "@hsafa/protocol";
import type { EventRecord } from "./event-record.ts";
import { placeFacts } from "./place-facts.ts";

/** What a run takes over of the one that it was forked from, as facts, and where that was. */
export interface Fork {
  readonly from: ForkOrigin;
  readonly turns: readonly Fact[];
}

/**
 * The facts of a run that was just started, from seq 1: `run.created`, what a fork takes over, then one `message.user`
 * for each message.
 */
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
  /** The run that starts it, if it is a child. */
  readonly parent?: ParentRef;
  readonly fork?: Fork | null;
  /** When the run is created, in milliseconds. */
  readonly now: number;
}): EventRecord[] {
  const { agentId, versionId, threadId, earlier, messages, deviceKey, metadata, limits, scope, parent, now } = params;
  const child = parent === undefined ? {} : { parent };
  const narrowed = limits === undefined ? {} : { limits };
  const { fork = null } = params;
  const forked = fork === null ? {} : { forkedFrom: fork.from };
  const facts: Fact[] = [
    {
      type: "run.created",
      data: {
        agentId,
        versionId,
        threadId,
        earlier: [...earlier],
        deviceKey,
        metadata,
        ...narrowed,
        ...scope,
        ...child,
        ...forked,
      },
    },
    ...(fork?.turns ?? []),
    ...messages.map((message): Fact => ({ type: "message.user", data: { message } })),
  ];
  return placeFacts({ facts, afterSeq: START.seq, prev: START, ts: now });
}
