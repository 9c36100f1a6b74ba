import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { COMMENT_COLUMNS_MAX, languageFaults, SENTENCE_WORDS_MAX } from "./language-rules.ts";

const root = join(import.meta.dirname, "../../..");

/** A sentence of so many words, short enough for one line. */
const wordy = (words: number): string => `${Array(words).fill("we").join(" ")}.`;

function faultsOf(text: string): string[] {
  return languageFaults({ path: "a.ts", text });
}

test("every comment speaks in sentences that a reader understands at first sight", () => {
  const paths = globSync("{packages,apps}/*/{src,bin,test,bench,prisma}/**/*.{ts,tsx,js}", {
    cwd: root,
    exclude: (path) => /(^|\/)(node_modules|dist|generated)$/.test(path),
  }).concat(globSync("{demo,examples,scripts}/**/*.{ts,js}", { cwd: root }));
  expect(paths.length).toBeGreaterThan(100);
  const faults = paths.flatMap((path) => languageFaults({ path, text: readFileSync(join(root, path), "utf8") }));
  expect(faults).toEqual([]);
});

test("a sentence that is too long is refused in block, doc and line comments", () => {
  const long = wordy(SENTENCE_WORDS_MAX + 1);
  expect(faultsOf(`/* ${long} */`)).toHaveLength(1);
  expect(faultsOf(`/**\n * ${long}\n */\nconst a = 1;`)).toHaveLength(1);
  expect(faultsOf(`// ${long}`)).toHaveLength(1);
});

test("a sentence that goes on over several line comments is one sentence", () => {
  const half = wordy(SENTENCE_WORDS_MAX).slice(0, -1);
  expect(faultsOf(`// ${half}\n// ${half}.`)).toHaveLength(1);
  expect(faultsOf(`// ${half}\nconst a = 1;\n// ${half}`)).toHaveLength(0);
});

test("short sentences, code and list items may follow each other without end", () => {
  const sentence = wordy(SENTENCE_WORDS_MAX);
  expect(faultsOf(`/**\n * ${sentence}\n * ${sentence}\n * ${sentence}\n */`)).toEqual([]);
  expect(faultsOf(`/** Takes \`${wordy(30)}\` as it is. */`)).toEqual([]);
  expect(faultsOf(`/**\n * ${sentence}\n *\n *     ${wordy(30)}\n */`)).toEqual([]);
  expect(faultsOf(`/**\n * ${sentence}\n *\n * 1. ${sentence}\n * 2. ${sentence}\n */`)).toEqual([]);
});

test("riddles are refused", () => {
  expect(faultsOf("// Whoever gives up a performance gives up the run.")).toHaveLength(1);
  expect(faultsOf("/** Answers the runs. */")).toHaveLength(1);
  expect(faultsOf("/** Returns the runs. */")).toEqual([]);
});

test("what stands in a string is no comment", () => {
  expect(faultsOf(`const text = "// ${wordy(SENTENCE_WORDS_MAX + 1)}";`)).toEqual([]);
});

test("a line of comment that is wider than code may be is refused", () => {
  const word = "x".repeat(COMMENT_COLUMNS_MAX);
  expect(faultsOf(`// ${word}`)).toHaveLength(1);
  expect(faultsOf(`/**\n * ${word.slice(0, -3)}\n */`)).toEqual([]);
  expect(faultsOf(`const text = "${word}";`)).toEqual([]);
});
