/**
 * Reads a run and follows it, for a page to show.
 *
 * 1. What is to be seen is read first: the facts at the end, or at the position that was asked for. The others follow,
 *    and are folded in slices.
 * 2. The stream goes on after the last fact that was read. So no event is left out, and none comes twice.
 * 3. A page is told of changes once a frame, however many events came. Of the first one it is told at once: until then
 *    it shows nothing.
 */
import type { Client, RunStreamCut } from "@hsafa/client";
import {
  type DeltaEvent,
  formatPlace,
  isTerminalType,
  parsePlace,
  type Position,
  type Run,
  type RunEvent,
} from "@hsafa/protocol";
import { hasEnded } from "@hsafa/client/view";
import {
  BACKGROUND_TOLD_MS,
  DELTAS_SHOWN_MAX,
  FACTS_PAGE_ITEMS,
  FACTS_PAGES_AT_ONCE,
  FIRST_FACTS,
  FOLDED_AT_ONCE,
} from "../../limits.ts";
import { drawn } from "../drawn.ts";
import { beginFirstReads, type FirstReads } from "./first-reads.ts";
import { isFact, RunRecord } from "./run-record.ts";

/** How a page stands to the run. */
export type Link =
  | { readonly kind: "opening" }
  | { readonly kind: "live" }
  /** The stream was cut and comes back by itself. `since`: in ms since the epoch. */
  | { readonly kind: "reconnecting"; readonly since: number; readonly failures: number }
  | { readonly kind: "ended" }
  /** Waiting would not help. */
  | { readonly kind: "failed"; readonly error: Error };

/** What a page shows. `version` grows with each change of the record. */
export interface FeedSnapshot {
  readonly run: Run | null;
  readonly record: RunRecord;
  readonly version: number;
  readonly link: Link;
}

/** A run that a page follows. */
export interface RunFeed {
  readonly subscribe: (notify: () => void) => () => void;
  readonly getSnapshot: () => FeedSnapshot;
  /** Reads the deltas after a fact, once. */
  readonly readDeltas: (seq: number) => void;
  /** Reads the facts around one, before the others. */
  readonly readAround: (seq: number) => void;
  readonly close: () => void;
}

/** Begins to read a run, from what stands at a position on; null: from its end. `early`: what was asked for before. */
export function openRunFeed(client: Client, runId: string, at: Position | null, early?: FirstReads | null): RunFeed {
  const stop = new AbortController();
  const { signal } = stop;
  const listeners = new Set<() => void>();
  const record = new RunRecord();
  const asked = new Set<number>();
  let snapshot: FeedSnapshot = { run: null, record, version: 0, link: { kind: "opening" } };
  let frame = 0;
  /** Whether what comes now is far from what is seen. */
  let isBackground = false;
  let isFolding = false;

  function set(change: Partial<FeedSnapshot>): void {
    snapshot = { ...snapshot, ...change, version: snapshot.version + 1 };
    if (frame !== 0 || signal.aborted) return;
    const tell = (): void => {
      frame = 0;
      for (const listener of listeners) listener();
    };
    if (snapshot.version === 1) return tell(); // 3.
    if (change.run === undefined && change.link === undefined && isBackground) {
      frame = window.setTimeout(tell, BACKGROUND_TOLD_MS);
      return;
    }
    // A page in the background has no frames.
    frame = document.hidden ? window.setTimeout(tell, 100) : requestAnimationFrame(tell);
  }

  function place(seq: number): string {
    return formatPlace({ seq, sub: 0 }, record.generation);
  }

  async function readFacts(after: number, limit: number): Promise<void> {
    const query = { facts: true, limit, ...(after === 0 ? {} : { after: place(after) }) };
    const { data } = await client.runs.events(runId, query, { signal });
    take(data);
  }

  function take(events: readonly RunEvent[]): void {
    record.addFacts(events);
    set({});
    void foldOn();
  }

  /** Folds what was read, a slice at a time. The page is told once there is no more to fold. */
  async function foldOn(): Promise<void> {
    if (isFolding) return;
    isFolding = true;
    let slices = 0;
    for (; record.foldOn(FOLDED_AT_ONCE) && !signal.aborted; slices += 1) await otherWork();
    isFolding = false;
    if (slices > 0) set({});
  }

  /** Reads the facts that are missing, up to a number, from the first one on. */
  async function readRest(to: number): Promise<void> {
    const starts: number[] = [];
    for (let seq = 1; seq <= to; seq += 1) {
      if (record.fact(seq) !== undefined) continue;
      starts.push(seq - 1);
      seq += FACTS_PAGE_ITEMS - 1;
    }
    const readers = Array.from({ length: FACTS_PAGES_AT_ONCE }, async () => {
      for (let after = starts.shift(); after !== undefined; after = starts.shift()) await readPage(after, to);
    });
    isBackground = starts.length > 0;
    await Promise.all(readers);
    isBackground = false;
    set({});
  }

  /** Reads one page of facts. The gateway ends a page early where it has many bytes. */
  async function readPage(after: number, to: number): Promise<void> {
    const end = Math.min(after + FACTS_PAGE_ITEMS, to);
    for (let from = after; from < end; ) {
      await readFacts(from, end - from);
      const before = from;
      while (from < end && record.fact(from + 1) !== undefined) from += 1;
      if (from === before) return;
    }
  }

  async function follow(after: string): Promise<void> {
    const onCut = ({ failures }: RunStreamCut): void => {
      const since = snapshot.link.kind === "reconnecting" ? snapshot.link.since : Date.now();
      set({ link: { kind: "reconnecting", since, failures } });
    };
    set({ link: { kind: "live" } });
    for await (const event of client.runs.stream(runId, { after, signal, onCut })) {
      record.addLive(event);
      const link: Link = { kind: "id" in event && isTerminalType(event.type) ? "ended" : "live" };
      set({ link: snapshot.link.kind === link.kind ? snapshot.link : link });
      if (link.kind === "ended") set({ run: await client.runs.get(runId, { signal }) });
    }
    set({ link: { kind: "ended" } });
  }

  async function open(): Promise<void> {
    const begun = early ?? beginFirstReads(client, runId, at, { signal });
    const [run, facts] = await Promise.all([begun.run, begun.facts]);
    const { position, generation } = parsePlace(run.position) ?? { position: { seq: 1 }, generation: "" };
    record.begin(position.seq, generation);
    snapshot = { ...snapshot, run };
    take(facts ?? []);
    // The facts may have been read after the run.
    const { length } = record;
    const end = Math.min(at?.seq ?? length, length);
    // 1. Those that led to the position, and some after it.
    const first = Math.max(0, end - (at === null ? FIRST_FACTS : FIRST_FACTS / 2));
    if (record.fact(end) === undefined) await readFacts(first, Math.min(FIRST_FACTS, length - first));
    if (at !== null && at.sub > 0) readDeltas(at.seq);
    const rest = drawn().then(() => readRest(length));
    if (run.completedAt === null)
      await Promise.all([rest, follow(place(length))]); // 2.
    else {
      set({ link: { kind: "ended" } });
      await rest;
    }
  }

  function readDeltas(seq: number): void {
    if (asked.has(seq) || record.deltasAfter(seq).length > 0) return;
    asked.add(seq);
    const read = async (): Promise<void> => {
      const deltas: DeltaEvent[] = [];
      for (let after = place(seq); deltas.length < DELTAS_SHOWN_MAX; ) {
        const { data, nextCursor } = await client.runs.events(runId, { after, limit: FACTS_PAGE_ITEMS }, { signal });
        const end = data.findIndex((event) => isFact(event));
        deltas.push(...data.slice(0, end < 0 ? undefined : end).filter(isDelta));
        if (end >= 0 || nextCursor === null) break;
        after = nextCursor;
      }
      // Of the open step the stream has brought them.
      if (seq < record.length || hasEnded(record.view)) record.setDeltas(seq, deltas);
      set({});
    };
    read().catch(fail);
  }

  function fail(error: unknown): void {
    if (signal.aborted) return;
    set({ link: { kind: "failed", error: error instanceof Error ? error : new Error(String(error)) } });
  }

  open().catch(fail);
  return {
    subscribe(notify) {
      listeners.add(notify);
      return () => listeners.delete(notify);
    },
    getSnapshot: () => snapshot,
    readDeltas,
    readAround(seq) {
      const after = Math.max(0, seq - FIRST_FACTS / 2);
      if (record.fact(seq) !== undefined || asked.has(-after)) return;
      asked.add(-after);
      readFacts(after, FIRST_FACTS).catch(fail);
    },
    close: () => stop.abort(),
  };
}

/** Lets the page do what waits. */
function otherWork(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener("message", () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(null);
  });
}

function isDelta(event: RunEvent): event is DeltaEvent {
  return !isFact(event);
}
