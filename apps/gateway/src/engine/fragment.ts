import type { DeltaType } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { ModelPart } from "../ports/model.ts";
import { DELTA_TEXT_CHARACTERS_MAX } from "./limits.ts";

/** A fragment without a position: text may still be added to it. */
export interface Fragment {
  readonly part: ModelPart;
  text: string;
}

/** The step that fragments belong to, and how many deltas it has. */
export interface OpenStep {
  readonly step: number;
  readonly seq: number;
  sub: number;
}

/** Whether this fragment only adds text to the one before it. */
export function continues({ part: before, text }: Fragment, part: ModelPart): boolean {
  if (part.at !== "delta" || before.at !== "delta" || part.kind !== before.kind) return false;
  if (text.length + part.text.length > DELTA_TEXT_CHARACTERS_MAX) return false;
  return part.kind === "tool_input"
    ? before.kind === "tool_input" && part.callId === before.callId
    : before.kind !== "tool_input" && part.partId === before.partId;
}

/** The record of a delta, at the position that the step has come to. */
export function recordOf({ step, seq, sub }: OpenStep, { part, text }: Fragment, ts: number): EventRecord {
  const payload = JSON.stringify({ step, ...aboutOf(part), ...(part.at === "delta" ? { text } : {}) });
  return { seq, sub, prev: null, type: typeOf(part), ts, payload };
}

function typeOf(part: ModelPart): DeltaType {
  switch (part.kind) {
    case "tool_input":
      return `tool.input.${part.at}`;
    case "provider":
      return `provider.${part.at}`;
    case "source":
      return "source.found";
    case "text":
    case "reasoning":
      return `${part.kind}.${part.at}`;
    default:
      return part satisfies never;
  }
}

/** What the data of a delta says beside its step and its text. */
function aboutOf(part: ModelPart): object {
  switch (part.kind) {
    case "tool_input":
      return { callId: part.callId, toolName: part.toolName };
    case "provider": {
      const about = { callId: part.callId, toolName: part.toolName };
      return part.at === "called"
        ? { ...about, args: part.args }
        : { ...about, ...(part.isError ? { failed: true } : {}) };
    }
    case "source":
      return { source: part.source };
    case "text":
    case "reasoning":
      return { partId: part.partId };
    default:
      return part satisfies never;
  }
}
