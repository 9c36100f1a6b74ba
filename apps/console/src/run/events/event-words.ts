import type { FactEvent, Message } from "@hsafa/protocol";
import type { Tone } from "../../words/status-words.ts";
import { EVENT_LINE_CHARACTERS } from "../../limits.ts";
import { duration } from "../../words/duration.ts";
import { shortId } from "../../words/short-id.ts";
import { inLine } from "../transcript/transcript-rows.ts";

/** Returns what a fact says, in a line. The whole of it stands beside the list. */
export function eventWords(fact: FactEvent): string {
  switch (fact.type) {
    case "run.created":
      return fact.data.threadId === null ? "" : `thread ${fact.data.threadId}`;
    case "run.started":
    case "run.resumed":
    case "run.recovered":
      return `lease ${fact.data.epoch}`;
    case "run.waiting":
      return `for ${fact.data.callIds.length === 1 ? "a call" : `${fact.data.callIds.length} calls`}`;
    case "run.retrying":
      return `attempt ${fact.data.attempt}: ${fact.data.error.message} [${fact.data.error.code}]`;
    case "run.completed":
      return inLine(fact.data.output, EVENT_LINE_CHARACTERS);
    case "run.failed":
      return `${fact.data.error.message} [${fact.data.error.code}]`;
    case "run.canceled":
      return fact.data.reason ?? "";
    case "run.merged":
      return `into ${fact.data.into}`;
    case "message.user":
      return textOf(fact.data.message);
    case "step.started":
      return `step ${fact.data.step}`;
    case "step.completed":
      return `step ${fact.data.step}, ${fact.data.finishReason}${firstWordsOf(fact.data.firstPartMs)}: ${fact.data.messages.map(textOf).join(" ")}`;
    case "step.discarded":
      return `step ${fact.data.step}, ${fact.data.error?.message ?? fact.data.reason}`;
    case "tool.requested":
      return `${fact.data.toolName} ${inLine(fact.data.args, EVENT_LINE_CHARACTERS)}`;
    case "tool.awaiting_approval":
      return `${fact.data.toolName ?? ""} until ${fact.data.expiresAt}`;
    case "tool.approved":
      return `by ${fact.data.by}`;
    case "tool.denied":
      return `${fact.data.toolName} by ${fact.data.by ?? "somebody"}${fact.data.reason === null ? "" : `: ${fact.data.reason}`}`;
    case "tool.dispatched":
      return fact.data.sleeps === true
        ? `sleeps until ${fact.data.deadline}`
        : `attempt ${fact.data.attempt} of the call ${shortId(fact.data.callId)}`;
    case "tool.completed":
      return `${fact.data.toolName} ${inLine(fact.data.result, EVENT_LINE_CHARACTERS)}`;
    case "tool.failed":
      return `${fact.data.toolName}: ${fact.data.error.message} [${fact.data.error.code}]`;
    case "tool.expired":
      return `${fact.data.toolName}: ${fact.data.error?.code ?? "no answer in time"}`;
    default:
      // A newer gateway may send facts that are unknown here. The whole of them stands beside the list.
      return "";
  }
}

/** Returns the tone of a fact; null: it is one of many. */
export function eventTone({ type }: FactEvent): Tone | null {
  if (type === "run.recovered" || type === "step.discarded") return "recovered";
  if (type === "run.failed" || type === "run.retrying" || type === "tool.failed" || type === "tool.expired")
    return "failed";
  if (type === "tool.awaiting_approval" || type === "run.waiting") return "waiting";
  if (type === "run.completed") return "completed";
  if (type === "run.canceled" || type === "tool.denied") return "canceled";
  return null;
}

function firstWordsOf(ms: number | undefined): string {
  return ms === undefined ? "" : `, first words after ${duration(ms)}`;
}

function textOf({ content }: Message): string {
  if (typeof content === "string") return inLine(content, EVENT_LINE_CHARACTERS);
  return content
    .map((part) =>
      part.type === "text" || part.type === "reasoning"
        ? inLine(part.text, EVENT_LINE_CHARACTERS)
        : part.type === "tool-call"
          ? `[${part.toolName}]`
          : `[${part.type}]`,
    )
    .join(" ");
}
