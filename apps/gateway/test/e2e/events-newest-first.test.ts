import type { Page, RunEvent } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectProblem } from "../support/expect-problem.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";

describe.each(GATEWAY_PAIRS)("events newest first, %s", (_name, open, isSkipped) => {
  let pair: GatewayPair;
  beforeAll(async () => {
    if (isSkipped) return;
    pair = await open();
    await pair.a.pushAgent({ name: "echo", model: "demo/echo" });
  });
  afterAll(async () => {
    if (!isSkipped) await pair.close();
  });

  test.skipIf(isSkipped)(
    "a run's events are read newest first as well, from its end or from a position, page by page",
    async () => {
      const { runId } = await pair.a.startRun({ agent: "echo", input: "one two three" });
      await pair.b.waitForEnd(runId);
      const events = await pair.b.events(runId);
      const back = events.toReversed();
      for (const facts of [false, true]) {
        const wanted = back.filter(({ id }) => !facts || id.endsWith("-0"));
        const read: RunEvent[] = [];
        for (let cursor: string | null = ""; cursor !== null; ) {
          const query: string = `order=desc&limit=2&facts=${facts}${cursor === "" ? "" : `&cursor=${cursor}`}`;
          const { body }: { body: Page<RunEvent> } = await pair.b.call("GET", `/api/runs/${runId}/events?${query}`);
          read.push(...body.data);
          cursor = body.nextCursor;
        }
        expect(read).toEqual(wanted);
        const before = await pair.b.call<Page<RunEvent>>(
          "GET",
          `/api/runs/${runId}/events?order=desc&limit=1000&before=${wanted[1]?.id}&facts=${facts}`,
        );
        expect(before.body).toEqual({ data: wanted.slice(2), nextCursor: null });
      }
      const asked = (query: string) => pair.b.call("GET", `/api/runs/${runId}/events?${query}`);
      for (const [query, path] of [
        ["before=2-0", "before"],
        ["order=desc&after=2-0", "after"],
        ["order=desc&limit=1001", "limit"],
        ["order=newest", "order"],
      ] as const) {
        expect(expectProblem(await asked(query), 400, "invalid_request").errors).toMatchObject([{ path }]);
      }
      for (const before of ["900-0", "nonsense"])
        expectProblem(await asked(`order=desc&before=${before}`), 400, "invalid_position");
    },
  );
});
