import { expect, test } from "vitest";
import { markdownBlocks } from "./markdown-blocks.ts";

test("a text falls into its blocks, and a block of code stays whole", () => {
  const code = "```js\nconst a = 1;\n\nconst b = 2;\n```";
  expect(markdownBlocks(`one\n\n${code}\n\ntwo\nlines\n\n`)).toEqual(["one", code, "two\nlines"]);
});

test("code that is still being written does not fall apart", () => {
  expect(markdownBlocks("```\nfirst\n\nsecond")).toEqual(["```\nfirst\n\nsecond"]);
});

test("a list with empty lines in it stays one list", () => {
  expect(markdownBlocks("1. one\n\n2. two")).toEqual(["1. one\n\n2. two"]);
  expect(markdownBlocks("- one\n\nafter")).toEqual(["- one", "after"]);
});

test("a word at the end changes the last block alone", () => {
  const [first] = markdownBlocks("one\n\ntwo");
  expect(markdownBlocks("one\n\ntwo three")[0]).toBe(first);
});
