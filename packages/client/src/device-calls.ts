import type { DeviceMessage, GatewayMessage, JsonObject, JsonValue } from "@hsafa/protocol";
import { errorAnswer, failureAnswer, resultAnswer } from "./device-answer.ts";
import type { DeviceMemory } from "./device-memory.ts";

/** A tool that a device offers. */
export interface DeviceTool {
  readonly description?: string;
  /** JSON Schema of the arguments. The gateway checks them before they are sent. */
  readonly inputSchema: JsonObject;
  /**
   * Does the work. What it returns (a JSON value) is the result; what it throws is the tool's error, with its `code` if
   * it has one.
   */
  execute(args: JsonValue, context: DeviceToolContext): unknown;
}

export interface DeviceToolContext {
  readonly callId: string;
  readonly runId: string;
  /** 1, and more when the call was dispatched again. */
  readonly attempt: number;
  /** When the gateway stops waiting; null: never. By the gateway's clock. */
  readonly deadline: Date | null;
  /** Aborts when the result is no longer wanted: the run was canceled, the call expired, the device was closed. */
  readonly signal: AbortSignal;
  /** Tells whoever watches the run how far the work is. May be lost; too much of it is left out. */
  progress(data: JsonValue): void;
}

type Request = Extract<GatewayMessage, { type: "tool.call.request" }>;

/** Executes the calls of a device, each once, and answers each until the gateway has the answer. */
export interface DeviceCalls {
  request(message: Request): void;
  cancel(callId: string): void;
  acknowledge(callId: string): void;
  /** The gateway could not take an answer. */
  refuse(callId: string, code: string): void;
  /** Sends again whatever has not been acknowledged: after a reconnect, and now and then. */
  resend(): void;
  /** Aborts everything in progress. */
  abort(): void;
}

export function createDeviceCalls(deps: {
  readonly tools: Readonly<Record<string, DeviceTool>>;
  readonly memory: DeviceMemory;
  /** Sends if the device is online; otherwise nothing happens. */
  readonly send: (text: string) => void;
  readonly onError: (error: unknown) => void;
  readonly now: () => number;
}): DeviceCalls {
  const { tools, memory } = deps;
  const running = new Map<string, AbortController>();
  /** Calls whose own answer was refused, and which were answered with that refusal instead. */
  const refused = new Set<string>();

  function send(message: DeviceMessage): void {
    deps.send(JSON.stringify(message));
  }

  async function perform(message: Request): Promise<void> {
    const { callId } = message;
    const controller = new AbortController();
    running.set(callId, controller);
    const answer = await answerOf(message, controller.signal);
    // Canceled meanwhile, perhaps even begun anew: nobody waits for this one.
    if (running.get(callId) !== controller) return;
    running.delete(callId);
    await answerWith(callId, answer);
  }

  async function answerOf(message: Request, signal: AbortSignal): Promise<string> {
    const { callId, runId, toolName, args, attempt, deadline } = message;
    const tool = Object.hasOwn(tools, toolName) ? tools[toolName] : undefined;
    if (tool === undefined) {
      return errorAnswer(callId, { code: "unknown_tool", message: `This device has no tool '${toolName}'.` });
    }
    try {
      await memory.begin(callId);
    } catch (error) {
      // What is not remembered as begun could be begun twice.
      deps.onError(error);
      return errorAnswer(callId, {
        code: "device_storage_failed",
        message: "The device could not note that it begins.",
      });
    }
    if (signal.aborted) return "";
    send({ type: "tool.accepted", callId });
    try {
      const progress = (data: JsonValue): void => {
        if (!signal.aborted) send({ type: "tool.progress", callId, data });
      };
      const context = {
        callId,
        runId,
        attempt,
        deadline: deadline === null ? null : new Date(deadline),
        signal,
        progress,
      };
      return resultAnswer(callId, await tool.execute(args, context));
    } catch (error) {
      return failureAnswer(callId, error);
    }
  }

  async function answerWith(callId: string, answer: string): Promise<void> {
    try {
      await memory.finish(callId, answer);
    } catch (error) {
      // The answer is still the truth; only a restart would now find the call begun and not finished.
      deps.onError(error);
    }
    deps.send(answer);
  }

  function acknowledge(callId: string): void {
    refused.delete(callId);
    memory.acknowledge(callId, deps.now());
  }

  return {
    request(message) {
      const { callId } = message;
      const known = memory.get(callId);
      if (known?.kind === "answered") deps.send(known.answer);
      // A repeat of a call in progress is answered when that one is.
      else if (!running.has(callId)) perform(message).catch(deps.onError);
    },
    cancel(callId) {
      running.get(callId)?.abort();
      running.delete(callId);
      memory.forget(callId);
    },
    acknowledge,
    refuse(callId, code) {
      // It will be taken later: `resend` sees to it.
      if (code === "unavailable" || code === "too_many_requests") return;
      if ((code !== "payload_too_large" && code !== "invalid_request") || refused.has(callId))
        return acknowledge(callId);
      if (memory.get(callId)?.kind !== "answered") return;
      refused.add(callId);
      const message = `The gateway could not take the tool's result (${code}).`;
      answerWith(callId, errorAnswer(callId, { code: "result_refused", message })).catch(deps.onError);
    },
    resend() {
      for (const { answer } of memory.unacknowledged()) deps.send(answer);
    },
    abort() {
      for (const controller of running.values()) controller.abort();
      running.clear();
    },
  };
}
