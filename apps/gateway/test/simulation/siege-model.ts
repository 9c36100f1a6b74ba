import type { Message } from "@hsafa/protocol";
import type { Model, ModelOutcome } from "../../src/ports/model.ts";
import type { Machine } from "./machine.ts";
import { DRIPPING_TOOL, siegeKindOf, type SiegeKind } from "./siege.ts";

/** The time between two drops of a model that is never silent, in virtual ms. */
const DRIP_MS = 2000;
/** How long a brief run is silent before it ends, in virtual ms. */
const BRIEF_MS = 3000;

/**
 * The model of a world that is besieged: it serves runs of the hostile tenant as these want it. `stall`: keeps the
 * event loop of the machine for the run with this message.
 */
export function besiegedModel(machine: Machine, model: Model, stall: (text: string) => Promise<void>): Model {
  const { clock } = machine;
  return {
    check: () => null,
    async step(params, onPart): Promise<ModelOutcome> {
      const { call, signal, waitForCapacity } = params;
      const text = lastMessage(call.messages);
      const kind = siegeKindOf(text);
      if (kind === null) return model.step(params, onPart);
      if (!machine.mayAct()) return new Promise(() => {});
      machine.scheduler.trace(`${machine.name} model ${text}`);
      if (kind === "stalls") await stall(text);
      await waitForCapacity?.();
      if (signal.aborted) return { kind: "aborted" };
      if (kind === "drips") onPart({ kind: "text", at: "start", partId: "text" });
      return new Promise((resolve) => {
        let forget = (): void => {};
        const settle = (outcome: ModelOutcome): void => {
          forget();
          resolve(outcome);
        };
        signal.addEventListener("abort", () => settle({ kind: "aborted" }), { once: true });
        const drip = (): void => {
          onPart({ kind: "text", at: "delta", partId: "text", text: "drop " });
          forget = clock.after(DRIP_MS, drip);
        };
        const endsInMs = endsAfterMs(kind);
        if (kind === "drips") forget = clock.after(DRIP_MS, drip);
        else if (endsInMs !== null) forget = clock.after(endsInMs, () => settle(finished(kind, clock.newId())));
      });
    },
  };
}

/** Null: never. */
function endsAfterMs(kind: SiegeKind): number | null {
  switch (kind) {
    case "silent":
    case "drips":
      return null;
    case "brief":
      return BRIEF_MS;
    case "calls":
    case "stalls":
      return 1;
    default:
      return kind satisfies never;
  }
}

function finished(kind: SiegeKind, callId: string): ModelOutcome {
  const toolName = kind === "calls" ? DRIPPING_TOOL : kind === "stalls" ? "fetch" : null;
  const calls = toolName === null ? [] : [{ callId, toolName, args: {}, fault: null, written: "whole" as const }];
  const content = calls.map((one) => ({
    type: "tool-call" as const,
    toolCallId: one.callId,
    toolName: one.toolName,
    input: one.args,
  }));
  return {
    kind: "finished",
    finishReason: calls.length > 0 ? "tool-calls" : "stop",
    messages: [{ role: "assistant", content }],
    calls,
    usage: { outputTokens: 1 },
  };
}

function lastMessage(messages: readonly Message[]): string {
  const named = messages.findLast(
    (message) =>
      message.role === "user" && typeof message.content === "string" && siegeKindOf(message.content) !== null,
  );
  return typeof named?.content === "string" ? named.content : "";
}
