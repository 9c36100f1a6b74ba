import { expect, test } from "vitest";
import { SAVED_VIEWS_MAX } from "../limits.ts";
import { readViews, type SavedView, withoutView, withView } from "./saved-views.ts";

test("what a browser has kept is read, and what is no view is left out", () => {
  const views: SavedView[] = [{ name: "failed today", filters: { status: "failed", agent: "support" } }];
  expect(readViews(JSON.stringify(views))).toEqual(views);
  expect(readViews(JSON.stringify([...views, 7, { name: 1 }, { name: "a", filters: { status: "odd" } }]))).toEqual([
    ...views,
    { name: "a", filters: {} },
  ]);
  expect([readViews(null), readViews("{}"), readViews("no JSON")]).toEqual([[], [], []]);
});

test("a view of a known name takes its place, and a browser keeps no more than the bound", () => {
  const first = withView([], { name: " mine ", filters: { agent: "a" } });
  expect(withView(first, { name: "mine", filters: { agent: "b" } })).toEqual([
    { name: "mine", filters: { agent: "b" } },
  ]);
  expect(withView(first, { name: "  ", filters: {} })).toEqual(first);
  expect(withoutView(first, "mine")).toEqual([]);
  let many: SavedView[] = [];
  for (let index = 0; index <= SAVED_VIEWS_MAX; index += 1) many = withView(many, { name: `v${index}`, filters: {} });
  expect([many.length, many[0]?.name]).toEqual([SAVED_VIEWS_MAX, "v1"]);
});
