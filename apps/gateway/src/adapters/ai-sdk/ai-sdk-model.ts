/**
 * The port `Model` over the AI SDK 7 core.
 *
 * It speaks to the SDK's provider layer (`model.doStream`) and uses the SDK's own prompt conversion, not `streamText`:
 * a delta costs two to three times as much CPU through `streamText` (it collects content, steps, telemetry and promises
 * per call), and what that buys, the tool loop and the retries, hsafa owns itself: one step at a time, tools without
 * `execute`, no retry here. The provider layer is the SDK's published contract (`LanguageModelV4`) that every provider
 * package implements. The prompt conversion comes from `ai/internal`, which the SDK exports for its own companions and
 * promises nothing about: one function of it is used, and the tests on the providers' formats would show a change.
 */
import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import type { Clock } from "../../ports/clock.ts";
import type { Model, ModelOutcome, ModelPart } from "../../ports/model.ts";
import { callOptionsOf } from "./call-options.ts";
import { describeFailure } from "./failure.ts";
import { type ProviderSettings, Providers, splitModelName } from "./providers.ts";
import { StepRecorder } from "./step-recorder.ts";

/** Makes the model port from the providers' settings. Providers are loaded when they are first asked for. */
export function createAiSdkModel(settings: ProviderSettings, clock: Clock): Model {
  const providers = new Providers(settings, clock);
  return {
    check: (model) => providers.check(model),
    step: (params, onPart) => performStep({ ...params, providers, clock, onPart }),
  };
}

type StepParams = Parameters<Model["step"]>[0] & {
  readonly providers: Providers;
  readonly clock: Clock;
  readonly onPart: (part: ModelPart) => void;
};

/**
 * Settles with whichever comes first: the end of the stream, the abort, or too long a silence. It does not wait for the
 * stream after that, because a provider that is stuck may never let go of it; aborting the request closes the socket.
 */
function performStep({
  call,
  idleTimeoutMs,
  signal,
  waitForCapacity: room,
  providers,
  clock,
  onPart,
}: StepParams): Promise<ModelOutcome> {
  const { provider } = splitModelName(call.model);
  return new Promise((resolve) => {
    const request = new AbortController();
    let settled = false;
    let lastSignOfLife = clock.monotonic();
    let reading = true;
    let disarm = () => {};

    const settle = (outcome: ModelOutcome) => {
      if (settled) return;
      settled = true;
      disarm();
      signal.removeEventListener("abort", onAbort);
      resolve(outcome);
      // Harmless after a finished stream; otherwise it ends the request and its socket.
      request.abort();
    };
    const onAbort = () => settle({ kind: "aborted" });

    // One timer looks again when the silence could have grown long enough, instead of a timer set anew for every
    // fragment.
    const watchSilence = (delayMs: number) => {
      disarm = clock.after(delayMs, () => {
        const silentMs = reading ? clock.monotonic() - lastSignOfLife : 0;
        if (silentMs < idleTimeoutMs) return watchSilence(idleTimeoutMs - silentMs);
        const message = `${provider} said nothing for ${idleTimeoutMs / 1000} s (modelIdleTimeoutMs).`;
        settle({ kind: "failed", failure: { kind: "idle", message, retryAfterMs: null } });
      });
    };

    const recorder = new StepRecorder({ provider, newId: () => clock.newId(), onPart });
    const read = async (): Promise<ModelOutcome> => {
      try {
        const model = await providers.languageModel(call.model);
        const options = await callOptionsOf(call, model, request.signal);
        const { stream } = await model.doStream(options);
        const reader = stream.getReader();
        while (true) {
          const pause = room?.();
          if (pause !== undefined) {
            reading = false;
            await pause;
            reading = true;
            lastSignOfLife = clock.monotonic();
          }
          const { done, value: part } = await reader.read();
          if (settled) return { kind: "aborted" };
          if (done) return brokenOff(provider);
          if (isSignOfLife(part)) lastSignOfLife = clock.monotonic();
          const end = recorder.accept(part);
          if (end === null) continue;
          if (end.kind === "interrupted") return brokenOff(provider);
          return end.kind === "error" ? failed(end.error) : end;
        }
      } catch (error) {
        return failed(error);
      }
    };
    const failed = (error: unknown): ModelOutcome => ({
      kind: "failed",
      failure: describeFailure(error, { provider, access: providers.accessOf(provider), now: clock.now() }),
    });

    if (signal.aborted) return settle({ kind: "aborted" });
    signal.addEventListener("abort", onAbort);
    watchSilence(idleTimeoutMs);
    void read().then(settle);
  });
}

/** Pings, and fragments that carry nothing, must not hide a dead stream. */
function isSignOfLife(part: LanguageModelV4StreamPart): boolean {
  switch (part.type) {
    case "ping":
    case "raw":
      return false;
    case "text-delta":
    case "reasoning-delta":
    case "tool-input-delta":
      return part.delta !== "" || part.providerMetadata !== undefined;
    default:
      return true;
  }
}

function brokenOff(provider: string): ModelOutcome {
  const message = `The stream from ${provider} broke off before the model had finished.`;
  return { kind: "failed", failure: { kind: "network", message, retryAfterMs: null } };
}
