import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** Columns of a line. A table's row and an address may be longer, because Markdown cannot break them. */
export const COLUMNS_MAX = 120;

/** Words of a sentence. A reader holds about so many at first sight. */
export const SENTENCE_WORDS_MAX = 25;

/** A document, and what its names may refer to. */
export interface MarkdownParams {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
  readonly root: string;
  /** Every path and every word of the repository's code, SQL and manifests. */
  readonly isKnown: (name: string) => boolean;
}

/**
 * Returns one sentence for each fault of a Markdown document:
 *
 * 1. A line is too long.
 * 2. A sentence is too long, or is built with a word that hides who acts. Pages of `docs/decisions` are kept as they
 *    are.
 * 3. A link leads to a file that is not there.
 * 4. A name of a file, a constant or a function, in backticks, is one that the repository does not have.
 */
export function markdownFaults({ path, text, root, isKnown }: MarkdownParams): string[] {
  const lines = withoutCode(text.split("\n"));
  const isKept = path.startsWith("docs/decisions/");
  return [
    ...lines.flatMap((line, index) => (isTooLong(line) ? [`${path}:${index + 1}: ${line.length} columns`] : [])),
    ...(isKept ? [] : sentencesOf(lines).flatMap((sentence) => sentenceFaults(sentence, path))),
    ...linksOf(text)
      .filter((link) => !existsSync(join(root, dirname(path), link)))
      .map((link) => `${path}: links to ${link}, which is not there`),
    ...namesOf(lines)
      .filter((name) => !isKnown(name))
      .map((name) => `${path}: names ${name}, which the repository does not have`),
  ];
}

/** Blank lines take the place of fenced and of indented code. */
function withoutCode(lines: readonly string[]): string[] {
  let isFenced = false;
  return lines.map((line, index) => {
    const isFence = line.trimStart().startsWith("```");
    if (isFence) isFenced = !isFenced;
    const before = lines[index - 1] ?? "";
    const isIndented = line.startsWith("    ") && (before === "" || before.startsWith("    "));
    return isFenced || isFence || isIndented ? "" : line;
  });
}

/** 1. The last word of a line cannot be broken, so a long address may stand alone. */
function isTooLong(line: string): boolean {
  if (line.length <= COLUMNS_MAX || line.startsWith("|")) return false;
  return line.trim().includes(" ");
}

/** 2. */
function sentenceFaults(sentence: string, path: string): string[] {
  const words = sentence.split(" ").filter((word) => /\w/.test(word)).length;
  const faults: string[] = [];
  if (words > SENTENCE_WORDS_MAX) faults.push(`${path}: ${words} words: ${sentence}`);
  if (/\b(whoever|whomever|whom)\b/i.test(sentence)) faults.push(`${path}: hides who acts: ${sentence}`);
  return faults;
}

/** Paragraphs, list items and cells of tables, cut into sentences. In a cell a semicolon ends a sentence too. */
function sentencesOf(lines: readonly string[]): string[] {
  const blocks: string[] = [];
  let isOpen = false;
  for (const line of lines) {
    if (line.startsWith("|")) {
      const cells = line.replaceAll(/`[^`]*`/g, "code").split("|");
      blocks.push(...cells.flatMap((cell) => cell.split(/[;·]/)));
      isOpen = false;
    } else if (line.trim() === "" || line.startsWith("#") || line.startsWith("<!--")) {
      isOpen = false;
    } else if (isOpen && !/^\s*([-*]|\d+\.)\s/.test(line)) {
      blocks.push(`${blocks.pop() ?? ""} ${line.trim()}`);
    } else {
      blocks.push(line.trim());
      isOpen = true;
    }
  }
  return blocks.flatMap((block) =>
    block
      .replaceAll(/`[^`]*`/g, "code")
      .replaceAll(/\]\([^)]*\)/g, "]")
      // A quoted name, such as that of a test, counts as one word.
      .replaceAll(/"[^"]*"/g, "name")
      .split(/(?<=[.!?:][*")\]]{0,3})\s+/)
      .map((sentence) => sentence.trim())
      .filter((sentence) => sentence !== ""),
  );
}

/** 3. Links inside of the repository, without their anchors. */
function linksOf(text: string): string[] {
  return [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
    .map((match) => match[1] ?? "")
    .filter((link) => !/^[a-z]+:/.test(link));
}

/** 4. Names in backticks that only code can have: files, CONSTANTS and camelCase. */
function namesOf(lines: readonly string[]): string[] {
  const code = lines.flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ""));
  return code.filter((name) =>
    /^([\w./-]+\.(ts|sql|prisma)|[A-Z][A-Z0-9]*_[A-Z0-9_]+|[a-z]+[A-Z][A-Za-z]*)$/.test(name),
  );
}
