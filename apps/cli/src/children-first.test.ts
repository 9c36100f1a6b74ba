import { expect, test } from "vitest";
import { childrenFirst } from "./children-first.ts";

const item = (name: string, ...children: readonly string[]) => ({
  agent: {
    name,
    config: { name, tools: children.map((agent) => ({ name: "t", server: { type: "agent", agent } })) },
  },
});
const order = (...items: ReturnType<typeof item>[]) => childrenFirst(items).map(({ agent }) => agent.name);

test("an agent is pushed after those that its tools start, and otherwise they keep their order", () => {
  expect(order(item("a", "c"), item("b"), item("c", "d", "elsewhere"), item("d"))).toEqual(["d", "c", "a", "b"]);
});

test("a cycle of agents ends, and leaves none out", () => {
  expect(order(item("a", "b"), item("b", "a"), item("c", "c")).toSorted()).toEqual(["a", "b", "c"]);
});

test("a config that is none breaks nothing", () => {
  expect(childrenFirst([{ agent: { name: "a", config: { tools: "none" } } }])).toHaveLength(1);
});
