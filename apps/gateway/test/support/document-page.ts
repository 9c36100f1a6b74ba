import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../../../..");

/** A block of code of a document. */
export interface CodeBlock {
  /** As the fence says it: `ts`, `sh`, `json`; empty if it says nothing. */
  readonly language: string;
  readonly code: string;
}

/** Returns the documents that people read who use hsafa. Those of people who change it speak of its inside. */
export function documentsOfUsers(): readonly string[] {
  const places = ["README.md", "docs/**/*.md", "packages/*/README.md", "apps/*/README.md", "apps/cli/template/*.md"];
  const exclude = ["**/node_modules/**", "**/dist/**", "docs/decisions/**"];
  return globSync(places, { cwd: ROOT, exclude }).toSorted();
}

/** Returns the fenced blocks of a document of this repository, in their order. */
export function blocksOf(document: string): readonly CodeBlock[] {
  const text = readFileSync(join(ROOT, document), "utf8");
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = "", code = ""]) => ({ language, code }));
}

/** Returns what a person types of a block of commands: its lines, without what the page says about them. */
export function commandsOf({ code }: CodeBlock): readonly string[] {
  return code
    .split("\n")
    .map((line) => line.replace(/\s+#\s.*$/, "").trim())
    .filter((line) => line !== "");
}

/** Returns the commands of `hsafa` that a document names within its sentences, without `npx`. */
export function inlineCommandsOf(document: string): readonly string[] {
  const text = readFileSync(join(ROOT, document), "utf8").replaceAll(/^```[\s\S]*?^```$/gm, "");
  return [...text.matchAll(/`(?:npx )?(hsafa\s[^`]+)`/g)].map(([, line = ""]) => line.replaceAll(/\s+/g, " "));
}

/**
 * A document whose blocks are played one after the other.
 *
 * 1. `next` returns the next block, which must be of this language.
 * 2. `end` throws if a block is left that nobody played.
 */
export class DocumentPage {
  readonly #document: string;
  readonly #left: CodeBlock[];

  constructor(document: string) {
    this.#document = document;
    this.#left = [...blocksOf(document)];
  }

  next(language: string): string {
    const block = this.#left.shift();
    if (block?.language !== language)
      throw new Error(`${this.#document}: the next block is ${block?.language ?? "none"}, and not ${language}`);
    return block.code;
  }

  commands(): readonly string[] {
    return commandsOf({ language: "sh", code: this.next("sh") });
  }

  end(): void {
    const [first] = this.#left;
    if (first !== undefined) throw new Error(`${this.#document}: nobody plays this block:\n${first.code}`);
  }
}

/** Returns a text of a document with other words in it, such as an address. Throws if the document lacks one. */
export function withOther(text: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`the document has no '${from}'`);
    return changed.replaceAll(from, to);
  }, text);
}
