/**
 * The connection of one step to its provider. It stands between the HTTP client and the provider's package, and makes
 * what servers say into what the package understands.
 *
 * 1. A frame becomes what `Translation` makes of it.
 * 2. A refusal, within a stream or instead of one, ends the stream. What was said before it is passed on first.
 * 3. A finished answer is not lost when the server keeps or breaks the connection.
 * 4. What is read of a refusal has a bound (R9).
 * 5. A stream that comes faster than it is read leaves the event loop to others after `FRAMES_PER_TURN`.
 * 6. It ends after `FRAMES_PER_STEP_MAX`, whether or not they say anything.
 * 7. Words that pass the package by (`WordShortcut`) are told before the frames that follow them.
 */
import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import type { JsonObject } from "@hsafa/protocol";
import type { Clock } from "../../../ports/clock.ts";
import {
  CLOSED_ANSWER_WAIT_MS,
  FINISHED_ANSWER_WAIT_MS,
  FRAMES_PER_STEP_MAX,
  FRAMES_PER_TURN,
  REFUSAL_BYTES_MAX,
} from "../limits.ts";
import { StreamTooLargeError } from "./frame-reader.ts";
import { redirectOf } from "./redirect-of.ts";
import type { Refusal } from "./refusal.ts";
import { readBodyStart } from "./read-body-start.ts";
import { retryAfterMsOf } from "./retry-after.ts";
import { serverWordsOf } from "./server-words.ts";
import { Translation } from "./translation.ts";
import type { WireEnd } from "./wire-end.ts";
import type { Progress, WireFormat } from "./wire-format.ts";
import type { WordsPart } from "./word-shortcut.ts";

type Fetch = typeof globalThis.fetch;

/** The response of a server that refuses the request. The wire's end says why. */
class RefusedError extends Error {
  override readonly name = "RefusedError";
}

export class ProviderWire {
  readonly #send: Fetch;
  readonly #clock: Clock;
  // The state is only ever given back to the format that made it.
  readonly #format: WireFormat<unknown>;
  readonly #finishedWaitMs: number;
  readonly #nextTurn: () => Promise<void>;
  readonly #onWords: (part: WordsPart) => Promise<void> | undefined;
  #translation: Translation | null = null;
  #refusal: Refusal | null = null;
  #error: unknown = null;
  #wasAsked = false;

  /**
   * `idleTimeoutMs`: the caller gives up after this silence. A finished answer is waited on for less (3.). `nextTurn`:
   * resolves in a later turn of the event loop (5.). `onWords`: takes words that pass the package by (7.), and resolves
   * when more may come; undefined: at once. What it throws ends the stream.
   */
  constructor(params: {
    readonly fetch: Fetch;
    readonly format: WireFormat<unknown>;
    readonly clock: Clock;
    readonly idleTimeoutMs: number;
    readonly nextTurn: () => Promise<void>;
    readonly onWords: (part: WordsPart) => Promise<void> | undefined;
  }) {
    this.#send = params.fetch;
    this.#format = params.format;
    this.#clock = params.clock;
    this.#nextTurn = params.nextTurn;
    this.#onWords = params.onWords;
    this.#finishedWaitMs = Math.min(FINISHED_ANSWER_WAIT_MS, params.idleTimeoutMs / 2);
  }

  /** Whether any request was sent. */
  get wasAsked(): boolean {
    return this.#wasAsked;
  }

  /** How the last response stands, or how it ended once its stream is over. */
  get end(): WireEnd {
    if (this.#refusal !== null) return { kind: "refused", refusal: this.#refusal };
    return this.#translation?.verdict(this.#error) ?? { kind: "open" };
  }

  /** What the server wants back with the answer and its package does not pass on. */
  get details(): readonly JsonObject[] {
    return this.#translation?.details ?? [];
  }

  /** The package returned a part of the answer, and the caller took it (7.). */
  returned(part: LanguageModelV4StreamPart): void {
    this.#translation?.shortcut.returned(part);
  }

  /** Sends a request. Rejects with `RefusedError` if the server refuses it, else with what the client throws. */
  readonly fetch: Fetch = async (url, init) => {
    this.#wasAsked = true;
    this.#translation = null;
    const response = await this.#send(url, { ...init, redirect: "manual" });
    const redirect = redirectOf(response, url instanceof Request ? url.url : String(url));
    if (redirect !== null) {
      await response.body?.cancel();
      const where = `${redirect.origin}${redirect.pathname}`;
      const message = `it redirects to ${where}, and the question would be lost on the way. Set the base URL to that address.`;
      this.#refusal = { message, signs: "", status: response.status, retryAfterMs: null };
      throw new RefusedError(`The server answered ${response.status}.`);
    }
    if (!response.ok) {
      const { status, headers } = response;
      // 4.
      const words = serverWordsOf(await readBodyStart(response, REFUSAL_BYTES_MAX));
      const message = words.message === "" ? response.statusText : words.message;
      const retryAfterMs = retryAfterMsOf(headers, this.#clock.now()) ?? words.retryAfterMs;
      this.#refusal = { ...words, message, status, retryAfterMs };
      throw new RefusedError(`The server answered ${status}.`);
    }
    const body = response.body ?? new Blob([]).stream();
    return new Response(this.#translate(body), { headers: { "content-type": "text/event-stream" } });
  };

  #translate(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const source = body.getReader();
    const translation = new Translation(this.#format);
    this.#translation = translation;
    const finish = (controller: ReadableStreamDefaultController<Uint8Array>, error: unknown): void => {
      const last = translation.end({ isBroken: error !== null });
      if (last !== "") controller.enqueue(Buffer.from(last));
      this.#error = error;
      controller.close();
      // Ends a connection that the server keeps. Its failure changes nothing for this step.
      source.cancel().catch(() => {});
    };
    let sinceTurn = 0;
    let framesRead = 0;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          try {
            while (true) {
              // 5. A piece without a whole frame counts as one: a server may send nothing but those.
              if (sinceTurn >= FRAMES_PER_TURN) {
                sinceTurn = 0;
                await this.#nextTurn();
              }
              if (!translation.hasFrames) {
                const piece = await this.#read(source, translation.progress);
                if (piece === null || translation.isRefused) {
                  finish(controller, null);
                  return;
                }
                translation.push(piece);
              }
              const { words, text, frames, size } = translation.next(FRAMES_PER_TURN - sinceTurn);
              sinceTurn += Math.max(1, size);
              framesRead += Math.max(1, frames);
              if (framesRead > FRAMES_PER_STEP_MAX) throw new StreamTooLargeError(MANY_FRAMES); // 6.
              if (words !== null) await this.#onWords(words);
              if (text !== "") controller.enqueue(Buffer.from(text));
              if (translation.isRefused) finish(controller, null);
              if (text !== "" || translation.isRefused) return;
            }
          } catch (error) {
            finish(controller, error);
          }
        },
        cancel: (reason) => source.cancel(reason),
      },
      { highWaterMark: 0 },
    );
  }

  /** Returns the next piece, or null at the end. A finished answer is waited on for a while only (3.). */
  async #read(source: ReadableStreamDefaultReader<Uint8Array>, progress: Progress): Promise<Uint8Array | null> {
    const next = source.read().then(({ done, value }) => (done ? null : value));
    if (progress === "open") return next;
    const waitMs = Math.min(progress === "closed" ? CLOSED_ANSWER_WAIT_MS : Infinity, this.#finishedWaitMs);
    const { promise: waited, resolve } = Promise.withResolvers<null>();
    const cancelWait = this.#clock.after(waitMs, () => resolve(null));
    // 3. The connection may break meanwhile; the answer is whole.
    const piece = await Promise.race([next.catch(() => null), waited]);
    cancelWait();
    return piece;
  }
}

const MANY_FRAMES = `It sent more than ${FRAMES_PER_STEP_MAX} messages for one step.`;
