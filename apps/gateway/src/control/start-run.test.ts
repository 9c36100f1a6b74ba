import { expect, test } from "vitest";
import { splitInput } from "./start-run.ts";

const user = (content: string) => ({ role: "user", content }) as const;
const assistant = (content: string) => ({ role: "assistant", content }) as const;

test("a text is one message of the user", () => {
  expect(splitInput("hi")).toEqual({ earlier: [], messages: [user("hi")] });
});

test("only what the user said last is said now", () => {
  const input = [user("a"), assistant("b"), user("c"), user("d")];
  expect(splitInput(input)).toEqual({ earlier: [user("a"), assistant("b")], messages: [user("c"), user("d")] });
});

test("messages of the user alone are all said now", () => {
  expect(splitInput([user("a"), user("b")])).toEqual({ earlier: [], messages: [user("a"), user("b")] });
});

test("an input that the assistant ends says nothing now", () => {
  expect(splitInput([user("a"), assistant("b")])).toEqual({ earlier: [user("a"), assistant("b")], messages: [] });
});
