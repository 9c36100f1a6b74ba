/**
 * What a user interface shows of a run, made from its events. It is pure: the same events give the same view.
 *
 * 1. An event that does not stand after the last one changes nothing. So a stream may be resumed anywhere.
 * 2. What a completed step says in its fact replaces what its deltas said. A view of facts alone, of the whole record,
 *    and of a stream that was watched live are equal from then on.
 * 3. A discarded step leaves nothing but the text that stays in the thread, which is marked as cut.
 * 4. Events of types that are not known here change nothing but the position.
 * 5. What did not change keeps its identity, so a page renders only what did.
 */
import {
  comparePositions,
  type FactData,
  type InputMessage,
  parsePlace,
  type RunEvent,
  type ToolProgressEvent,
} from "@hsafa/protocol";
import { nextPartialJson, NO_JSON } from "./partial-json.ts";
import { partsOf, toolPart } from "./parts-of.ts";
import type { RunStreamEvent } from "./run-stream-transport.ts";
import {
  type AssistantViewMessage,
  EMPTY_RUN_VIEW,
  type RunView,
  type ToolPart,
  type ToolQuestion,
  type ViewMessage,
  type ViewPart,
} from "./run-view.ts";

/** Returns the view after an event of the run's stream, or of its record. Throws nothing. */
export function nextRunView(view: RunView, event: RunStreamEvent): RunView {
  if (event.type === "stream.rewound") return EMPTY_RUN_VIEW;
  if (event.type === "tool.progress") return showProgress(view, event);
  if (!standsAfter(event.id, view.position)) return view; // 1.
  return { ...view, ...changeOf(view, event), runId: event.runId, position: event.id };
}

function changeOf(view: RunView, event: RunEvent): Partial<RunView> {
  switch (event.type) {
    case "run.created":
      return {
        status: "queued",
        forkedFrom: event.data.forkedFrom ?? null,
        messages: event.data.earlier.map((turn, index) => earlierTurn(event.id, turn, index)),
      };
    case "run.started":
    case "run.recovered":
    case "run.resumed":
      return { status: "running", waitingFor: [] };
    case "run.waiting":
      return { status: "waiting_tool", waitingFor: event.data.callIds };
    case "run.retrying": {
      const { attempt, error, nextAt } = event.data;
      return { retry: { attempt, error, nextAt } };
    }
    case "run.completed":
      return { ...ENDED, status: "completed", output: event.data.output, usage: event.data.usage };
    case "run.failed":
      return { ...ENDED, ...settleUnasked(view), status: "failed", error: event.data.error, usage: event.data.usage };
    case "run.canceled":
      return {
        ...ENDED,
        ...settleUnasked(view),
        status: "canceled",
        cancelReason: event.data.reason,
        usage: event.data.usage,
      };
    case "run.merged":
      return { ...ENDED, status: "merged", mergedInto: event.data.into, usage: {} };
    case "message.user": {
      const { message, mergedRunId } = event.data;
      const from = mergedRunId === undefined ? {} : { mergedRunId };
      const said = { role: "user", id: event.id, content: message.content, ...from } as const;
      return { messages: [...view.messages, said] };
    }
    case "step.reused": {
      const { messages, partial } = event.data;
      const state = partial === true ? "cut" : "complete";
      const said = {
        role: "assistant",
        id: event.id,
        state,
        parts: messages.flatMap(partsOf),
        finishReason: null,
        sources: [],
      } as const;
      return { messages: [...view.messages, said] };
    }
    case "tool.reused": {
      const { callId, result = null, error = null } = event.data;
      const state = error === null ? "completed" : "failed";
      return changeTool(view, callId, () => ({ ...SETTLED, state, result, error, isReused: true }));
    }
    case "step.started": {
      if (event.data.summarizesThrough !== undefined) return { retry: null };
      const { id } = event;
      const begun = { role: "assistant", id, state: "streaming", parts: [], sources: [], finishReason: null } as const;
      const partialOutput = event.data.object === true ? NO_JSON : null;
      return { retry: null, partialOutput, messages: [...view.messages, begun] };
    }
    case "step.completed": {
      if (event.data.summary !== undefined) return {};
      const { messages, finishReason, sources = [], citations } = event.data;
      const said = { state: "complete", finishReason, sources, parts: messages.flatMap(partsOf) } as const;
      const cited = citations === undefined ? {} : { citations };
      return { ...changeStep(view, () => ({ ...said, ...cited })), partialOutput: null }; // 2.
    }
    case "step.discarded":
      return { ...discardStep(view, event.data.partial), partialOutput: null }; // 3.
    case "text.start":
      // The last text of a step is its answer.
      return { ...changeText(view, event, ""), partialOutput: view.partialOutput && NO_JSON };
    case "reasoning.start":
      return changeText(view, event, "");
    case "text.delta": {
      const { text } = event.data;
      const partialOutput = view.partialOutput && nextPartialJson(view.partialOutput, text);
      return { ...changeText(view, event, text), partialOutput };
    }
    case "reasoning.delta":
      return changeText(view, event, event.data.text);
    case "tool.input.start": {
      const { callId, toolName } = event.data;
      return changeStep(view, ({ parts }) => ({ parts: [...parts, toolPart(callId, toolName, { state: "input" })] }));
    }
    case "tool.input.delta": {
      const { callId, text } = event.data;
      return changeTool(view, callId, ({ inputText }) => ({ inputText: inputText + text }));
    }
    case "tool.requested": {
      const { callId, toolName, args, target } = event.data;
      const asked = { state: "requested", args, target, inputText: "" } as const;
      const changed = changeTool(view, callId, () => asked);
      if (changed.messages !== undefined) return changed;
      // A step of an older gateway may not name its calls.
      return changeLastSaid(view, ({ parts }) => ({ parts: [...parts, toolPart(callId, toolName, asked)] }));
    }
    case "tool.awaiting_approval":
      return changeTool(view, event.data.callId, () => ({
        state: "awaiting_approval",
        expiresAt: event.data.expiresAt,
        question: questionOf(event.data),
      }));
    case "tool.approved":
      return changeTool(view, event.data.callId, () => ({
        state: "approved",
        expiresAt: null,
        decidedBy: event.data.by,
      }));
    case "tool.denied":
      return changeTool(view, event.data.callId, () => ({
        ...SETTLED,
        state: "denied",
        reason: event.data.reason,
        decidedBy: event.data.by ?? null,
      }));
    case "tool.dispatched":
      return changeTool(view, event.data.callId, () => ({
        state: "running",
        expiresAt: event.data.deadline,
        childRunId: event.data.child?.runId ?? null,
      }));
    case "child.ended":
      return changeTool(view, event.data.callId, () => ({ childStatus: event.data.status }));
    case "tool.completed":
      return changeTool(view, event.data.callId, () => ({ ...SETTLED, state: "completed", result: event.data.result }));
    case "tool.failed":
      return changeTool(view, event.data.callId, () => ({ ...SETTLED, state: "failed", error: event.data.error }));
    case "tool.expired":
      return changeTool(view, event.data.callId, () => ({
        ...SETTLED,
        state: "expired",
        error: event.data.error ?? null,
      }));
    case "provider.called": {
      const { callId, toolName, args } = event.data;
      const called = { type: "provider-tool", callId, toolName, args, state: "running", result: null } as const;
      return changeStep(view, ({ parts }) => ({ parts: [...parts, called] }));
    }
    case "provider.answered": {
      const { callId, failed } = event.data;
      const state = failed === true ? "failed" : "completed";
      return changeStep(view, ({ parts }) => ({
        parts: parts.map((part) =>
          part.type === "provider-tool" && part.callId === callId ? { ...part, state } : part,
        ),
      }));
    }
    case "source.found":
      return changeStep(view, ({ sources }) => ({ sources: [...sources, event.data.source] }));
    case "text.end":
    case "reasoning.end":
    case "tool.input.end":
      return {};
    default:
      event satisfies never;
      return {}; // 4.
  }
}

const ENDED = { waitingFor: [], retry: null, partialOutput: null } as const satisfies Partial<RunView>;
const SETTLED = { expiresAt: null, progress: null } as const satisfies Partial<ToolPart>;

const NOT_ASKED = {
  code: "canceled",
  message: "The run ended before the call was sent. It was not executed.",
} as const;

function questionOf(asked: FactData["tool.awaiting_approval"]): ToolQuestion {
  const { recipient = null, digest = null, groups = [], selfApproval = false } = asked;
  return { recipient, digest, groups, selfApproval };
}

function standsAfter(id: string, last: string | null): boolean {
  if (last === null) return true;
  const [next, before] = [parsePlace(id), parsePlace(last)];
  return next !== null && before !== null && comparePositions(next.position, before.position) > 0;
}

function earlierTurn(id: string, turn: InputMessage, index: number): ViewMessage {
  const own = `${id}/${index}`;
  if (turn.role === "user") return { role: "user", id: own, content: turn.content };
  return { role: "assistant", id: own, state: "complete", parts: partsOf(turn), sources: [], finishReason: null };
}

type Said = Partial<AssistantViewMessage>;

/** Changes the step in progress, if there is one. */
function changeStep(view: RunView, change: (said: AssistantViewMessage) => Said): Partial<RunView> {
  return changeLastSaid(view, change, ({ state }) => state === "streaming");
}

function changeLastSaid(
  view: RunView,
  change: (said: AssistantViewMessage) => Said,
  isMeant: (said: AssistantViewMessage) => boolean = () => true,
): Partial<RunView> {
  const index = view.messages.findLastIndex((message) => message.role === "assistant" && isMeant(message));
  const said = view.messages[index];
  if (said?.role !== "assistant") return {};
  return { messages: view.messages.with(index, { ...said, ...change(said) }) };
}

/** A run that ends settles its calls. Only a fork that was given up before it began has not asked for them. */
function settleUnasked(view: RunView): Partial<RunView> {
  const isUnasked = (part: ViewPart): part is ToolPart => part.type === "tool" && part.state === "requested";
  return changeLastSaid(
    view,
    ({ parts }) => ({
      parts: parts.map((part) => (isUnasked(part) ? { ...part, ...SETTLED, state: "failed", error: NOT_ASKED } : part)),
    }),
    ({ parts }) => parts.some(isUnasked),
  );
}

function discardStep(view: RunView, partial: string | undefined): Partial<RunView> {
  const { messages } = view;
  const index = messages.findLastIndex((message) => message.role === "assistant" && message.state === "streaming");
  if (index < 0) return {};
  if (partial === undefined || partial === "") return { messages: messages.toSpliced(index, 1) };
  return changeStep(view, () => ({ state: "cut", parts: [{ type: "text", partId: null, text: partial }] }));
}

type TextEvent = Extract<RunEvent, { type: "text.start" | "text.delta" | "reasoning.start" | "reasoning.delta" }>;

function changeText(view: RunView, { type, data: { partId } }: TextEvent, more: string): Partial<RunView> {
  const kind = type.startsWith("text") ? "text" : "reasoning";
  return changeStep(view, ({ parts }) => {
    const index = parts.findLastIndex((part) => part.type === kind && part.partId === partId);
    const part = parts[index];
    if (part?.type !== kind) return { parts: [...parts, { type: kind, partId, text: more }] };
    return { parts: parts.with(index, { ...part, text: part.text + more }) };
  });
}

/** Changes a tool call. The call was asked for lately, so the search begins at the end. Returns {} if it is unknown. */
function changeTool(view: RunView, callId: string, change: (tool: ToolPart) => Partial<ToolPart>): Partial<RunView> {
  const isIt = (part: ViewPart): boolean => part.type === "tool" && part.callId === callId;
  return changeLastSaid(
    view,
    ({ parts }) => ({
      parts: parts.map((part) =>
        part.type === "tool" && part.callId === callId ? { ...part, ...change(part) } : part,
      ),
    }),
    ({ parts }) => parts.some(isIt),
  );
}

function showProgress(view: RunView, { runId, data }: ToolProgressEvent): RunView {
  // Progress has no position, so it may come before the view knows the call, or after its end.
  const change = changeTool(view, data.callId, (tool) => (tool.state === "running" ? { progress: data.data } : {}));
  return change.messages === undefined ? view : { ...view, ...change, runId };
}
