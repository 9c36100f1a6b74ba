import type { DeviceMessage, ErrorCode, GatewayMessage, JsonObject, JsonValue } from "@hsafa/protocol";
import { errorResultOf, thrownResultOf, toolResultOf } from "./tool-result.ts";
import type { DeviceMemory } from "./device-memory.ts";

/** A tool that a device offers. */
export interface DeviceTool {
  /** What the tool does, for people who look at the device. */
  readonly description?: string;
  /** The JSON Schema of the arguments. The gateway checks them before it sends a call. */
  readonly inputSchema: JsonObject;
  /**
   * Does the work. What it returns, or resolves with, is the result: a JSON value. What it throws is the tool's error,
   * with its `code` if that is a text.
   */
  execute(args: JsonValue, context: DeviceToolContext): unknown;
}

/** What a tool knows about the call that it executes. */
export interface DeviceToolContext {
  readonly callId: string;
  readonly runId: string;
  /** The run that started this one, if it is a child. */
  readonly parentRunId?: string | undefined;
  /** 1 for the first; more if the call was dispatched again. */
  readonly attempt: number;
  /** When the gateway stops waiting, by the gateway's clock; `null` for never. */
  readonly deadline: Date | null;
  /** Aborts when the result is no longer wanted: the run was canceled, the call expired, the device was closed. */
  readonly signal: AbortSignal;
  /** Tells the run's watchers how far the work is. It may be lost, and the gateway drops what is too much. */
  progress(data: JsonValue): void;
}

type CallRequest = Extract<GatewayMessage, { type: "tool.call.request" }>;

/** The calls of a device. Each is executed once, and answered until the gateway has the answer. */
export interface DeviceCalls {
  /** The gateway asks for a call, for the first time or again. */
  request(message: CallRequest): void;
  /** The gateway no longer wants a call. */
  cancel(callId: string): void;
  /** The gateway has an answer. */
  acknowledge(callId: string): void;
  /** The gateway could not take an answer, for the reason `code`. */
  refuse(callId: string, code: string): void;
  /** Sends all answers again that are not acknowledged: after a reconnect, and with each heartbeat. */
  resend(): void;
  /** Aborts everything in progress. */
  abort(): void;
  /** Whether nothing is in progress, and the gateway has every answer. */
  readonly isIdle: boolean;
}

/** The answer was not taken now, and will be later. */
const TAKEN_LATER: readonly string[] = ["unavailable", "too_many_requests"] satisfies ErrorCode[];
/** The answer will never be taken, but the call is open for another one. */
const NEVER_TAKEN: readonly string[] = ["payload_too_large", "invalid_request"] satisfies ErrorCode[];

/** Makes the calls of a device. */
export function createDeviceCalls(deps: {
  readonly tools: Readonly<Record<string, DeviceTool>>;
  readonly memory: DeviceMemory;
  /** Sends if the device is online, and does nothing otherwise. */
  readonly send: (text: string) => void;
  readonly onError: (error: unknown) => void;
  /** Called when a call has come to its end, whichever. */
  readonly onSettled: () => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}): DeviceCalls {
  const { tools, memory } = deps;
  const running = new Map<string, AbortController>();
  /** Calls whose own answer was refused, and which were answered with that refusal instead. */
  const refused = new Set<string>();

  function send(message: DeviceMessage): void {
    deps.send(JSON.stringify(message));
  }

  async function perform(message: CallRequest): Promise<void> {
    const { callId } = message;
    const controller = new AbortController();
    running.set(callId, controller);
    const answer = await answerOf(message, controller.signal);
    // The call was canceled meanwhile, and perhaps begun anew. Nobody wants this answer.
    if (running.get(callId) !== controller) return;
    running.delete(callId);
    await answerWith(callId, answer);
  }

  async function answerOf(message: CallRequest, signal: AbortSignal): Promise<string> {
    const { callId, toolName } = message;
    const tool = Object.hasOwn(tools, toolName) ? tools[toolName] : undefined;
    if (tool === undefined) {
      return errorResultOf(callId, { code: "unknown_tool", message: `This device has no tool '${toolName}'.` });
    }
    try {
      await memory.begin(callId);
    } catch (error) {
      // A call that is not noted as begun could be begun twice.
      deps.onError(error);
      return errorResultOf(callId, {
        code: "device_storage_failed",
        message: "The device could not note that it begins.",
      });
    }
    if (signal.aborted) return "";
    send({ type: "tool.accepted", callId });
    try {
      return toolResultOf(callId, await tool.execute(message.args, contextOf(message, signal)));
    } catch (error) {
      return thrownResultOf(callId, error);
    }
  }

  function contextOf(
    { callId, runId, parentRunId, attempt, deadline }: CallRequest,
    signal: AbortSignal,
  ): DeviceToolContext {
    return {
      callId,
      runId,
      parentRunId,
      attempt,
      deadline: deadline === null ? null : new Date(deadline),
      signal,
      progress(data) {
        if (!signal.aborted) send({ type: "tool.progress", callId, data });
      },
    };
  }

  async function answerWith(callId: string, answer: string): Promise<void> {
    try {
      await memory.finish(callId, answer);
    } catch (error) {
      // The answer is true all the same. Only a restart would now find the call begun and not finished.
      deps.onError(error);
    }
    deps.send(answer);
  }

  function acknowledge(callId: string): void {
    refused.delete(callId);
    memory.acknowledge(callId, deps.now());
    deps.onSettled();
  }

  return {
    acknowledge,
    request(message) {
      const { callId } = message;
      const known = memory.get(callId);
      if (known?.kind === "answered") deps.send(known.answer);
      // A call in progress is answered when it ends.
      else if (!running.has(callId)) perform(message).catch(deps.onError);
    },
    cancel(callId) {
      running.get(callId)?.abort();
      running.delete(callId);
      memory.forget(callId);
      deps.onSettled();
    },
    refuse(callId, code) {
      // `resend` sends it again.
      if (TAKEN_LATER.includes(code)) return;
      if (!NEVER_TAKEN.includes(code) || refused.has(callId)) return acknowledge(callId);
      if (memory.get(callId)?.kind !== "answered") return;
      refused.add(callId);
      const message = `The gateway could not take the result (${code}).`;
      answerWith(callId, errorResultOf(callId, { code: "result_refused", message })).catch(deps.onError);
    },
    resend() {
      for (const { answer } of memory.unacknowledged()) deps.send(answer);
    },
    get isIdle() {
      return running.size === 0 && memory.unacknowledged().length === 0;
    },
    abort() {
      for (const controller of running.values()) controller.abort();
      running.clear();
    },
  };
}
