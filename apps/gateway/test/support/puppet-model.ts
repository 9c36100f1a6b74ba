import type { JsonValue } from "@hsafa/protocol";
import { systemClock } from "../../src/adapters/system/system-clock.ts";
import type { ModelFailure } from "../../src/core/input.ts";
import type { Model, ModelCall, ModelOutcome, ModelPart } from "../../src/ports/model.ts";
import type { WorldTime } from "./world-time.ts";

/** One call of the model, played by the test. */
export class PuppetCall {
  readonly call: ModelCall;
  readonly signal: AbortSignal;
  readonly #onPart: (part: ModelPart) => void;
  readonly #settle: (outcome: ModelOutcome) => void;
  #said = "";
  #opened = false;

  constructor(params: {
    readonly call: ModelCall;
    readonly signal: AbortSignal;
    readonly onPart: (part: ModelPart) => void;
    readonly settle: (outcome: ModelOutcome) => void;
  }) {
    this.call = params.call;
    this.signal = params.signal;
    this.#onPart = params.onPart;
    this.#settle = params.settle;
    this.signal.addEventListener("abort", () => this.#settle({ kind: "aborted" }));
  }

  say(...words: readonly string[]): this {
    if (!this.#opened) this.#onPart({ kind: "text", at: "start", partId: "p0" });
    this.#opened = true;
    for (const text of words) {
      this.#said += text;
      this.#onPart({ kind: "text", at: "delta", partId: "p0", text });
    }
    return this;
  }

  think(text: string): this {
    this.#onPart({ kind: "reasoning", at: "start", partId: "r0" });
    this.#onPart({ kind: "reasoning", at: "delta", partId: "r0", text });
    this.#onPart({ kind: "reasoning", at: "end", partId: "r0" });
    return this;
  }

  /** Ends the step with what was said and these calls, and returns their ids. */
  finish(...requested: readonly { toolName: string; args?: JsonValue; fault?: string | null }[]): string[] {
    const calls = requested.map(({ toolName, args = {}, fault = null }) => ({
      callId: systemClock.newId(),
      toolName,
      args,
      fault,
      written: "whole" as const,
    }));
    this.#settle({
      kind: "finished",
      finishReason: calls.length > 0 ? "tool-calls" : "stop",
      messages: [{ role: "assistant", content: this.#said }],
      calls,
      usage: { inputTokens: 1, outputTokens: 2 },
    });
    return calls.map((call) => call.callId);
  }

  fail(failure: ModelFailure): void {
    this.#settle({ kind: "failed", failure });
  }
}

/** A model whose every call waits for the test to play it. */
export class PuppetModel implements Model {
  readonly calls: PuppetCall[] = [];
  /** Plays a call at once instead of leaving it to the test. */
  play: ((call: PuppetCall) => void) | null = null;
  readonly #time: Pick<WorldTime, "until">;

  constructor(time: Pick<WorldTime, "until">) {
    this.#time = time;
  }

  step: Model["step"] = ({ call, signal }, onPart) =>
    new Promise((settle) => {
      const puppet = new PuppetCall({ call, signal, onPart, settle });
      if (this.play === null) this.calls.push(puppet);
      else this.play(puppet);
    });

  check(): null {
    return null;
  }

  /** The next call, once it has been made. */
  async next(): Promise<PuppetCall> {
    await this.#time.until("the model is called", () => this.calls.length > 0);
    const call = this.calls.shift();
    if (call === undefined) throw new Error("There is no call.");
    return call;
  }
}
