import type { AgentConfig, Message } from "@hsafa/protocol";
import type { RequestedCall, RunInput } from "../../core/input.ts";
import type { Clock } from "../../ports/clock.ts";
import type { JsonSchemas } from "../../ports/json-schemas.ts";
import type { Model, ModelOutcome, ModelPart } from "../../ports/model.ts";

type FinishedOutcome = Extract<ModelOutcome, { kind: "finished" }>;

/** Asks the model for one step. Returns what `decide` is to be told, or null if `signal` cut the call short. */
export async function callModel(params: {
  readonly model: Model;
  readonly schemas: JsonSchemas;
  readonly clock: Clock;
  readonly config: AgentConfig;
  readonly messages: readonly Message[];
  readonly signal: AbortSignal;
  readonly waitForCapacity: () => Promise<void> | undefined;
  readonly onPart: (part: ModelPart) => void;
}): Promise<RunInput | null> {
  const { model, schemas, clock, config, messages, signal, waitForCapacity, onPart } = params;
  const tools = config.tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
  const call = { model: config.model, system: config.system, messages, tools, settings: config.settings };
  const outcome = await model.step({ call, idleTimeoutMs: config.modelIdleTimeoutMs, signal, waitForCapacity }, onPart);
  if (signal.aborted) return null;
  switch (outcome.kind) {
    case "finished": {
      const { finishReason, usage } = outcome;
      const calls = outcome.calls.map((requested) => check(requested, config, schemas));
      return { kind: "step_finished", finishReason, messages: outcome.messages, usage, calls };
    }
    case "failed":
      return { kind: "step_failed", failure: outcome.failure, jitter: clock.random() };
    case "aborted":
      throw new Error("The model says that its call was aborted, but nobody aborted it.");
    default:
      return outcome satisfies never;
  }
}

/** Checks a call. One that cannot be performed is told to the model at once, in words that it can act on. */
function check(call: FinishedOutcome["calls"][number], config: AgentConfig, schemas: JsonSchemas): RequestedCall {
  const { callId, toolName, args, fault: unreadable } = call;
  const tool = config.tools.find((candidate) => candidate.name === toolName);
  if (tool === undefined) {
    const names = config.tools.map((candidate) => candidate.name).join(", ");
    const message = `There is no tool '${toolName}'. ${names === "" ? "There are no tools." : `The tools are: ${names}.`}`;
    return { callId, toolName, args, invalid: { code: "unknown_tool", message } };
  }
  const fault = unreadable ?? schemas.validate(tool.inputSchema, args);
  if (fault === null) return { callId, toolName, args, invalid: null };
  const message = `The arguments do not fit the tool's schema: ${fault}. Call the tool again with arguments that fit.`;
  return { callId, toolName, args, invalid: { code: "invalid_args", message } };
}
