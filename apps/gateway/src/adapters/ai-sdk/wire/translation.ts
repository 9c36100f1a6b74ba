/**
 * Makes the body of a provider's response into frames for its package.
 *
 * 1. Odd frames never reach the package, and never end the step.
 * 2. What was said before a refusal is passed on before the refusal is told.
 * 3. Words that the package would only pass on do not go through it (`WordShortcut`), and keep their place.
 */
import { hasManyParts, JSON_PARTS_MAX, type JsonObject, type JsonValue } from "@hsafa/protocol";
import { FRAME_CHARACTERS, JOINED_FRAME_SIZE } from "../limits.ts";
import { type Frame, FrameReader, StreamTooLargeError } from "./frame-reader.ts";
import { objectOf, parsedJson } from "./parsed-json.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import { serverWordsOf } from "./server-words.ts";
import type { WireEnd } from "./wire-end.ts";
import type { Progress, Reading, WireFormat } from "./wire-format.ts";
import { type WordsPart, WordShortcut } from "./word-shortcut.ts";
import { WrittenFrames } from "./written-frames.ts";

/** What a turn of reading leads to. `words` stand before `text`, the frames for the package. */
interface Translated {
  readonly words: WordsPart | null;
  readonly text: string;
  readonly frames: number;
  /** What the frames count as. */
  readonly size: number;
}

/** The body of one response on its way: bytes in, words and the text of frames for the provider's package out. */
export class Translation {
  readonly shortcut = new WordShortcut();
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
  /** Words that pass the package by, since the last call of `next`. */
  #words: WordsPart | null = null;

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

  /** Translates the frames that wait, of a size of so many at most and one frame more. */
  next(sizeMax: number): Translated {
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
    const words = this.#words;
    this.#words = null;
    return { words, text: this.#written.take(), frames: this.#nextFrame - from, size };
  }

  /** Returns the last frames. What a broken connection left of a frame is dropped. */
  end({ isBroken }: { readonly isBroken: boolean }): string {
    this.shortcut.close(); // Nobody takes words from here on.
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
    // What a listener throws about words after the end would be taken for a whole answer.
    if (this.progress !== "open") this.shortcut.close();
    for (const frame of frames) {
      const growth = this.#format.growthOf(frame);
      const part = growth === null ? null : this.shortcut.partOf(growth);
      if (part !== null) {
        this.#words = this.#words === null ? part : { ...part, delta: this.#words.delta + part.delta };
      } else {
        this.shortcut.gave(growth, this.#format.isSilent(frame));
        this.#written.add(frame, growth);
      }
    }
  }
}

const MANY_PARTS = `It sent a message of more than ${JSON_PARTS_MAX} values and names.`;
