/**
 * Lets words pass a provider's package by. The package checks each frame against a schema, and passes it through
 * several streams. Yet most frames of an answer only add words to the part that the frame before added to.
 *
 * 1. The package is given the first frame of a part's words. What it makes of that shows what to make of the next ones.
 * 2. Words pass it by only once it has returned all words that it was given. So their order stays.
 * 3. A frame that may hold words among other things ends the shortcut for the rest of the answer. How many words the
 *    package returns for it is not known.
 */
import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import type { Growth } from "./wire-format.ts";

/** A part that adds words to a text or to a reasoning. */
export type WordsPart = Extract<LanguageModelV4StreamPart, { readonly type: "text-delta" | "reasoning-delta" }>;

export class WordShortcut {
  /** Characters of words that the package was given and has not returned. */
  #awaited = 0;
  /** The part that the last frame given added words to; null if that frame did anything else. */
  #growing: string | null = null;
  /** What the package made of the last words of this part. */
  #example: WordsPart | null = null;
  #isClosed = false;

  /** The package was given a frame. `growth`: what it adds; `isSilent`: it leads to no words. */
  gave(growth: Growth | null, isSilent: boolean): void {
    if (growth?.isSpeech !== true) {
      if (!isSilent) this.close(); // 3.
      this.#growing = null;
      return;
    }
    if (growth.part !== this.#growing) this.#example = null;
    this.#growing = growth.part;
    this.#awaited += growth.words.length;
  }

  /** The package returned a part of the answer. */
  returned(part: LanguageModelV4StreamPart): void {
    if ((part.type !== "text-delta" && part.type !== "reasoning-delta") || part.delta === "") return;
    this.#awaited -= part.delta.length;
    this.#example = part;
  }

  /** Returns the part that the package would make of these words, or null if the package has to see the frame. */
  partOf(growth: Growth): WordsPart | null {
    if (this.#isClosed || this.#awaited !== 0 || growth.part !== this.#growing || this.#example === null) return null;
    return { ...this.#example, delta: growth.words };
  }

  /** Gives the package all that follows. */
  close(): void {
    this.#isClosed = true;
  }
}
