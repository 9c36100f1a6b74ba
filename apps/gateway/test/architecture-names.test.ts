import { expect, test } from "vitest";
import { nameFaults } from "./architecture-names.ts";
import { repositorySources } from "./architecture-source.ts";

const core = "apps/gateway/src/core";

test("every file and folder is named after a concept, and every file after its main export", () => {
  expect(repositorySources().flatMap(nameFaults)).toEqual([]);
});

test.each([
  ["a file named for nothing", `${core}/date-utils.ts`, "export const dateUtils = {};"],
  ["a folder named for nothing", "packages/client/src/helpers/backoff.ts", "export const backoff = 1;"],
  ["a test named for nothing", "apps/gateway/test/common.ts", ""],
  ["a file of parts", `${core}/engine-parts.ts`, "export interface EngineParts {}"],
  ["what several share, and nothing more", `${core}/shared.ts`, "export const shared = 1;"],
  ["a file that bears another name than its export", `${core}/see-run.ts`, "export function maySee() {}"],
  ["a file that bears only a piece of a word", `${core}/run.ts`, "export function trunk() {}"],
  ["a file without an export", `${core}/quiet.ts`, "const quiet = 1;"],
])("%s is refused", (_what, path, text) => {
  expect(nameFaults({ path, text })).toHaveLength(1);
});

test.each([
  ["a function", "follow-hub.ts", "export function createFollowHub() {}"],
  ["a class", "run-holder.ts", "export class RunHolder {}"],
  ["only a type", "effect.ts", "export interface Effect {}"],
  ["a constant", "retry.ts", "export const MODEL_RETRY = {};"],
  ["several of one kind", "places.ts", "export const placeFacts = 1;"],
  ["what another file holds", "clock.ts", `export { systemClock } from "./system.ts";`],
  ["an abbreviation", "openapi.ts", "export function openApi() {}"],
])("a file may bear the name of %s", (_what, name, text) => {
  expect(nameFaults({ path: `${core}/${name}`, text })).toEqual([]);
});
