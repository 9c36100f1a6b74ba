import { escapeUnseen, UNSEEN } from "@hsafa/protocol";
import { CONTEXT_CHARACTERS } from "./limits.ts";

/** Where the zero-width joiners belong to the spelling: within an emoji, and in scripts whose letters join. */
const EMOJI_BEFORE = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f]$/u;
const VARIED_BEFORE = /[\p{Extended_Pictographic}#*0-9]$/u;
const JOINING_BEFORE =
  /[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}]$/u;

/**
 * Returns a text of several lines with every unseen character written out, as in `<U+001B>`. Line feeds and tabs stay.
 * `before` is the text that stands in front of it.
 */
export function visibleText(text: string, before = ""): string {
  const context = before.slice(-CONTEXT_CHARACTERS);
  return (context + text.replaceAll("\r\n", "\n"))
    .replaceAll(UNSEEN, (character: string, offset: number, whole: string) => {
      const isKept = character === "\n" || character === "\t" || offset < context.length;
      return isKept || isSpelling(character, whole.slice(0, offset)) ? character : writtenOut(character);
    })
    .slice(context.length);
}

/** Returns a text on one line, with every unseen character written out. */
export function visibleLine(text: string): string {
  return visibleText(text.replaceAll(/[ \t]*[\r\n][ \t\r\n]*/g, " ").replaceAll("\t", " "));
}

/** Returns a value as a line of JSON that says exactly the same and has no unseen character. */
export function visibleJson(value: unknown): string {
  return escapeUnseen(JSON.stringify(value));
}

function isSpelling(character: string, before: string): boolean {
  const near = before.slice(-CONTEXT_CHARACTERS);
  switch (character) {
    case "\u200c":
      return JOINING_BEFORE.test(near);
    case "\u200d":
      return EMOJI_BEFORE.test(near) || JOINING_BEFORE.test(near);
    case "\ufe0e":
    case "\ufe0f":
      return VARIED_BEFORE.test(near);
    default:
      return false;
  }
}

function writtenOut(character: string): string {
  return `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`;
}
