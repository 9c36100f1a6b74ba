import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { COLUMNS_MAX, markdownFaults, SENTENCE_WORDS_MAX } from "./markdown-faults.ts";

const root = join(import.meta.dirname, "..");
const exclude = ["**/node_modules/**", "**/dist/**", "**/generated/**"];

/** Names of other programs' settings, which the documents quote. */
const foreign = new Set(["AsyncStorage", "localStorage"]);

test("every document is wrapped, speaks in short sentences, and links to and names only what is there", () => {
  const paths = globSync("**/*.{ts,tsx,js,sql,prisma,json}", { cwd: root, exclude });
  const words = new Set(paths.flatMap((path) => readFileSync(join(root, path), "utf8").split(/\W+/)));
  const isKnown = (name: string): boolean =>
    words.has(name) || foreign.has(name) || paths.some((path) => `/${path}`.endsWith(`/${name}`));
  const documents = globSync("**/*.md", { cwd: root, exclude });
  expect(documents.length).toBeGreaterThan(20);
  const faults = documents.flatMap((path) =>
    markdownFaults({ path, text: readFileSync(join(root, path), "utf8"), root, isKnown }),
  );
  expect(faults).toEqual([]);
});

function faultsOf(text: string, path = "docs/page.md"): string[] {
  return markdownFaults({ path, text, root, isKnown: (name) => name === "known.ts" || name === "KNOWN_MAX" });
}

const words = (count: number): string => Array(count).fill("a").join(" ");

test.each([
  ["a line that is too long", "word. ".repeat(25)],
  ["a sentence that is too long", `${words(SENTENCE_WORDS_MAX)}\nword.`],
  ["a cell of a table that is too long", `| a | ${words(SENTENCE_WORDS_MAX + 1)} |`],
  ["a word that hides who acts", "Whoever stops ends the run."],
  ["a link to a page that is not there", "See [the page](gone.md#words)."],
  ["a file that is not there", "It stands in `gone.ts`."],
  ["a constant that is not there", "At most `GONE_MAX`."],
  ["a function that is not there", "It calls `goneAway`."],
])("%s is refused", (_what, text) => {
  expect(faultsOf(text)).toHaveLength(1);
});

test.each([
  ["short sentences in a row", `${words(20)}.\n${words(20)}.\n${words(20)}.`],
  ["a list", `- ${words(SENTENCE_WORDS_MAX)}\n- ${words(SENTENCE_WORDS_MAX)}`],
  ["a long row of a table", `| ${`${words(10)}; `.repeat(5)} |`],
  ["a long address", `https://example.org/${"a".repeat(COLUMNS_MAX)}`],
  ["code", `\`\`\`sh\n${words(60)}\n\`\`\`\n\n    ${words(60)}`],
  ["code in a sentence, as one word", `Takes \`${words(10)}\` and ${words(20)}.`],
  ["names that are there", "`known.ts` has `KNOWN_MAX`; see [the root](../README.md) and https://example.org/x."],
])("%s may stand in a document", (_what, text) => {
  expect(faultsOf(text)).toEqual([]);
});

test("a page of a decision keeps its sentences", () => {
  expect(faultsOf(`${words(SENTENCE_WORDS_MAX)}\nword.`, "docs/decisions/2026-01-01-page.md")).toEqual([]);
});
