import type { Client } from "@hsafa/client";
import type { FactEvent, ListEventsQuery, Page, Run, RunEvent } from "@hsafa/protocol";
import { beforeEach, expect, test, vi } from "vitest";
import { FIRST_FACTS } from "../../limits.ts";
import { beginFirstReads } from "./first-reads.ts";
import { openRunFeed, type RunFeed } from "./run-feed.ts";

/** A gateway with one run that has ended, and what it is asked for. */
function gatewayOf(facts: number) {
  const asked: ListEventsQuery[] = [];
  const counted = { runs: 0 };
  const all = Array.from({ length: facts }, (_, index): FactEvent => {
    const fact = { runId: "r", ts: "2026-11-29T12:00:00.000Z", type: "step.started", data: { step: index + 1 } };
    return { ...fact, id: `${index + 1}-0`, prev: `${index}-0` } as unknown as FactEvent;
  });
  const run = { id: "r", position: `${facts}-0`, completedAt: "2026-11-29T12:00:00.000Z" } as unknown as Run;
  const runs = {
    get: async () => {
      counted.runs += 1;
      return run;
    },
    events: async (_runId: string, query: ListEventsQuery = {}): Promise<Page<RunEvent>> => {
      asked.push(query);
      const { after = "0-0", limit = 50, order = "asc" } = query;
      const from = Number.parseInt(after, 10);
      const data = order === "asc" ? all.slice(from, from + limit) : all.slice(-limit).toReversed();
      return { data, nextCursor: null };
    },
  };
  return { client: { runs } as unknown as Client, asked, counted };
}

/** Resolves with the first thing that the page is told of: which facts are there. */
function firstShown(feed: RunFeed): Promise<{ readonly read: number; readonly length: number }> {
  return new Promise((resolve) => {
    const stop = feed.subscribe(() => {
      const { record, run } = feed.getSnapshot();
      if (run === null) return;
      stop();
      resolve({ read: record.read, length: record.length });
    });
  });
}

beforeEach(() => {
  // A page in the background: it has no frames.
  vi.stubGlobal("document", { hidden: true });
  vi.stubGlobal("window", { setTimeout: globalThis.setTimeout });
  return () => vi.unstubAllGlobals();
});

test("a long run opens at its end with one question for its facts, and shows nothing without them", async () => {
  const { client, asked, counted } = gatewayOf(5000);
  const feed = openRunFeed(client, "r", null);
  expect(await firstShown(feed)).toEqual({ read: FIRST_FACTS, length: 5000 });
  expect([counted.runs, asked]).toEqual([1, [{ facts: true, limit: FIRST_FACTS, order: "desc" }]]);
  expect(feed.getSnapshot().record.fact(5000)).toBeDefined();
  feed.close();
});

test("what was asked for before the page was made is not asked for again", async () => {
  const { client, asked, counted } = gatewayOf(150);
  const early = beginFirstReads(client, "r", { seq: 120, sub: 0 });
  const feed = openRunFeed(client, "r", { seq: 120, sub: 0 }, early);
  expect(await firstShown(feed)).toEqual({ read: 130, length: 150 });
  await vi.waitFor(() => expect(feed.getSnapshot().record.read).toBe(150));
  expect([counted.runs, asked.map(({ after = "0-0" }) => after)]).toEqual([1, ["20-0", "0-0"]]);
  feed.close();
});

test("a position beyond the end of the run shows its end", async () => {
  const { client } = gatewayOf(300);
  const feed = openRunFeed(client, "r", { seq: 9000, sub: 0 });
  await vi.waitFor(() => expect(feed.getSnapshot().record.fact(300)).toBeDefined());
  feed.close();
});
