import type { SoakWorld } from "./soak-world.ts";
import type { Turn } from "./turn.ts";

/** How a load went. */
export interface LoadTally {
  /** How often each turn was played. */
  readonly turns: ReadonlyMap<string, number>;
  /** The first turns that failed, and why. */
  readonly failures: readonly string[];
  readonly failureCount: number;
  /** Turns that were due while as many as may were in progress. */
  readonly skipped: number;
}

/** A load at a steady pace. */
export interface SoakLoad {
  readonly tally: LoadTally;
  /** Plays each turn once, all at the same time. */
  warmUp(): Promise<void>;
  resume(): void;
  /** Begins no more turns, and resolves when none is in progress. */
  pause(): Promise<void>;
}

const IN_PROGRESS_MAX = 40;
const TURN_MAX_MS = 60_000;
const FAILURES_SHOWN_MAX = 20;

/** Makes a load, which begins paused. Each turn is chosen at random by its weight. */
export function createSoakLoad(params: {
  readonly world: SoakWorld;
  readonly turns: readonly Turn[];
  readonly turnsPerSecond: number;
}): SoakLoad {
  const { world, turns, turnsPerSecond } = params;
  const inProgress = new Set<Promise<void>>();
  const counts = new Map<string, number>();
  const failures: string[] = [];
  const tally = { turns: counts, failures, failureCount: 0, skipped: 0 };
  let timer: ReturnType<typeof setInterval> | null = null;

  function begin(turn: Turn): void {
    counts.set(turn.name, (counts.get(turn.name) ?? 0) + 1);
    const playing = within(TURN_MAX_MS, turn.play(world))
      .catch((error: unknown) => {
        tally.failureCount += 1;
        if (failures.length < FAILURES_SHOWN_MAX) failures.push(`${turn.name}: ${String(error)}`);
      })
      .finally(() => inProgress.delete(playing));
    inProgress.add(playing);
  }

  return {
    tally,
    async warmUp() {
      for (const turn of turns) begin(turn);
      await Promise.all(inProgress);
    },
    resume() {
      timer ??= setInterval(() => {
        if (inProgress.size < IN_PROGRESS_MAX) begin(chosen(turns, world.random()));
        else tally.skipped += 1;
      }, 1000 / turnsPerSecond);
    },
    async pause() {
      if (timer !== null) clearInterval(timer);
      timer = null;
      await Promise.all(inProgress);
    },
  };
}

/** Returns the turn at a place from 0 to 1, where each has as much room as it weighs. */
function chosen(turns: readonly Turn[], place: number): Turn {
  let rest = place * turns.reduce((sum, { weight }) => sum + weight, 0);
  for (const turn of turns) {
    rest -= turn.weight;
    if (rest < 0) return turn;
  }
  throw new Error("there are no turns");
}

async function within(maxMs: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took more than ${maxMs} ms`)), maxMs);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
