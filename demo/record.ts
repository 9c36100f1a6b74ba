import type { RunStreamEvent } from "@hsafa/client";
import type { RunEvent } from "@hsafa/protocol";
import { check } from "./narrator.ts";

/** Whether an event is a fact. A fact names its predecessor; a delta has the next position. */
export function isFact(event: RunEvent): boolean {
  return "prev" in event;
}

/** Whether an event has a position. A watcher keeps these. */
export function hasPosition(event: RunStreamEvent): event is RunEvent {
  return "id" in event;
}

/** Describes a record by its counts, for people. */
export function countOf(record: readonly RunEvent[]): string {
  const facts = record.filter(isFact).length;
  return `${record.length} events (${facts} facts, ${record.length - facts} deltas)`;
}

/**
 * Checks that nothing is missing and nothing came twice (R2). Facts are numbered 1, 2, 3, …, and each names the event
 * before it. Each delta follows directly.
 */
export function checkWhole(record: readonly RunEvent[], whose: string): void {
  let before = "0-0";
  for (const event of record) {
    const [seq = 0, sub = 0] = before.split("-").map(Number);
    check(
      event.id === (isFact(event) ? `${seq + 1}-0` : `${seq}-${sub + 1}`),
      `${whose}: after ${before} came ${event.id}`,
    );
    check(
      !("prev" in event) || event.prev === before,
      `${whose}: ${event.id} says it follows another event than ${before}`,
    );
    before = event.id;
  }
}

/** Checks that two records have equal facts and equal deltas (R8). */
export function checkSame(one: readonly RunEvent[], other: readonly RunEvent[], whose: string): void {
  check(one.length === other.length, `${whose}: ${one.length} events against ${other.length}`);
  one.forEach((event, index) => {
    const [mine, theirs] = [JSON.stringify(event), JSON.stringify(other[index])];
    check(mine === theirs, `${whose}: different at ${event.id}:\n${mine}\n${theirs}`);
  });
}

/** Returns what the model said in the given step. */
export function textOf(record: readonly RunEvent[], step: number): string {
  return record
    .flatMap((event) => (event.type === "text.delta" && event.data.step === step ? [event.data.text] : []))
    .join("");
}
