/**
 * The port `Model` over the AI SDK 7 core.
 *
 * It calls the SDK's provider layer (`model.doStream`), not `streamText`. A delta costs two to three times as much CPU
 * through `streamText`, which collects content, steps, telemetry and promises for each call. What that buys are the
 * tool loop and the retries. hsafa does both itself: one step at a time, tools without `execute`, no retry here.
 *
 * The provider layer is the SDK's published contract (`LanguageModelV4`), which every provider package implements. The
 * prompt conversion comes from `ai/internal`. The SDK exports it for its own companions and promises nothing about it.
 * One function of it is used, and `provider-formats.test.ts` would show a change.
 */
import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import type { LeftOut } from "@hsafa/protocol";
import { deepestMessage, failureMessage } from "../../core/failure-message.ts";
import type { ModelFailure } from "../../core/input.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Model, ModelOutcome, ModelPart } from "../../ports/model.ts";
import { callOptionsOf } from "./call-options.ts";
import { accountOf } from "./dialects/origin.ts";
import { withReasoningDetails } from "./dialects/reasoning-details.ts";
import { FileStandIns } from "./file-stand-ins.ts";
import { describeFailure, describeWireEnd, isSchemaFault } from "./describe-failure.ts";
import { type ProviderSettings, Providers, splitModelName } from "./providers.ts";
import { refusesConversation } from "./refuses-conversation.ts";
import { SilenceWatch } from "./silence-watch.ts";
import { StepRecorder, StepTooLargeError } from "./step-recorder.ts";
import type { ProviderWire } from "./wire/provider-wire.ts";

/** Makes the model port from the providers' settings. A provider's package is loaded with its first call. */
export function createAiSdkModel(settings: ProviderSettings, clock: Clock): Model {
  const providers = new Providers(settings, clock);
  return {
    check: (model) => providers.check(model),
    step: async (params, onPart) => blaming(await performStep({ ...params, providers, clock, onPart })),
  };
}

/** Says of a failure whether it is the conversation that was refused. */
function blaming(outcome: ModelOutcome): ModelOutcome {
  if (outcome.kind !== "failed" || !refusesConversation(outcome.failure)) return outcome;
  return { ...outcome, failure: { ...outcome.failure, kind: "bad_request", refusesConversation: true } };
}

/** Why a request is aborted. Made once: to make one costs as much as to read many frames. */
const OVER = new DOMException("the step is over", "AbortError");

type StepParams = Parameters<Model["step"]>[0] & {
  readonly providers: Providers;
  readonly clock: Clock;
  readonly onPart: (part: ModelPart) => void;
};

/**
 * Settles with what comes first: the end of the stream, the abort, or too long a silence. It does not wait for the
 * stream after that, because a stuck provider may never end it. Aborting the request closes the socket.
 */
function performStep(params: StepParams): Promise<ModelOutcome> {
  const { call, idleTimeoutMs, signal, clock } = params;
  const { provider } = splitModelName(call.model);
  if (signal.aborted) return Promise.resolve({ kind: "aborted" });
  return new Promise((resolve) => {
    const request = new AbortController();
    const settle = (outcome: ModelOutcome): void => {
      silence.stop();
      signal.removeEventListener("abort", onAbort);
      resolve(outcome);
      // Harmless after a finished stream. Otherwise it ends the request and its socket.
      request.abort(OVER);
    };
    const onAbort = (): void => settle({ kind: "aborted" });
    const silence = new SilenceWatch({
      clock,
      limitMs: idleTimeoutMs,
      onSilence: () => {
        const message = `${provider} said nothing for ${idleTimeoutMs / 1000} s (modelIdleTimeoutMs).`;
        settle({ kind: "failed", failure: { kind: "idle", message, retryAfterMs: null } });
      },
    });
    signal.addEventListener("abort", onAbort);
    void readStep({ ...params, provider, request: request.signal, silence }).then(settle);
  });
}

/** Reads the stream to its end. Once `request` is aborted it passes nothing on, and its outcome is of no use. */
async function readStep(
  params: StepParams & {
    readonly provider: string;
    readonly request: AbortSignal;
    readonly silence: SilenceWatch;
  },
): Promise<ModelOutcome> {
  const {
    call,
    idleTimeoutMs,
    waitForCapacity,
    nextTurn = noTurn,
    providers,
    clock,
    onPart,
    provider,
    request,
    silence,
  } = params;
  const access = providers.accessOf(provider);
  const origin = { provider, model: call.model, account: accountOf(access) };
  const recorder = new StepRecorder({ origin, newId: () => clock.newId(), onPart });
  const files = new FileStandIns(() => clock.newId());
  const context = { provider, access, now: clock.now() };
  let said: { readonly leftOut?: readonly LeftOut[] } = {};
  let wire: ProviderWire | null = null;
  /** What the wire knows of a failure, since the SDK does not pass it on. Null if the answer is finished. */
  const failureOfWire = (): ModelFailure | null => (wire === null ? null : describeWireEnd(wire.end, context));
  const failed = (failure: ModelFailure): ModelOutcome => ({ kind: "failed", failure, ...said });
  try {
    const opened = await providers.open(call, {
      idleTimeoutMs,
      files,
      nextTurn: () => silence.during(nextTurn()),
      onWords: (part) => {
        if (request.aborted) return undefined;
        if (isSignOfLife(part)) silence.heard();
        recorder.accept(part);
        const capacity = waitForCapacity?.();
        return capacity === undefined ? undefined : silence.during(capacity);
      },
    });
    wire = opened.wire;
    const { model } = opened;
    const shown = { ...call, messages: files.standIn(call.messages) };
    const asked = await callOptionsOf({ call: shown, model, origin, baseUrl: access.baseUrl, abortSignal: request });
    if (asked.leftOut.length > 0) said = { leftOut: asked.leftOut };
    const { stream } = await opened.doStream(asked.options);
    const reader = stream.getReader();
    while (true) {
      const capacity = waitForCapacity?.();
      if (capacity !== undefined) await silence.during(capacity);
      const { done, value: part } = await reader.read();
      if (request.aborted) return { kind: "aborted" };
      if (done) return failed(failureOfWire() ?? brokenOff(provider));
      if (isSignOfLife(part)) silence.heard();
      const end = recorder.accept(part);
      wire?.returned(part);
      // A frame that the package cannot read says nothing. What follows it may be the rest of the answer.
      if (end === null || (end.kind === "error" && isSchemaFault(end.error))) continue;
      const failure = failureOfWire();
      if (failure !== null) return failed(failure);
      switch (end.kind) {
        case "interrupted":
          return failed(brokenOff(provider));
        case "error":
          return failed(describeFailure(end.error, context));
        default: {
          const messages = withReasoningDetails(end.messages, wire?.details ?? [], origin);
          return { ...end, messages, ...said };
        }
      }
    }
  } catch (error) {
    // What the SDK throws after a refusal, or after the end of a torn stream, says less than the wire.
    const failure = error instanceof StepTooLargeError ? null : failureOfWire();
    if (wire !== null && !wire.wasAsked && isSchemaFault(error)) return failed(unsent(error));
    return failed(failure ?? describeFailure(error, context));
  }
}

/** For a caller that shares its event loop with nobody. */
function noTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
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

/** The provider's package has refused the call before it asked. hsafa makes all of it but the tools' arguments. */
function unsent(error: unknown): ModelFailure {
  const message = `The arguments of a tool in 'providerTools' do not fit: ${deepestMessage(error)}`;
  return { kind: "bad_request", message: failureMessage(message), retryAfterMs: null };
}

function brokenOff(provider: string): ModelFailure {
  const message = `The stream from ${provider} broke off before the model had finished.`;
  return { kind: "network", message, retryAfterMs: null };
}
