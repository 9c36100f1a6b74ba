import type { ModelSettings } from "@hsafa/protocol";
import type { Clock } from "../../src/ports/clock.ts";
import type { ModelCall, ModelOutcome, ModelPart } from "../../src/ports/model.ts";
import { createAiSdkModel } from "../../src/adapters/ai-sdk/ai-sdk-model.ts";
import type { ProviderSettings } from "../../src/adapters/ai-sdk/providers.ts";

/** Real time, and ids that differ from a provider's. */
function testClock(): Clock {
  let ids = 0;
  return {
    now: () => Date.now(),
    cpu: () => 0,
    monotonic: () => performance.now(),
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
    random: () => 0.5,
    newId: () => `hsafa-${(ids += 1)}`,
  };
}

export interface PlayedStep {
  readonly parts: readonly ModelPart[];
  readonly outcome: ModelOutcome;
}

type StepOptions = Partial<ModelCall> & {
  readonly user?: string;
  readonly settings?: ModelSettings;
  readonly idleTimeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly waitForCapacity?: () => Promise<void> | undefined;
  readonly nextTurn?: () => Promise<void>;
  readonly onPart?: (part: ModelPart) => void;
};

/** Returns a function that asks a model for one step and collects its parts and its outcome. */
export function stepper(settings: ProviderSettings) {
  const model = createAiSdkModel(settings, testClock());
  return async (name: string, options: StepOptions = {}): Promise<PlayedStep> => {
    const {
      user = "hello",
      idleTimeoutMs = 5000,
      signal = new AbortController().signal,
      waitForCapacity,
      nextTurn,
      onPart,
      ...call
    } = options;
    const parts: ModelPart[] = [];
    const outcome = await model.step(
      {
        call: {
          model: name,
          system: undefined,
          messages: [{ role: "user", content: user }],
          tools: [],
          settings: {},
          ...call,
        },
        idleTimeoutMs,
        signal,
        ...(waitForCapacity === undefined ? {} : { waitForCapacity }),
        ...(nextTurn === undefined ? {} : { nextTurn }),
      },
      (part) => {
        parts.push(part);
        onPart?.(part);
      },
    );
    return { parts, outcome };
  };
}

/** Returns each part as a line such as `text.delta p0 "Hel"`, so that a sequence is easy to read. */
export function inShort(parts: readonly ModelPart[]): string[] {
  return parts.map((part) => {
    if (part.kind === "source")
      return `source.found ${part.source.type === "url" ? part.source.url : part.source.title}`;
    if (part.kind === "provider") return `provider.${part.at} ${part.callId} ${part.toolName}`;
    const subject = part.kind === "tool_input" ? `${part.callId} ${part.toolName}` : part.partId;
    return `${part.kind}.${part.at} ${subject}${part.at === "delta" ? ` ${JSON.stringify(part.text)}` : ""}`;
  });
}

/** Makes one delta of adjacent deltas of a text. How many there are depends on how the bytes came. */
export function withWholeTexts(parts: readonly ModelPart[]): ModelPart[] {
  const whole: ModelPart[] = [];
  for (const part of parts) {
    const last = whole.at(-1);
    const isText = part.kind === "text" || part.kind === "reasoning";
    const isNext = isText && part.at === "delta" && last?.kind === part.kind && last.at === "delta";
    if (isNext) whole.splice(-1, 1, { ...part, text: last.text + part.text });
    else whole.push(part);
  }
  return whole;
}
