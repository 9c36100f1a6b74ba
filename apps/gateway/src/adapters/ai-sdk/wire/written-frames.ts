import type { JsonObject } from "@hsafa/protocol";
import type { Growth } from "./wire-format.ts";

/**
 * Frames on their way to the provider's package, as text. Adjacent frames that add words to the same part become one.
 * A frame costs the package several times what reading it does.
 */
export class WrittenFrames {
  #text = "";
  #growth: Growth | null = null;
  #words = "";
  #frames = 0;

  /** How many frames the package is given so far. A frame that is joined to the one before it adds none. */
  get frames(): number {
    return this.#frames;
  }

  /** `growth`: what the frame adds, if it only adds words (`WireFormat.growthOf`). */
  add(frame: JsonObject, growth: Growth | null): void {
    if (growth !== null && growth.part === this.#growth?.part) {
      this.#growth = growth;
      this.#words += growth.words;
      return;
    }
    this.#endGrowth();
    this.#frames += 1;
    this.#growth = growth;
    if (growth === null) this.#text += eventOf(frame);
    else this.#words = growth.words;
  }

  /** Returns the text of the frames since the last call. */
  take(): string {
    this.#endGrowth();
    const text = this.#text;
    this.#text = "";
    return text;
  }

  #endGrowth(): void {
    if (this.#growth === null) return;
    this.#text += eventOf(this.#growth.withWords(this.#words));
    this.#growth = null;
    this.#words = "";
  }
}

function eventOf(frame: JsonObject): string {
  return `data: ${JSON.stringify(frame)}\n\n`;
}
