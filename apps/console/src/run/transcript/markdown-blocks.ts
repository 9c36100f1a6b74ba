/**
 * Splits a text at the empty lines between its blocks, so that a word which is added changes one block. A block of code
 * is one, whatever stands in it.
 */
export function markdownBlocks(text: string): string[] {
  const blocks: string[] = [];
  let block: string[] = [];
  let fence: string | null = null;
  let isEmptyLine = false;
  for (const line of text.split("\n")) {
    const isEmpty = fence === null && line.trim() === "";
    if (!isEmpty && isEmptyLine && block.length > 0 && !continues(block, line)) {
      blocks.push(block.join("\n").trimEnd());
      block = [];
    }
    isEmptyLine = isEmpty;
    if (isEmpty && block.length === 0) continue;
    block.push(line);
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence === null && mark !== undefined) fence = mark;
    else if (fence !== null && mark?.startsWith(fence) === true) fence = null;
  }
  if (block.length > 0) blocks.push(fence === null ? block.join("\n").trimEnd() : block.join("\n"));
  return blocks;
}

const ITEM = /^\s*([-*+]|\d+[.)])\s/;

/** A list may go on after an empty line, and its numbers with it. */
function continues(block: readonly string[], next: string): boolean {
  return ITEM.test(block[0] ?? "") && (ITEM.test(next) || /^\s{2,}/.test(next));
}
