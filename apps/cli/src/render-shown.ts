import { COLUMNS_MIN, TAB_COLUMNS } from "./limits.ts";
import { foreignMark, type Shown, type Style } from "./shown.ts";

/** What text is rendered for. */
export interface Canvas {
  /** Columns of the terminal; null: it is none, and lines are as long as they come. */
  readonly columns: number | null;
  readonly paint: (style: Style, text: string) => string;
}

/**
 * Returns the text to print, and the column in which it ends. A terminal breaks a line that is too long. So
 * foreign text could be padded until a part of it stands alone on a line. Such lines are broken here, with a mark.
 */
export function renderShown(
  shown: Shown,
  { columns, paint }: Canvas,
  column = 0,
): { readonly text: string; readonly column: number } {
  const width = columns === null || columns < COLUMNS_MIN ? Number.POSITIVE_INFINITY : columns;
  let at = column;
  let text = "";
  for (const piece of shown.pieces) {
    let painted = "";
    for (const character of piece.text) {
      const next = columnAfter(character, at);
      if (piece.isForeign && next > width) {
        painted += BREAK;
        at = columnAfter(character, MARK_COLUMNS);
      } else {
        at = next;
      }
      painted += character;
    }
    text += piece.style === null ? painted : paint(piece.style, painted);
  }
  return { text, column: at };
}

/** Returns a text that stays on one line of a terminal of so many columns, whatever it holds. */
export function cutToLine(shown: Shown, columns: number): string {
  let at = 0;
  let text = "";
  for (const { text: part } of shown.pieces) {
    for (const character of part) {
      const next = columnAfter(character, at);
      // The last column stays free: some terminals go on with the next line once it is full.
      if (next >= columns || next <= at) return text;
      text += character;
      at = next;
    }
  }
  return text;
}

const MARK = foreignMark.pieces.map(({ text }) => text).join("");
const BREAK = `\n${MARK}`;
const MARK_COLUMNS = MARK.length;

/** The column after a character, rather too far than too near: characters of unknown width count as wide. */
function columnAfter(character: string, column: number): number {
  if (character === "\n") return 0;
  if (character === "\t") return column + TAB_COLUMNS - (column % TAB_COLUMNS);
  const code = character.codePointAt(0) ?? 0;
  const isNarrow = code < 0x1100 || (code >= 0x2000 && code < 0x2300);
  return column + (isNarrow ? 1 : 2);
}
