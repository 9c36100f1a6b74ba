import type {
  Citation,
  FinishReason,
  JsonObject,
  JsonValue,
  LeftOut,
  Message,
  ModelSettings,
  ProviderTool,
  Source,
  Usage,
} from "@hsafa/protocol";
import type { CallWritten, ModelFailure } from "../core/input.ts";

/** One call of a model, with all that it is shown. Tools cannot execute within it, so control always comes back. */
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
  /** What the provider executes itself, within the step. */
  readonly providerTools?: readonly ProviderTool[] | undefined;
  readonly settings: ModelSettings;
  /** The JSON Schema of the object that the answer is to be. The model may say something else all the same. */
  readonly outputSchema?: JsonObject | undefined;
}

/** A fragment of what the model says. Call ids are hsafa's own from the first fragment on. */
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
    }
  /** The provider executes a tool of its own. Its result comes with the whole step. */
  | {
      readonly kind: "provider";
      readonly at: "called";
      readonly callId: string;
      readonly toolName: string;
      readonly args: JsonValue;
    }
  | {
      readonly kind: "provider";
      readonly at: "answered";
      readonly callId: string;
      readonly toolName: string;
      readonly isError: boolean;
    }
  | { readonly kind: "source"; readonly at: "found"; readonly source: Source };

/**
 * How the call ended. `messages` are to be appended to the conversation, and contain hsafa's call ids. `leftOut`: what
 * of the conversation the model cannot take, and was not shown.
 */
export type ModelOutcome =
  | {
      readonly kind: "finished";
      readonly finishReason: FinishReason;
      readonly messages: readonly Message[];
      /**
       * In the order in which the model wrote them. `fault`: why the arguments cannot be taken; `args` is then their
       * text. Null: `args` is what the model said. `written`: whether the provider closed the call, and whether any
       * text came.
       */
      readonly calls: readonly {
        readonly callId: string;
        readonly toolName: string;
        readonly args: JsonValue;
        readonly fault: string | null;
        readonly written: CallWritten;
      }[];
      readonly usage: Usage;
      /** Where the model found what it says, each once. */
      readonly sources?: readonly Source[];
      readonly citations?: readonly Citation[];
      /** The provider has paused its turn, and goes on when it is asked again. */
      readonly paused?: true;
      readonly leftOut?: readonly LeftOut[];
    }
  | { readonly kind: "failed"; readonly failure: ModelFailure; readonly leftOut?: readonly LeftOut[] }
  | { readonly kind: "aborted" };

/** Language models, called for one step at a time. */
export interface Model {
  /**
   * Asks for one step. Calls `onPart` in the model's order, as fragments arrive. It never rejects, and makes no
   * retries. A request goes twice only if the server refused a field of it that can be left out.
   *
   * After `signal` aborts it settles soon as `aborted`, and calls `onPart` no more. Silence longer than `idleTimeoutMs`
   * ends the call as a failure of kind `idle`; a provider's pings do not break the silence.
   */
  step(
    params: {
      readonly call: ModelCall;
      readonly idleTimeoutMs: number;
      readonly signal: AbortSignal;
      /**
       * Called before more is read. A promise means that the recipient of the parts is behind: nothing more is read
       * until it resolves. That pause does not count as silence.
       */
      readonly waitForCapacity?: () => Promise<void> | undefined;
      /**
       * Awaited between slices of a stream that comes faster than it is read. Resolves in a later turn of the event
       * loop, when it is this step's turn. That pause does not count as silence either.
       */
      readonly nextTurn?: () => Promise<void>;
    },
    onPart: (part: ModelPart) => void,
  ): Promise<ModelOutcome>;
  /**
   * Returns why a model of this name cannot be called here (unknown provider, no API key), or null. It serves clear
   * errors; a call may still fail.
   */
  check(model: string): string | null;
}
