import type { FinishReason, JsonObject, JsonValue, Message, ModelSettings, Usage } from "@hsafa/protocol";
import type { ModelFailure } from "../core/input.ts";

/** One call of a model: everything it is shown. Tools have no way to execute: control always comes back. */
export interface ModelCall {
  /** `<provider>/<model>`. */
  readonly model: string;
  readonly system: string | undefined;
  readonly messages: readonly Message[];
  readonly tools: readonly {
    readonly name: string;
    readonly description: string | undefined;
    readonly inputSchema: JsonObject;
  }[];
  readonly settings: ModelSettings;
}

/** What the model says while it says it. Call ids are hsafa's own from the first fragment on. */
export type ModelPart =
  | { readonly kind: "text" | "reasoning"; readonly at: "start" | "end"; readonly partId: string }
  | { readonly kind: "text" | "reasoning"; readonly at: "delta"; readonly partId: string; readonly text: string }
  | { readonly kind: "tool_input"; readonly at: "start" | "end"; readonly callId: string; readonly toolName: string }
  | {
      readonly kind: "tool_input";
      readonly at: "delta";
      readonly callId: string;
      readonly toolName: string;
      readonly text: string;
    };

/** How the call ended. `messages` holds what to append to the conversation, with hsafa's call ids in it. */
export type ModelOutcome =
  | {
      readonly kind: "finished";
      readonly finishReason: FinishReason;
      readonly messages: readonly Message[];
      /** `unparsable`: the arguments were no JSON; `args` is then their text. */
      readonly calls: readonly {
        readonly callId: string;
        readonly toolName: string;
        readonly args: JsonValue;
        readonly unparsable: boolean;
      }[];
      readonly usage: Usage;
    }
  | { readonly kind: "failed"; readonly failure: ModelFailure }
  | { readonly kind: "aborted" };

/** The decision engine, asked for one step at a time. */
export interface Model {
  /**
   * Asks for one step. Calls `onPart` in the model's order, synchronously as fragments arrive. Makes no retries of its
   * own and never rejects; after `signal` aborts it settles soon as `aborted` and says nothing more. Silence longer
   * than `idleTimeoutMs` (no part; a provider's pings do not count) ends the call as a failure of kind `idle`.
   */
  step(
    params: {
      readonly call: ModelCall;
      readonly idleTimeoutMs: number;
      readonly signal: AbortSignal;
      /**
       * Asked before more is read: a promise means that whoever takes the parts is behind, and nothing more is read
       * until it resolves. That pause is no silence of the model.
       */
      readonly waitForCapacity?: () => Promise<void> | undefined;
    },
    onPart: (part: ModelPart) => void,
  ): Promise<ModelOutcome>;
  /**
   * Why a model of this name can not be called here (unknown provider, no API key), or null. Used for clear errors, not
   * as a promise.
   */
  check(model: string): string | null;
}
