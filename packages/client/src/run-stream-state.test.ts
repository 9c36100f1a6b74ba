import { expect, test } from "vitest";
import { HsafaError } from "./error.ts";
import { beginRunStream, nextRunStreamState, type RunStreamInput, type RunStreamState } from "./run-stream-state.ts";

function after(...inputs: RunStreamInput[]): RunStreamState {
  return inputs.reduce((state, input) => nextRunStreamState(state, input, 0.5), beginRunStream(null));
}

const EVENT: RunStreamInput = { kind: "event", id: "7-2", type: "text.delta" };
const CUT: RunStreamInput = { kind: "cut", lastedMs: 20 };
const WAITED: RunStreamInput = { kind: "waited" };

function refused(status: number, retryAfterMs?: number): RunStreamInput {
  return { kind: "refused", error: new HsafaError({ code: "x", message: "x", status, retryAfterMs }) };
}

function delayOf(state: RunStreamState): number {
  return state.kind === "waiting" ? state.delayMs : Number.NaN;
}

test("a stream resumes after the last event that it took", () => {
  expect(after(EVENT, CUT, WAITED)).toMatchObject({ kind: "reading", after: "7-2" });
});

test("a connection that opens and then dies does not reset a stream's backoff; an event does", () => {
  const once = delayOf(after(CUT));
  expect(delayOf(after(CUT, WAITED, CUT, WAITED, CUT))).toBeGreaterThan(2 * once);
  expect(delayOf(after(CUT, WAITED, CUT, WAITED, EVENT, CUT))).toBe(once);
});

test("a quiet stream that something ends once a minute, or every few seconds, is not taken for a failing one", () => {
  for (const lastedMs of [60_000, 5000]) {
    const cut: RunStreamInput = { kind: "cut", lastedMs };
    expect(delayOf(after(cut, WAITED, cut, WAITED, cut))).toBe(delayOf(after(CUT)));
  }
});

test("the wait of a stream is bounded, however often it failed", () => {
  let state = beginRunStream(null);
  for (let count = 0; count < 100; count += 1) {
    state = nextRunStreamState(nextRunStreamState(state, CUT, 0.999), WAITED, 0);
  }
  expect(delayOf(nextRunStreamState(state, CUT, 0.999))).toBeLessThanOrEqual(15_000);
});

test("a stream comes back when the server says, with jitter on top of it", () => {
  const hint: RunStreamInput = { kind: "retry", delayMs: 1000 };
  expect(delayOf(after(EVENT, hint, CUT))).toBe(1250);
  expect(delayOf(after(EVENT, hint, CUT, WAITED, CUT, WAITED, CUT, WAITED, CUT))).toBeGreaterThan(1250);
});

test("a stream waits out refusals that waiting can heal, as long as the server says, and ends with the others", () => {
  expect(delayOf(after(refused(503, 4000)))).toBe(4000);
  expect(after(refused(429)).kind).toBe("waiting");
  for (const status of [400, 401, 403, 404, 410]) expect(after(refused(status)).kind).toBe("failed");
});

test("a terminal event, or a response that nothing follows, ends a stream for good", () => {
  expect(after({ kind: "event", id: "9-0", type: "run.failed" }, CUT, WAITED)).toEqual({ kind: "ended" });
  expect(after({ kind: "nothing_follows" })).toEqual({ kind: "ended" });
});
