import {
  type AgentConfig,
  type FinishReason,
  isWholeAnswer,
  type JsonObject,
  type JsonValue,
  type LeftOut,
  type Message,
  modelIdleTimeoutMsOf,
} from "@hsafa/protocol";
import { failureMessage } from "../../core/failure-message.ts";
import { isCutCall } from "../../core/cut-call.ts";
import { readAnswer } from "../../core/read-answer.ts";
import { incompleteReason } from "../../core/run-ends.ts";
import type { RequestedCall, RunInput, SentConversation } from "../../core/input.ts";
import type { Clock } from "../../ports/clock.ts";
import type { JsonSchemas } from "../../ports/json-schemas.ts";
import type { Model, ModelOutcome, ModelPart } from "../../ports/model.ts";
import type { TenantId } from "../../core/tenant-id.ts";

type FinishedOutcome = Extract<ModelOutcome, { kind: "finished" }>;

/** Asks the model for one step. Returns what `decide` is to be told, or null if `signal` cut the call short. */
export async function callModel(params: {
  readonly tenantId: TenantId;
  readonly model: Model;
  readonly schemas: JsonSchemas;
  readonly clock: Clock;
  readonly config: AgentConfig;
  readonly messages: readonly Message[];
  /** What of the thread these messages lack. */
  readonly leftOut: readonly LeftOut[];
  readonly sent: SentConversation;
  readonly signal: AbortSignal;
  readonly waitForCapacity: () => Promise<void> | undefined;
  readonly nextTurn: () => Promise<void>;
  readonly onPart: (part: ModelPart) => void;
  /** Called when the model's adapter has just run. */
  readonly onRan: () => void;
}): Promise<RunInput | null> {
  const { tenantId, model, schemas, clock, config, messages, signal, waitForCapacity, nextTurn, onPart, onRan } =
    params;
  const tools = config.tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
  const { outputSchema, providerTools, settings, system } = config;
  const call = { model: config.model, system, messages, tools, providerTools, settings, outputSchema };
  const askedAt = clock.monotonic();
  let firstAt: number | null = null;
  const asked = model.step(
    { call, idleTimeoutMs: modelIdleTimeoutMsOf(config), signal, waitForCapacity, nextTurn },
    (part) => {
      firstAt ??= clock.monotonic();
      onPart(part);
    },
  );
  onRan();
  const outcome = await asked;
  onRan();
  if (signal.aborted) return null;
  const { sent } = params;
  const leftOut = outcome.kind === "aborted" ? [] : [...params.leftOut, ...(outcome.leftOut ?? [])];
  switch (outcome.kind) {
    case "finished": {
      const { finishReason, usage } = outcome;
      const calls = await check({ tenantId, outcome, config, schemas });
      const fault = await answerFault({ tenantId, outcome, outputSchema, schemas });
      if (signal.aborted) return null;
      const unfit = fault === null ? {} : { outputFault: fault };
      const { messages: said, sources, citations, paused } = outcome;
      const timed = firstAt === null ? {} : { firstPartMs: Math.round(firstAt - askedAt) };
      const found = {
        ...(sources === undefined ? {} : { sources }),
        ...(citations === undefined ? {} : { citations }),
        ...(paused === undefined ? {} : { paused }),
      };
      return {
        kind: "step_finished",
        finishReason,
        messages: said,
        usage,
        calls,
        leftOut,
        sent,
        ...unfit,
        ...found,
        ...timed,
      };
    }
    case "failed":
      return { kind: "step_failed", failure: outcome.failure, jitter: clock.random(), leftOut, sent };
    case "aborted":
      throw new Error("The model says that its call was aborted, but nobody aborted it.");
    default:
      return outcome satisfies never;
  }
}

/** Checks the calls of a step. Calls that cannot be performed are told to the model, in words that it can act on. */
async function check(params: {
  readonly tenantId: TenantId;
  readonly outcome: FinishedOutcome;
  readonly config: AgentConfig;
  readonly schemas: JsonSchemas;
}): Promise<RequestedCall[]> {
  const { tenantId, outcome, config, schemas } = params;
  const { calls: requested, finishReason } = outcome;
  const tools = new Map(config.tools.map((tool) => [tool.name, tool]));
  const values: { readonly schema: JsonObject; readonly value: JsonValue }[] = [];
  /** For each call what is wrong with it, or the place of its arguments among `values`. */
  const known = requested.map((call, index): NonNullable<RequestedCall["invalid"]> | number => {
    const isLast = index === requested.length - 1;
    if (isCutCall({ written: call.written, isLast, finishReason })) return cutCall(finishReason);
    const tool = tools.get(call.toolName);
    if (tool === undefined) return unknownTool(call.toolName, config);
    if (call.fault !== null) return invalidArguments(call.fault);
    return values.push({ schema: tool.inputSchema, value: call.args }) - 1;
  });
  const faults = values.length === 0 ? [] : await schemas.validate({ tenantId, values });
  return requested.map(({ callId, toolName, args }, index) => {
    const found = known[index];
    const fault = typeof found === "number" ? (faults[found] ?? null) : null;
    const invalid = typeof found === "object" ? found : fault === null ? null : invalidArguments(fault);
    return { callId, toolName, args, invalid };
  });
}

/** Why the answer is not the object that the run is to end with; null: it is, or it is no answer yet. */
async function answerFault(params: {
  readonly tenantId: TenantId;
  readonly outcome: FinishedOutcome;
  readonly outputSchema: JsonObject | undefined;
  readonly schemas: JsonSchemas;
}): Promise<string | null> {
  const { tenantId, outcome, outputSchema, schemas } = params;
  if (outputSchema === undefined || outcome.calls.length > 0 || outcome.paused === true) return null;
  const read = readAnswer(outcome.messages);
  const found =
    read.kind === "fault"
      ? read.fault
      : ((await schemas.validate({ tenantId, values: [{ schema: outputSchema, value: read.object }] }))[0] ?? null);
  if (found === null) return null;
  const fault = failureMessage(found);
  return isWholeAnswer(outcome.finishReason) ? fault : `${fault} (${incompleteReason(outcome.finishReason)})`;
}

/** A call that may have been cut is not executed, and the model is told why. */
function cutCall(reason: FinishReason): NonNullable<RequestedCall["invalid"]> {
  const why = isWholeAnswer(reason) ? "The provider did not close this call." : incompleteReason(reason);
  const advice = reason === "length" ? "Call the tool again with shorter arguments." : "Call the tool again if needed.";
  return { code: "invalid_args", message: `${why} The call may not be whole, so it was not executed. ${advice}` };
}

function unknownTool(toolName: string, config: AgentConfig): NonNullable<RequestedCall["invalid"]> {
  const names = config.tools.map((tool) => tool.name).join(", ");
  const known = names === "" ? "There are no tools." : `The tools are: ${names}.`;
  return { code: "unknown_tool", message: `There is no tool '${toolName}'. ${known}` };
}

function invalidArguments(fault: string): NonNullable<RequestedCall["invalid"]> {
  const message = `The arguments do not fit the tool's schema: ${fault}. Call the tool again with arguments that fit.`;
  return { code: "invalid_args", message };
}
