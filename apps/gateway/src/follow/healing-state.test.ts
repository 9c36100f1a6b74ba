import { formatPosition } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { at, delta, fact } from "../../test/support/follow-world.ts";
import type { EventRecord } from "../core/event-record.ts";
import { EVENTS_PAGE_MAX } from "../ports/limits.ts";
import { beginHealing, type HealingInput, type HealingPhase, nextHealingState } from "./healing-state.ts";
import { FOLLOW_EARLY_CHARACTERS_MAX, FOLLOW_RETRY } from "./limits.ts";

/** A follower of a run whose step began with its third fact. */
function follower({ isLiveLogAway = false } = {}) {
  let state = beginHealing({ lastSeq: 3, hasEnded: false });
  const accepted: string[] = [];
  const self = {
    isLiveLogAway,
    accepted,
    state: () => state,
    phase: () => said(state.phase),
    tell(...inputs: HealingInput[]) {
      for (const input of inputs) {
        const step = nextHealingState(state, input, self.isLiveLogAway);
        state = step.state;
        accepted.push(...step.accepted.map(formatPosition));
      }
      return self;
    },
  };
  return self;
}

function said(phase: HealingPhase): string {
  switch (phase.kind) {
    case "reading":
      return `${phase.source} after ${formatPosition(phase.after)}`;
    case "pausing":
      return `pause of ${phase.delayMs}`;
    default:
      return phase.kind;
  }
}

const heard = (...records: EventRecord[]): HealingInput => ({ kind: "heard", records });
const page = (...records: EventRecord[]): HealingInput => ({ kind: "page", records, jitter: 0 });
const FAILED: HealingInput = { kind: "failed", jitter: 0 };
const RESYNC: HealingInput = { kind: "resync" };
const pauseMs = (fruitless: number) => `pause of ${(FOLLOW_RETRY.minMs * 2 ** (fruitless - 1)) / 2}`;

describe("what is accepted", () => {
  test("records in sequence are accepted as they come, and nothing is read", () => {
    const one = follower().tell(heard(delta(3, 1)), heard(delta(3, 2), fact(4, at(3, 2))));
    expect(one.accepted).toEqual(["3-1", "3-2", "4-0"]);
    expect(one.phase()).toBe("whole");
  });

  test("what is heard twice or late is accepted once", () => {
    const one = follower().tell(heard(delta(3, 1), delta(3, 2)), heard(delta(3, 1)), heard(delta(3, 2), delta(3, 3)));
    expect(one.accepted).toEqual(["3-1", "3-2", "3-3"]);
  });

  test("a terminal fact that passes by a delta whose forerunner was lost stays the end", () => {
    const one = follower().tell(heard(delta(3, 2)), heard(fact(4, at(3)), fact(5, at(4), "run.failed")));
    expect(one.accepted).toEqual(["4-0", "5-0"]);
    expect(one.phase()).toBe("ended");
    // Also if all of it is heard at once.
    expect(
      follower()
        .tell(heard(delta(3, 2), fact(4, at(3), "run.failed")))
        .phase(),
    ).toBe("ended");
  });

  test("records ahead of a gap wait, and follow what closes it", () => {
    const one = follower().tell(heard(delta(3, 3)), heard(delta(3, 2)));
    expect(one.accepted).toEqual([]);
    expect(one.tell(heard(delta(3, 1))).accepted).toEqual(["3-1", "3-2", "3-3"]);
  });

  test("an early fact never passes over deltas that the store's page brings", () => {
    const one = follower().tell(heard(fact(4, at(3, 2))), page());
    expect(one.phase()).toBe("store after 3-0");
    one.tell(page(delta(3, 1)));
    expect(one.accepted).toEqual(["3-1"]);
    one.tell(page(delta(3, 2)));
    expect(one.accepted).toEqual(["3-1", "3-2", "4-0"]);
    expect(one.phase()).toBe("whole");
  });

  test("a fact of the store passes deltas that no store holds, and one of the live log does not", () => {
    const one = follower().tell(heard(fact(4, at(3, 9))));
    expect(one.accepted).toEqual([]);
    expect(one.tell(page(), page(fact(4, at(3, 9)))).accepted).toEqual(["4-0"]);
  });

  test("early records beyond the bound are dropped, and read again instead", () => {
    const one = follower().tell(heard(delta(3, 2)), heard(delta(3, 3, FOLLOW_EARLY_CHARACTERS_MAX)));
    expect(one.state().early).toEqual([]);
    expect(one.state().wanted).toEqual(at(3, 3));
    one.tell(page(delta(3, 1)));
    expect(one.accepted).toEqual(["3-1"]);
    expect(one.phase()).toBe("store after 3-1");
  });

  test("the terminal fact ends it, whatever was in flight", () => {
    const one = follower().tell(RESYNC, heard(fact(4, at(3), "run.completed")));
    expect(one.phase()).toBe("ended");
    one.tell(page(delta(3, 1)), FAILED, { kind: "waited" }, RESYNC, { kind: "tail", lastSeq: 9 }, { kind: "closed" });
    expect(one.accepted).toEqual(["4-0"]);
    expect(one.phase()).toBe("ended");
  });

  test("a follower that was closed accepts nothing more", () => {
    const one = follower().tell(heard(delta(3, 2)), { kind: "closed" }, heard(delta(3, 1)));
    expect(one.accepted).toEqual([]);
    expect(one.state().early).toEqual([]);
  });
});

describe("what is read", () => {
  test("a gap is looked for in the live log first, and then in the store", () => {
    const one = follower().tell(heard(delta(3, 2)));
    expect(one.phase()).toBe("live_log after 3-0");
    expect(one.tell(page(delta(3, 2))).phase()).toBe("store after 3-0");
  });

  test("the live log is left out while it is away, and where it is known not to have what is wanted", () => {
    expect(
      follower({ isLiveLogAway: true })
        .tell(heard(delta(3, 2)))
        .phase(),
    ).toBe("store after 3-0");
    expect(
      follower()
        .tell({ kind: "stored", upTo: at(3, 2) })
        .phase(),
    ).toBe("store after 3-0");
  });

  test("a round goes on from page to page while pages are full", () => {
    const deltas = Array.from({ length: EVENTS_PAGE_MAX }, (_, index) => delta(3, index + 1));
    const one = follower().tell(RESYNC, page(...deltas));
    expect(one.phase()).toBe(`live_log after 3-${EVENTS_PAGE_MAX}`);
    expect(one.tell(page()).phase()).toBe(`store after 3-${EVENTS_PAGE_MAX}`);
  });

  test("a page of the store that holds nothing acceptable is read past", () => {
    const one = follower().tell({ kind: "tail", lastSeq: 4 }, page(), page(delta(3, 2), delta(3, 3)));
    expect(one.phase()).toBe("store after 3-3");
    expect(one.tell(page(fact(4, at(3, 3)))).accepted).toEqual(["4-0"]);
  });

  test("one read is in flight at most: what comes meanwhile waits for its end", () => {
    const one = follower().tell(RESYNC);
    const { phase } = one.state();
    one.tell(heard(delta(3, 2)), { kind: "tail", lastSeq: 7 }, { kind: "stored", upTo: at(7) }, RESYNC);
    expect(one.state().phase).toBe(phase);
  });

  test("a gap that was wanted alone ends the round when it is closed, without a look at the store", () => {
    const one = follower().tell(heard(delta(3, 2)), page(delta(3, 1), delta(3, 2)));
    expect(one.accepted).toEqual(["3-1", "3-2"]);
    expect(one.phase()).toBe("whole");
  });

  test("a resync asks for the store's end, whatever was found before it", () => {
    const one = follower().tell(RESYNC, page(delta(3, 1)), page(delta(3, 2)));
    expect(one.phase()).toBe("store after 3-2");
    expect(one.tell(page()).phase()).toBe("whole");
  });

  test("a resync asked for during a round begins another, since the pages read may be older than it", () => {
    const one = follower().tell(RESYNC, page(delta(3, 1)), RESYNC, page());
    expect(one.phase()).toBe("live_log after 3-1");
  });

  test("a resync during which the store could not be read is not forgotten", () => {
    const one = follower().tell(RESYNC, page(), FAILED);
    expect(one.phase()).toBe(pauseMs(1));
    expect(one.tell({ kind: "waited" }, page(), page(delta(3, 1)), page()).accepted).toEqual(["3-1"]);
    expect(one.phase()).toBe("whole");
  });

  test("a tail that is known already asks for nothing", () => {
    expect(follower().tell({ kind: "tail", lastSeq: 3 }).phase()).toBe("whole");
  });

  test("a poll looks only where deltas may have come", () => {
    expect(follower().tell({ kind: "poll" }).phase()).toBe("live_log after 3-0");
    expect(
      follower()
        .tell(heard(fact(4, at(3))), { kind: "poll" })
        .phase(),
    ).toBe("whole");
    expect(
      follower()
        .tell(heard(fact(4, at(3), "step.started")), { kind: "poll" })
        .phase(),
    ).toBe("live_log after 4-0");
  });
});

describe("how long it pauses", () => {
  /** A round that finds nothing. */
  const inVain = [page(), page()];

  test("reads without gain become rarer, up to the bound", () => {
    const one = follower().tell(heard(delta(3, 2)), ...inVain);
    const pauses = [one.phase()];
    for (let round = 0; round < 9; round++) pauses.push(one.tell({ kind: "waited" }, ...inVain).phase());
    expect(pauses.slice(0, 3)).toEqual([pauseMs(1), pauseMs(2), pauseMs(3)]);
    expect(pauses.at(-1)).toBe(`pause of ${FOLLOW_RETRY.maxMs / 2}`);
  });

  test("a round with gain is followed by the next one at once", () => {
    const one = follower().tell(heard(delta(3, 4)), page(delta(3, 1)), page());
    expect(one.phase()).toBe("live_log after 3-1");
  });

  test("a fact behind a gap ends the pause, and a delta does not", () => {
    const one = follower().tell(heard(delta(3, 2)), ...inVain, { kind: "waited" }, ...inVain);
    expect(one.tell(heard(delta(3, 3))).phase()).toBe(pauseMs(2));
    expect(one.tell(heard(fact(4, at(3, 3)))).phase()).toBe("live_log after 3-0");
    expect(one.tell(...inVain).phase()).toBe(pauseMs(1));
  });

  test("what the store is known to hold ends the pause", () => {
    for (const input of [RESYNC, { kind: "tail", lastSeq: 4 }, { kind: "stored", upTo: at(3, 2) }] as const) {
      expect(
        follower()
          .tell(heard(delta(3, 2)), ...inVain, input)
          .phase(),
      ).toMatch(/after 3-0$/);
    }
  });

  test("a gap that is closed during the pause ends it, and the next gap begins with a short one", () => {
    const one = follower().tell(heard(delta(3, 2)), ...inVain, { kind: "waited" }, ...inVain, heard(delta(3, 1)));
    expect(one.phase()).toBe("whole");
    expect(one.tell(heard(delta(3, 4)), ...inVain).phase()).toBe(pauseMs(1));
  });
});
