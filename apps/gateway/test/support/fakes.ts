import { comparePositions, formatPosition, START } from "@hsafa/protocol";
import type { EventRecord } from "../../src/core/event-record.ts";
import type { FleetStore } from "../../src/ports/fleet-store.ts";
import { FIRST_GENERATION } from "../../src/ports/generation.ts";
import type { AppendOutcome, LiveLog, TenantLiveLog } from "../../src/ports/live-log.ts";
import type { LocalFeed } from "../../src/ports/local-feed.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";

/** Lets everything run that only waits for promises. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The first generation of a store that never goes back. It keeps what is reported all the same. */
export function quietGeneration() {
  const reports: string[] = [];
  return {
    present: FIRST_GENERATION,
    reports,
    listen() {},
    report: (_tag: string, evidence: string) => void reports.push(evidence),
    wentBack: async (_tag: string, evidence: string) => void reports.push(evidence),
    catchUp: async () => {},
  };
}

/** A live log whose every write waits until the test answers it. */
export class HeldLiveLog {
  readonly writes: {
    records: readonly EventRecord[];
    below: EventRecord | null;
    answer: (outcome: AppendOutcome) => void;
  }[] = [];
  /** Everything accepted so far, by position and text. */
  readonly accepted: EventRecord[] = [];

  readonly #tenantLog: TenantLiveLog = {
    append: ({ records, below = null }) =>
      new Promise((resolve) => {
        this.writes.push({
          records,
          below,
          answer: (outcome) => {
            if (outcome.kind === "appended") this.accepted.push(...outcome.accepted);
            resolve(outcome);
          },
        });
      }),
    read: async () => [],
    subscribe: async () => ({ unsubscribe() {} }),
    sendProgress() {},
  };

  readonly port: LiveLog = {
    enter() {},
    forTenant: () => this.#tenantLog,
    check: async () => null,
    close: async () => {},
  };

  /** Accepts the write in flight, and returns the positions that it carried. */
  async accept(): Promise<string[]> {
    const write = this.#next();
    write.answer({ kind: "appended", accepted: write.records });
    await settled();
    return write.records.map(formatPosition);
  }

  async refuse(): Promise<string[]> {
    const write = this.#next();
    write.answer({ kind: "unavailable" });
    await settled();
    return write.records.map(formatPosition);
  }

  /** Says of the write in flight that the log holds a lost history. */
  async contradict(): Promise<void> {
    this.#next().answer({ kind: "other_history" });
    await settled();
  }

  #next(): HeldLiveLog["writes"][number] {
    const write = this.writes.shift();
    if (write === undefined) throw new Error("No write to the live log is in flight.");
    return write;
  }
}

/** What watchers of this gateway were told, in order: `7-1` for a record, `<=7-1` for a position the store holds. */
export function recordingFeed(): LocalFeed & { readonly said: string[] } {
  const said: string[] = [];
  return {
    said,
    born() {},
    left() {},
    published: (_runId, records) => void said.push(...records.map(formatPosition)),
    stored: (_runId, upTo) => void said.push(`<=${formatPosition(upTo)}`),
  };
}

type AppendDeltas = FleetStore["appendDeltas"];
type Rows = Parameters<AppendDeltas>[0]["rows"];

/** The part of a store that takes deltas; each batch waits until the test answers it. */
export class HeldDeltaStore {
  readonly batches: { rows: Rows; resolve: () => void; reject: (error: unknown) => void }[] = [];
  readonly rows: Rows[number][] = [];

  readonly port: Pick<FleetStore, "appendDeltas"> = {
    appendDeltas: ({ rows }) =>
      new Promise((resolve, reject) => {
        this.batches.push({ rows, resolve, reject });
      }),
  };

  async accept(): Promise<string[]> {
    const batch = this.#next();
    this.rows.push(...batch.rows);
    batch.resolve();
    await settled();
    return batch.rows.map((row) => formatPosition(row.record));
  }

  async fail(): Promise<void> {
    this.#next().reject(new StoreUnavailable("the test says so"));
    await settled();
  }

  #next(): HeldDeltaStore["batches"][number] {
    const batch = this.batches.shift();
    if (batch === undefined) throw new Error("No batch of deltas is in flight.");
    return batch;
  }
}

export function fact(seq: number, prev = START): EventRecord {
  return { seq, sub: 0, prev, type: "step.completed", ts: 0, payload: "{}" };
}

/** Whether positions only rise. */
export function isRising(records: readonly EventRecord[]): boolean {
  return records.every((record, index) => {
    const before = records[index - 1];
    return before === undefined || comparePositions(before, record) < 0;
  });
}
