/**
 * What a fork takes over of the run that it is forked from, up to a fact of it.
 *
 * 1. The conversation is taken over as that run's own fold gives it. A fork of a fork is no special case.
 * 2. No call is executed again unasked. One that had no result at that point may have been executed since, and is
 *    settled as not repeated.
 * 3. A call that is to be executed again is one of the last step: what the model said later rests on its result. It
 *    gets an id of its own, since devices answer a known id with the result that they have.
 */
import type { Fact, Failure, InputMessage, Message, RerunCall } from "@hsafa/protocol";
import { formatPosition } from "@hsafa/protocol";
import { isAnswered, type TranscriptCall, type TranscriptEntry, transcriptOf } from "./transcript.ts";

/** What of a fork cannot be done, and which field of its request says so. */
export interface ForkFault {
  readonly path: string;
  readonly message: string;
}

/** A call that is to be executed again, and the id that it gets. */
export interface WantedRerun {
  readonly callId: string;
  readonly newId: string;
}

export type ForkPlan =
  /** `turns`: what the new run takes over, beside the `earlier` turns of its `run.created`. */
  | {
      readonly kind: "fork";
      readonly earlier: readonly InputMessage[];
      readonly turns: readonly Fact[];
      readonly reruns: readonly RerunCall[];
    }
  | { readonly kind: "unfit"; readonly fault: ForkFault };

type StepEntry = Extract<TranscriptEntry, { kind: "step" }>;

/**
 * Plans a fork at the fact `seq`. `facts`: those of the run from its first, at least up to the end of the commit with
 * that fact. `says`: whether the user says something, which takes the place of their message there.
 */
export function planFork(
  facts: readonly Fact[],
  params: { readonly seq: number; readonly says: boolean; readonly reruns: readonly WantedRerun[] },
): ForkPlan {
  const { seq, says, reruns } = params;
  const last = facts[seq - 1];
  const opened = facts.slice(0, seq).findLastIndex((fact) => fact.type.startsWith("step."));
  if (last === undefined || facts[opened]?.type === "step.started") {
    const before = formatPosition({ seq: opened, sub: 0 });
    return unfit("position", `is inside a step that was not over; take the fact before it, ${before}, or its end`);
  }
  const kept = facts.slice(0, says && last.type === "message.user" ? seq - 1 : seq);
  const transcript = transcriptOf([...kept, ...callsOfLastStep(facts, kept.length)]);
  if (!says && reruns.length === 0 && hasLastWord(transcript))
    return unfit("position", "leaves the model nothing to answer; give an 'input', or take an earlier fact");

  // What a cancel cut short was said after the calls of the step before it.
  const lastSaid = transcript.findLast((entry) => entry.kind !== "message");
  const lastStep = lastSaid?.kind === "step" ? lastSaid : undefined;
  const again: RerunCall[] = [];
  for (const [index, { callId, newId }] of reruns.entries()) {
    const call = lastStep?.calls.find((candidate) => candidate.callId === callId);
    const args = lastStep === undefined ? undefined : argsIn(lastStep.messages, callId);
    if (call === undefined || args === undefined) {
      const message = `is no call of the last step up to the position; fork at a fact of the step that asked for it`;
      return unfit(`rerun.${index}`, message); // 3.
    }
    again.push({ callId: newId, toolName: call.toolName, args, of: callId });
  }
  const earlier = transcript.flatMap((entry) => (entry.kind === "message" && entry.seq === 1 ? [entry.message] : []));
  return {
    kind: "fork",
    earlier: earlier as InputMessage[],
    turns: turnsOf(transcript, lastStep, again),
    reruns: again,
  };
}

function unfit(path: string, message: string): ForkPlan {
  return { kind: "unfit", fault: { path, message } };
}

/**
 * What belongs to the last step of these facts and stands after them: the calls that were committed with it. Of a step
 * that was taken over, how its calls had ended.
 */
function callsOfLastStep(facts: readonly Fact[], count: number): readonly Fact[] {
  const step = facts.slice(0, count).findLast((fact) => fact.type === "step.completed" || fact.type === "step.reused");
  if (step?.type !== "step.completed" && step?.type !== "step.reused") return [];
  const later = facts.slice(count);
  const end = later.findIndex(({ type }) => type !== "tool.reused");
  return [
    ...later.slice(0, end === -1 ? later.length : end),
    ...later.filter((fact) => fact.type === "tool.requested" && fact.data.step === step.data.step),
  ];
}

/** Whether nothing follows what the model said last, so that there is nothing to ask it. */
function hasLastWord(transcript: readonly TranscriptEntry[]): boolean {
  const last = transcript.at(-1);
  if (last?.kind === "message") return last.message.role !== "user";
  return last?.kind !== "step" || isAnswered(transcript);
}

/** 1. */
function turnsOf(
  transcript: readonly TranscriptEntry[],
  lastStep: StepEntry | undefined,
  reruns: readonly RerunCall[],
): readonly Fact[] {
  let step = 0;
  return transcript.flatMap((entry): Fact[] => {
    const from = formatPosition({ seq: entry.seq, sub: 0 });
    switch (entry.kind) {
      case "message": {
        const { message } = entry;
        // The earlier turns of the first fact stand in that of the fork.
        return entry.seq > 1 && message.role === "user" ? [{ type: "message.user", data: { message } }] : [];
      }
      case "partial": {
        step += 1;
        const messages: Message[] = [{ role: "assistant", content: entry.text }];
        return [{ type: "step.reused", data: { step, from, messages, partial: true } }];
      }
      case "step": {
        step += 1;
        const again = entry === lastStep ? reruns : [];
        const messages = entry.messages.map((message) => renamed(message, again));
        const more = {
          ...(entry.outputFault === undefined ? {} : { outputFault: entry.outputFault }),
          ...(entry.paused === undefined ? {} : { paused: entry.paused }),
          ...(again.length === 0 ? {} : { reruns: [...again] }),
        };
        const reused = entry.calls.filter(({ callId }) => !again.some(({ of }) => of === callId));
        return [{ type: "step.reused", data: { step, from, messages, ...more } }, ...reused.map(reusedCall)];
      }
      default:
        return entry satisfies never;
    }
  });
}

/** 3. */
function renamed(message: Message, reruns: readonly RerunCall[]): Message {
  if (reruns.length === 0 || message.role !== "assistant" || typeof message.content === "string") return message;
  const content = message.content.map((part) => {
    const again = part.type === "tool-call" ? reruns.find(({ of }) => of === part.toolCallId) : undefined;
    return again === undefined ? part : { ...part, toolCallId: again.callId };
  });
  return { role: "assistant", content: content as typeof message.content };
}

function argsIn(messages: readonly Message[], callId: string): RerunCall["args"] | undefined {
  return messages
    .flatMap(({ content }) => (typeof content === "string" ? [] : [...content]))
    .flatMap((part) => (part.type === "tool-call" && part.toolCallId === callId ? [part.input] : []))[0];
}

function reusedCall({ callId, toolName, outcome }: TranscriptCall): Fact {
  const ended = outcome === null ? { error: NOT_REPEATED } : endOf(outcome); // 2.
  return { type: "tool.reused", data: { callId, toolName, ...ended } };
}

const NOT_REPEATED: Failure = {
  code: "not_repeated",
  message:
    "There was no result of this call when the conversation was forked. It may have been executed since, and is not repeated.",
};

function endOf(outcome: NonNullable<TranscriptCall["outcome"]>): Pick<ReusedCall, "result" | "error"> {
  switch (outcome.kind) {
    case "completed":
      return { result: outcome.result };
    case "failed":
    case "expired":
      return { error: outcome.error };
    case "denied":
      return { error: { code: "denied", message: outcome.reason ?? "a person refused this call." } };
    default:
      return outcome satisfies never;
  }
}

type ReusedCall = Extract<Fact, { type: "tool.reused" }>["data"];
