import type { RunStreamEvent } from "@hsafa/client";
import type { RunEvent } from "@hsafa/protocol";
import { check } from "./narrator.ts";

/** Whether an event is a fact: those have a predecessor, deltas follow by counting. */
export function isFact(event: RunEvent): boolean {
  return "prev" in event;
}

/** What a watcher keeps: everything that has a position. */
export function hasPosition(event: RunStreamEvent): event is RunEvent {
  return "id" in event;
}

/** A record as people count it. */
export function countOf(record: readonly RunEvent[]): string {
  const facts = record.filter(isFact).length;
  return `${record.length} events (${facts} facts, ${record.length - facts} deltas)`;
}

/**
 * R2: facts are numbered 1, 2, 3, …, each names the event before it, and each delta follows directly. So nothing is
 * missing and nothing came twice.
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

/** R8: the facts are equal, and so are the deltas. */
export function checkSame(one: readonly RunEvent[], other: readonly RunEvent[], whose: string): void {
  check(one.length === other.length, `${whose}: ${one.length} events against ${other.length}`);
  one.forEach((event, index) => {
    const [mine, theirs] = [JSON.stringify(event), JSON.stringify(other[index])];
    check(mine === theirs, `${whose}: different at ${event.id}:\n${mine}\n${theirs}`);
  });
}

/** What the model said in the given step. */
export function textOf(record: readonly RunEvent[], step: number): string {
  return record
    .flatMap((event) => (event.type === "text.delta" && event.data.step === step ? [event.data.text] : []))
    .join("");
}
