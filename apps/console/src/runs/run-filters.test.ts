import { expect, test } from "vitest";
import { filtersIn, listQueryOf, readFilters, writeFilters } from "./run-filters.ts";

const NOW = Date.parse("2026-11-29T12:00:00Z");
const ID = "01890a5d-ac96-774b-bcce-b302099a8057";

test("what is written into the field is read, and written as it was", () => {
  const text = `status:failed agent:support version:${ID} thread:inbox subject:ann@example.com device:laptop since:24h metadata:A-17`;
  const read = readFilters(`  ${text.replaceAll(" ", "   ")} `);
  if (read.kind !== "filters") throw new Error("these are filters");
  expect(writeFilters(read.filters)).toBe(text);
  expect(listQueryOf(read.filters, NOW)).toEqual({
    status: "failed",
    agent: "support",
    versionId: ID,
    threadId: "inbox",
    subject: "ann@example.com",
    device: "laptop",
    since: "2026-11-28T12:00:00.000Z",
    metadata: "A-17",
  });
});

test("a text of several words stands in quotes", () => {
  expect(readFilters('metadata:"order 17" agent:support')).toEqual({
    kind: "filters",
    filters: { metadata: "order 17", agent: "support" },
  });
  expect(writeFilters({ metadata: "order 17" })).toBe('metadata:"order 17"');
});

test("times are told as how long ago, as a day, or to the minute, in UTC", () => {
  const sinceOf = (since: string): unknown => listQueryOf({ since }, NOW).since;
  expect(sinceOf("30m")).toBe("2026-11-29T11:30:00.000Z");
  expect(sinceOf("7d")).toBe("2026-11-22T12:00:00.000Z");
  expect(sinceOf("2026-11-28")).toBe("2026-11-28T00:00:00.000Z");
  expect(sinceOf("2026-11-28T09:30")).toBe("2026-11-28T09:30:00.000Z");
  expect(listQueryOf({ until: "2026-11-28T09:30:05Z" }, NOW).until).toBe("2026-11-28T09:30:05.000Z");
});

test("a word alone names an agent, and an id leads to the run", () => {
  expect(readFilters("support")).toEqual({ kind: "filters", filters: { agent: "support" } });
  expect(readFilters(`status:failed ${ID}`)).toEqual({ kind: "run", runId: ID });
  expect(readFilters("")).toEqual({ kind: "filters", filters: {} });
});

test("what is no filter is refused with those that there are", () => {
  const faultOf = (text: string): string => {
    const read = readFilters(text);
    return read.kind === "fault" ? read.message : read.kind;
  };
  expect(faultOf("state:failed")).toContain("status, agent");
  expect(faultOf("status:broken")).toContain("waiting_tool");
  expect(faultOf("agent:")).toContain("needs a value");
  expect(faultOf("since:yesterday")).toContain("24h");
  expect(faultOf("until:2026-99-99")).toContain("no time");
  expect(faultOf("version:3")).toContain("no version");
});

test("an address with foreign words shows the list without them", () => {
  expect(filtersIn({ status: "broken", agent: "support", thread: 7, since: "soon", extra: "x" })).toEqual({
    agent: "support",
  });
});
