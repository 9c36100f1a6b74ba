import { type Comment, parseSync } from "oxc-parser";
import type { Source } from "./architecture-source.ts";

/**
 * The part of the language rule that a machine can check (CONTRIBUTING.md). A sentence of a comment has at most
 * `SENTENCE_WORDS_MAX` words. It uses none of the words that make a reader start again.
 */

/** Words in one sentence of a comment. A reader holds about so many at first sight. */
export const SENTENCE_WORDS_MAX = 25;

/** Columns of a line of comment: as wide as the formatter lets code be. It does not wrap comments. */
export const COMMENT_COLUMNS_MAX = 120;

/** These words hide who acts: name the actor. A function returns; people and HTTP servers answer. */
const RIDDLES = /\b(whoever|whomever|whom|whosoever)\b|^answers\b/i;

/** Returns one line for each sentence or line of a comment that breaks the rule. */
export function languageFaults(source: Source): string[] {
  return [...sentenceFaults(source), ...widthFaults(source)];
}

function sentenceFaults(source: Source): string[] {
  return proseOf(source)
    .flatMap(sentencesOf)
    .flatMap((sentence) => {
      const words = sentence.split(/\s+/).filter((word) => /\w/.test(word)).length;
      const faults: string[] = [];
      if (words > SENTENCE_WORDS_MAX) faults.push(`${source.path}: ${words} words: ${sentence}`);
      if (RIDDLES.test(sentence)) faults.push(`${source.path}: a riddle: ${sentence}`);
      return faults;
    });
}

function widthFaults({ path, text }: Source): string[] {
  const { comments } = parseSync(path, text);
  return comments.flatMap(({ start, end }) => {
    const lineStart = text.lastIndexOf("\n", start) + 1;
    // A comment behind code moves with that code, whose width is the formatter's.
    if (/\S/.test(text.slice(lineStart, start))) return [];
    return text
      .slice(lineStart, end)
      .split("\n")
      .filter((line) => line.length > COMMENT_COLUMNS_MAX)
      .map((line) => `${path}: ${line.length} columns: ${line.trim()}`);
  });
}

/** The text of each comment. Line comments that stand directly below each other are one comment. */
function proseOf({ path, text }: Source): string[] {
  const prose: string[] = [];
  let lastLineEnd: number | null = null;
  for (const comment of parseSync(path, text).comments) {
    const isContinued = lastLineEnd !== null && /^[^\S\n]*\n[^\S\n]*$/.test(text.slice(lastLineEnd, comment.start));
    if (isContinued && comment.type === "Line") prose.push(`${prose.pop() ?? ""}\n${linesOf(comment)}`);
    else prose.push(linesOf(comment));
    lastLineEnd = comment.type === "Line" ? comment.end : null;
  }
  return prose;
}

/** A comment without the stars and slashes in front of its lines. */
function linesOf({ value }: Comment): string {
  return value
    .split("\n")
    .map((line) => line.replace(/^\s*\*?\s?/, ""))
    .join("\n");
}

/**
 * Indented code is no prose. Code in backticks and addresses count as one word. An item of a list is a sentence of its
 * own.
 */
function sentencesOf(prose: string): string[] {
  return prose
    .replaceAll(/```[\s\S]*?```/g, "")
    .replaceAll(/^ {4}.*$/gm, "")
    .replaceAll(/`[^`]*`/g, "code")
    .replaceAll(/https?:\/\/\S+/g, "address")
    .replaceAll(/\b(e\.g|i\.e|etc|vs|cf)\./g, "$1")
    .split(/(?<=[.!?])["')]?\s+|\n\s*\n|\n\s*(?=(?:\d+\.|-)\s)|^\s*@\w+/m)
    .map((sentence) => sentence.replaceAll(/\s+/g, " ").trim())
    .filter((sentence) => sentence !== "");
}
