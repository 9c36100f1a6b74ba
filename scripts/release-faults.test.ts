import { expect, test } from "vitest";
import { type ReleaseState, releaseFaults } from "./release-faults.ts";

const READY: ReleaseState = {
  isDry: false,
  hasToken: true,
  changedFiles: [],
  awaiting: [],
  versions: [
    { name: "hsafa", version: "0.2.0" },
    { name: "@hsafa/client", version: "0.2.0" },
  ],
};

test("a release that is ready has no fault", () => {
  expect(releaseFaults(READY)).toEqual([]);
});

test.each<[string, Partial<ReleaseState>, RegExp]>([
  ["there is no token", { hasToken: false }, /NODE_AUTH_TOKEN/],
  ["the tree has changes", { changedFiles: [" M README.md"] }, /README\.md/],
  ["a change awaits its version", { awaiting: ["first-release.md"] }, /first-release\.md.*changeset version/],
  ["a package was left behind", { versions: [...READY.versions, { name: "x", version: "0.1.0" }] }, /x 0\.1\.0/],
])("nothing is published while %s", (_, change, fault) => {
  expect(releaseFaults({ ...READY, ...change })).toEqual([expect.stringMatching(fault)]);
});

test("a dry run needs no token and no commit, and still no halves of a version", () => {
  const dry = { ...READY, isDry: true, hasToken: false, changedFiles: ["a"], awaiting: ["b.md"] };
  expect(releaseFaults(dry)).toEqual([]);
  const halves = [...READY.versions, { name: "x", version: "0.1.0" }];
  expect(releaseFaults({ ...dry, versions: halves })).toHaveLength(1);
});
