import type { JsonValue } from "@hsafa/protocol";
import { FOREIGN_CHARACTERS_MAX, SHOWN_CHARACTERS_MAX } from "./limits.ts";
import { visibleLine, visibleText } from "./visible-text.ts";

/** How a piece of output looks on a terminal. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** A piece of output. A foreign one says what somebody else said: a model, a tool, a device, a file, a gateway. */
export interface Piece {
  readonly text: string;
  readonly isForeign: boolean;
  readonly style: Style | null;
}

/** Begins each further line of foreign text. No line of hsafa's own begins so. */
const FOREIGN_MARK = "| ";

/**
 * What may be shown to a person.
 *
 * 1. Nothing else is printed: every way to a terminal takes this type, and only this file makes it.
 * 2. What is hsafa's own is written in the source. Foreign text has its unseen characters written out.
 * 3. Foreign text never begins a line without `FOREIGN_MARK` in front of it, except where the source puts it there.
 */
class ShownText {
  readonly #pieces: readonly Piece[];

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  get pieces(): readonly Piece[] {
    return this.#pieces;
  }
}

export type Shown = ShownText;

/** The words of the source are hsafa's own. Texts that are filled in are foreign: they are put on one line, and cut. */
export function own(words: TemplateStringsArray, ...values: readonly (Shown | string | number)[]): Shown {
  return new ShownText(
    words.flatMap((text, index) => {
      const value = values[index];
      const piece: Piece = { text, isForeign: false, style: null };
      if (value === undefined) return [piece];
      return [piece, ...(value instanceof ShownText ? value : foreignLine(String(value))).pieces];
    }),
  );
}

/** Returns the same with a style, where it has none yet. */
export function styled(style: Style, shown: Shown): Shown {
  return new ShownText(shown.pieces.map((piece) => ({ ...piece, style: piece.style ?? style })));
}

/** The end of a line. */
export const lineEnd: Shown = new ShownText([{ text: "\n", isForeign: false, style: null }]);

/** Returns these one after the other, each on a line of its own. */
export function lines(shown: readonly Shown[]): Shown {
  return new ShownText(shown.flatMap(({ pieces }, index) => (index === 0 ? pieces : [...lineEnd.pieces, ...pieces])));
}

/** Returns a value on one line, cut after what a person takes in at a glance. */
export function brief(value: JsonValue): Shown {
  return foreignLine(typeof value === "string" ? value : JSON.stringify(value), SHOWN_CHARACTERS_MAX);
}

/** Returns foreign text whose lines stay lines. Each but the first is marked as foreign (3). */
export function paragraph(text: string): Shown {
  const [first = "", ...rest] = cut(text, FOREIGN_CHARACTERS_MAX).trimEnd().split(/\r?\n/);
  return lines([foreignLine(first), ...rest.map((line) => own`${foreignMark}${foreignLine(line)}`)]);
}

/** What begins a line of foreign text (3). */
export const foreignMark: Shown = new ShownText([{ text: FOREIGN_MARK, isForeign: false, style: null }]);

/** Returns a part of a foreign text that comes in parts. `before` is the text in front; marks are the caller's. */
export function foreignPart(text: string, before: string): Shown {
  return new ShownText([{ text: visibleText(text, before), isForeign: true, style: null }]);
}

/** Returns foreign text on one line, cut after `charactersMax`. */
export function foreignLine(text: string, charactersMax = FOREIGN_CHARACTERS_MAX): Shown {
  return new ShownText([{ text: visibleLine(cut(text, charactersMax)), isForeign: true, style: null }]);
}

function cut(text: string, charactersMax: number): string {
  return text.length > charactersMax ? `${text.slice(0, charactersMax)}...` : text;
}
