/**
 * The connection of one step to its provider. It stands between the HTTP client and the provider's package, and makes
 * what servers say into what the package understands.
 *
 * 1. Odd frames never reach the package, and never end the step.
 * 2. A refusal, within a stream or instead of one, ends the stream. What was said before it is passed on first.
 * 3. A finished answer is not lost when the server keeps or breaks the connection.
 * 4. What is read of a refusal has a bound (R9).
 * 5. A stream that comes faster than it is read leaves the event loop to others after `FRAMES_PER_TURN`.
 * 6. It ends after `FRAMES_PER_STEP_MAX`, whether or not they say anything.
 */
import { hasManyParts, JSON_PARTS_MAX, type JsonObject, type JsonValue } from "@hsafa/protocol";
import type { Clock } from "../../../ports/clock.ts";
import {
  CLOSED_ANSWER_WAIT_MS,
  FINISHED_ANSWER_WAIT_MS,
  FRAME_CHARACTERS,
  FRAMES_PER_STEP_MAX,
  FRAMES_PER_TURN,
  JOINED_FRAME_SIZE,
  REFUSAL_BYTES_MAX,
} from "../limits.ts";
import type { Progress, Reading, WireFormat } from "./wire-format.ts";
import { type Frame, FrameReader, StreamTooLargeError } from "./frame-reader.ts";
import { objectOf, parsedJson } from "./parsed-json.ts";
import { redirectOf } from "./redirect-of.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import { readBodyStart } from "./read-body-start.ts";
import { retryAfterMsOf } from "./retry-after.ts";
import { serverWordsOf } from "./server-words.ts";
import { WrittenFrames } from "./written-frames.ts";

type Fetch = typeof globalThis.fetch;

/** How the connection stands or ended, as far as the provider's package cannot tell. */
export type WireEnd =
  /** No response has come, or its stream goes on. */
  | { readonly kind: "open" }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** The stream ended before the answer was finished; `error`: what broke it, or null. */
  | { readonly kind: "torn"; readonly error: unknown }
  /** A response came that is no answer in the provider's API. `said`: its first words. */
  | { readonly kind: "foreign"; readonly said: string }
  | { readonly kind: "finished" };

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
  #translation: Translation | null = null;
  #refusal: Refusal | null = null;
  #error: unknown = null;

  /**
   * `idleTimeoutMs`: the caller gives up after this silence. A finished answer is waited on for less (3.). `nextTurn`:
   * resolves in a later turn of the event loop (5.).
   */
  constructor(params: {
    readonly fetch: Fetch;
    readonly format: WireFormat<unknown>;
    readonly clock: Clock;
    readonly idleTimeoutMs: number;
    readonly nextTurn: () => Promise<void>;
  }) {
    this.#send = params.fetch;
    this.#format = params.format;
    this.#clock = params.clock;
    this.#nextTurn = params.nextTurn;
    this.#finishedWaitMs = Math.min(FINISHED_ANSWER_WAIT_MS, params.idleTimeoutMs / 2);
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

  /** Sends a request. Rejects with `RefusedError` if the server refuses it, else with what the client throws. */
  readonly fetch: Fetch = async (url, init) => {
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
              const { text, frames, size } = translation.next(FRAMES_PER_TURN - sinceTurn);
              sinceTurn += Math.max(1, size);
              framesRead += Math.max(1, frames);
              if (framesRead > FRAMES_PER_STEP_MAX) throw new StreamTooLargeError(MANY_FRAMES); // 6.
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

/** The body of one response on its way: bytes in, the text of frames for the provider's package out. */
class Translation {
  readonly #format: WireFormat<unknown>;
  readonly #decoder = new TextDecoder();
  readonly #reader = new FrameReader();
  /** Frames that were read and not translated yet; `#nextFrame`: the first of them. */
  #frames: readonly Frame[] = [];
  #nextFrame = 0;
  #state: unknown;
  #refusal: Refusal | null = null;
  #understood = 0;
  /** The last frame that said nothing that the format knows. It may be the words of a proxy. */
  #odd = "";
  #isOver = false;
  readonly #written = new WrittenFrames();

  constructor(format: WireFormat<unknown>) {
    this.#format = format;
    this.#state = format.initial;
  }

  get progress(): Progress {
    return this.#format.progressOf(this.#state);
  }

  get details(): readonly JsonObject[] {
    return this.#format.detailsOf?.(this.#state) ?? [];
  }

  get isRefused(): boolean {
    return this.#refusal !== null;
  }

  /** Whether frames wait to be translated. */
  get hasFrames(): boolean {
    return this.#nextFrame < this.#frames.length;
  }

  /** Takes the next piece of the body. No frame waits then. */
  push(bytes: Uint8Array): void {
    this.#frames = this.#reader.push(this.#decoder.decode(bytes, { stream: true }));
    this.#nextFrame = 0;
  }

  /** Translates the frames that wait, of a size of so many at most and one frame more. `size`: what they count as. */
  next(sizeMax: number): { readonly text: string; readonly frames: number; readonly size: number } {
    const from = this.#nextFrame;
    let size = 0;
    while (size < sizeMax && this.#refusal === null) {
      const frame = this.#frames[this.#nextFrame];
      if (frame === undefined) break;
      this.#nextFrame += 1;
      const written = this.#written.frames;
      this.#translateFrame(frame);
      const isJoined = this.#written.frames === written;
      size += (isJoined ? JOINED_FRAME_SIZE : 1) + Math.floor(frame.data.length / FRAME_CHARACTERS);
    }
    return { text: this.#written.take(), frames: this.#nextFrame - from, size };
  }

  /** Returns the last frames. What a broken connection left of a frame is dropped. */
  end({ isBroken }: { readonly isBroken: boolean }): string {
    const rest = isBroken ? [] : [...this.#reader.push(this.#decoder.decode()), ...this.#reader.end()];
    for (const frame of rest) {
      if (this.#refusal === null) this.#translateFrame(frame); // 2.
    }
    this.#isOver = true;
    this.#write(this.#format.end(this.#state));
    return this.#written.take();
  }

  /** `error`: what broke the connection, or null. */
  verdict(error: unknown): WireEnd {
    if (this.#refusal !== null) return { kind: "refused", refusal: this.#refusal };
    if (this.progress !== "open") return { kind: "finished" };
    if (!this.#isOver) return { kind: "open" };
    if (error === null && this.#understood === 0 && this.#odd !== "") {
      return { kind: "foreign", said: serverWordsOf(this.#odd).message };
    }
    return { kind: "torn", error };
  }

  #translateFrame({ event, data }: Frame): void {
    if (data.trim() === "[DONE]") return this.#take(this.#format.readDone(this.#state));
    if (hasManyParts(data)) throw new StreamTooLargeError(MANY_PARTS);
    const value = parsedJson(data);
    if (value === undefined) {
      // 1. Keep-alives are words as well, so only an event that is named an error is one.
      if (event === "error") this.#refusal = { ...serverWordsOf(data), retryAfterMs: null };
      else if (data.trim() !== "") this.#odd = data;
    } else if (Array.isArray(value)) {
      for (const item of value) this.#translateValue(item, event);
    } else {
      this.#translateValue(value, event);
    }
  }

  #translateValue(item: JsonValue, event: string | null): void {
    if (this.#refusal !== null) return;
    const refusal = refusalOf(item, event);
    if (refusal !== null) {
      this.#refusal = refusal;
      return;
    }
    const object = objectOf(item);
    // Some servers name the type of a frame by the event alone.
    const named = object !== null && event !== null && object.type === undefined ? { ...object, type: event } : item;
    const reading = this.#format.read(this.#state, named);
    if (!reading.isUnderstood) this.#odd = JSON.stringify(item);
    this.#take(reading);
  }

  #take(reading: Reading<unknown>): void {
    this.#state = reading.state;
    if (reading.isUnderstood) this.#understood += 1;
    this.#write(reading.frames);
  }

  #write(frames: readonly JsonObject[]): void {
    for (const frame of frames) this.#written.add(frame, this.#format.growthOf(frame));
  }
}

const MANY_FRAMES = `It sent more than ${FRAMES_PER_STEP_MAX} messages for one step.`;
const MANY_PARTS = `It sent a message of more than ${JSON_PARTS_MAX} values and names.`;
