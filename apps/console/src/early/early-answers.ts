import { comparePositions, type Position, type SessionState } from "@hsafa/protocol";
import type { FirstReads } from "../run/record/first-reads.ts";

/** The question who is signed in. `answer`: null until it is there. */
export interface AskedSession {
  readonly asked: Promise<SessionState>;
  readonly answer: SessionState | null;
}

/** What is read early of the run that an address names. */
export interface EarlyRun {
  readonly runId: string;
  /** Where its page opens; null: at the end. */
  readonly at: Position | null;
  readonly reads: FirstReads;
}

let session: AskedSession | null = null;
let run: EarlyRun | null = null;

/** What was asked early (`main.ts`), each for who takes it first. Later it would be old. */
export const earlyAnswers = {
  askedSession(asked: Promise<SessionState>): void {
    session = { asked, answer: null };
  },
  /** The answer is there. It says nothing new to who has taken the question. */
  answeredSession(answer: SessionState): void {
    if (session !== null) session = { ...session, answer };
  },
  keepRun(early: EarlyRun): void {
    run = early;
  },
  takeSession(): AskedSession | null {
    const taken = session;
    session = null;
    return taken;
  },
  /** Null: another run was asked for, or none. */
  takeRun(runId: string, at: Position | null): FirstReads | null {
    const taken = run !== null && run.runId === runId && isSame(run.at, at) ? run.reads : null;
    run = null;
    return taken;
  },
};

function isSame(a: Position | null, b: Position | null): boolean {
  return a === null || b === null ? a === b : comparePositions(a, b) === 0;
}
