import { foreignMark, foreignPart, lineEnd, type Shown } from "./shown.ts";

/**
 * Shows a foreign text that comes in parts, such as the words of a model. With marks, each of its lines begins with
 * `foreignMark`.
 */
export class ForeignStream {
  readonly #isMarked: boolean;
  #before = "";
  /** A carriage return is a line's end only together with what follows it. */
  #held = "";

  constructor({ isMarked }: { readonly isMarked: boolean }) {
    this.#isMarked = isMarked;
  }

  /** Whether the last part ended its line, or there was none. */
  get isAtLineStart(): boolean {
    return this.#held === "" && (this.#before === "" || this.#before.endsWith("\n"));
  }

  /** Returns what to show of the next part. */
  next(part: string): readonly Shown[] {
    const text = this.#held + part;
    this.#held = text.endsWith("\r") ? "\r" : "";
    return this.#show(text.slice(0, text.length - this.#held.length));
  }

  /** Returns what is still to be shown at the end, with the end of the last line. */
  end(): readonly Shown[] {
    const rest = this.#show(this.#held);
    this.#held = "";
    if (this.isAtLineStart) return rest;
    this.#before = "";
    return [...rest, lineEnd];
  }

  #show(text: string): readonly Shown[] {
    const shown: Shown[] = [];
    for (const piece of text.match(/[^\n]*\n|[^\n]+/g) ?? []) {
      const isLineStart = this.#before === "" || this.#before.endsWith("\n");
      if (this.#isMarked && isLineStart) shown.push(foreignMark);
      shown.push(foreignPart(piece, isLineStart ? "" : this.#before));
      this.#before = piece;
    }
    return shown;
  }
}
