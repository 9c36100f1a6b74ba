import { comparePositions, formatPosition, type Position } from "@hsafa/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { at, delta, fact } from "../../test/support/follow-world.ts";
import type { EventRecord } from "../core/event-record.ts";
import { EVENTS_PAGE_MAX } from "../ports/limits.ts";
import { beginHealing, type HealingInput, type HealingState, nextHealingState } from "./healing-state.ts";
import { FOLLOW_EARLY_CHARACTERS_MAX } from "./limits.ts";

/**
 * R8 of the rules alone. A writer appends events. The live log tells of them out of order, twice or never. The store
 * has deltas later than the live log. A page is what was there when it was asked for, and comes at any time after.
 */

/** A payload too large to wait for what comes before it. */
const { payload: LARGE } = delta(1, 1, FOLLOW_EARLY_CHARACTERS_MAX);

/** How many deltas each step has. */
const run = fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 5 });

function eventsOf(steps: readonly number[]): EventRecord[] {
  const events: EventRecord[] = [];
  let prev: Position = at(1);
  for (const deltas of steps) {
    const seq = prev.seq + 1;
    events.push(fact(seq, prev, "step.started"));
    for (let sub = 1; sub <= deltas; sub++) {
      const one = delta(seq, sub);
      events.push(sub === 2 ? { ...one, payload: LARGE } : one);
    }
    events.push(fact(seq + 1, at(seq, deltas), "step.completed"));
    prev = at(seq + 1);
  }
  events.push(fact(prev.seq + 1, prev, "run.completed"));
  return events;
}

type Action =
  | { readonly kind: "write" | "tell" | "tell_early"; readonly n: number }
  | { readonly kind: "flush" | "wipe" | "page" | "fail" | "wait" | "resync" | "tail" | "poll" | "away" };

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("write" as const), n: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("tell", "tell_early"), n: fc.nat(20) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("page", "page", "page", "wait", "fail") }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("flush", "wipe", "resync", "tail", "poll", "away") }) },
);

/** Obeys the state, with a writer, a live log and a store around it. */
function createShell(events: readonly EventRecord[]) {
  let state: HealingState = beginHealing({ lastSeq: 1, hasEnded: false });
  const accepted: EventRecord[] = [];
  let written = 0;
  /** How many of the first events the store holds: whole up to the last fact. */
  let stored = 0;
  let liveLog: EventRecord[] = [];
  let isAway = false;
  /** The page of the read in flight. */
  let inFlight: { readonly phase: HealingState["phase"]; readonly records: readonly EventRecord[] } | null = null;

  function after(records: readonly EventRecord[], position: Position): EventRecord[] {
    return records.filter((record) => comparePositions(record, position) > 0).slice(0, EVENTS_PAGE_MAX);
  }

  function tell(input: HealingInput): void {
    const before = state.phase;
    const step = nextHealingState(state, input, isAway);
    ({ state } = step);
    accepted.push(...step.accepted);
    const { phase } = state;
    if (phase === before || phase.kind !== "reading") return;
    expect(inFlight).toBeNull();
    const source = phase.source === "store" ? events.slice(0, stored) : isAway ? [] : liveLog;
    inFlight = { phase, records: after(source, phase.after) };
  }

  const shell = {
    accepted,
    phase: () => state.phase.kind,
    write() {
      const event = events[written];
      if (event === undefined) return;
      written += 1;
      if (!isAway) liveLog.push(event);
      if (event.sub === 0) stored = written;
    },
    /** The live log tells of some events in a row, from any that was written on. */
    tellOf(first: number, count: number) {
      const records = events.slice(first, Math.min(written, first + count));
      if (records.length > 0) tell({ kind: "heard", records });
    },
    flush() {
      stored = written;
      const last = events[stored - 1];
      if (isAway && last !== undefined) tell({ kind: "stored", upTo: last });
    },
    wipe: () => void (liveLog = []),
    toggleAway: () => void (isAway = !isAway),
    /** The read in flight comes to its end. */
    finishRead(isFailed: boolean) {
      if (inFlight === null) return;
      const { phase, records } = inFlight;
      inFlight = null;
      expect(state.phase === phase || state.phase.kind === "ended").toBe(true);
      tell(isFailed ? { kind: "failed", jitter: 0.5 } : { kind: "page", records, jitter: 0.5 });
    },
    compareTails: () =>
      tell({ kind: "tail", lastSeq: events.slice(0, stored).findLast(({ sub }) => sub === 0)?.seq ?? 1 }),
    /** Lets reads and pauses come to their ends. */
    rest() {
      for (let turn = 0; turn < 100 && (inFlight !== null || state.phase.kind === "pausing"); turn++) {
        shell.finishRead(false);
        if (state.phase.kind === "pausing") tell({ kind: "waited" });
      }
    },
    tell,
    get written() {
      return written;
    },
  };
  return shell;
}

test("any interleaving of records, gaps, resyncs and pages accepts every record once and in order (R8)", () => {
  fc.assert(
    fc.property(
      run,
      fc.boolean(),
      fc.array(action, { minLength: 5, maxLength: 80, size: "max" }),
      (steps, byResync, actions) => {
        const events = eventsOf(steps);
        const shell = createShell(events);
        shell.tell({ kind: "resync" });
        for (const one of actions) {
          switch (one.kind) {
            case "write":
              for (let event = 0; event <= one.n; event++) shell.write();
              break;
            case "tell":
              shell.tellOf(one.n % (shell.written + 1), 1);
              break;
            case "tell_early":
              shell.tellOf(Math.max(0, shell.written - 1 - (one.n % 3)), 3);
              break;
            case "flush":
              shell.flush();
              break;
            case "wipe":
              shell.wipe();
              break;
            case "page":
              shell.finishRead(false);
              break;
            case "fail":
              shell.finishRead(true);
              break;
            case "wait":
              if (shell.phase() === "pausing") shell.tell({ kind: "waited" });
              break;
            case "resync":
              shell.tell({ kind: "resync" });
              break;
            case "tail":
              shell.compareTails();
              break;
            case "poll":
              shell.tell({ kind: "poll" });
              break;
            case "away":
              shell.toggleAway();
              break;
            default:
              one satisfies never;
          }
        }
        // The storm is over, and the store has everything. A resync, or the last event alone, leads to all of it.
        shell.flush();
        if (byResync) shell.tell({ kind: "resync" });
        else shell.tellOf(shell.written - 1, 1);
        shell.finishRead(true);
        shell.rest();
        expect(shell.accepted.map(formatPosition)).toEqual(events.slice(0, shell.written).map(formatPosition));
        // The run ends, and the comparison of tails finds it.
        while (shell.written < events.length) shell.write();
        shell.compareTails();
        shell.rest();
        expect(shell.phase()).toBe("ended");
        expect(shell.accepted.map(formatPosition)).toEqual(events.map(formatPosition));
      },
    ),
    { numRuns: 2000 },
  );
});
