import { isDeepStrictEqual } from "node:util";
import type { RunEvent } from "@hsafa/protocol";
import type { StreamCase } from "./stream-case.ts";

/** A request for the stream: the position that it asked to go on after, and the last one that it was sent whole. */
export interface SeenRequest {
  readonly after: string | null;
  readonly lastSent: string | null;
}

/** What was seen of a program that follows a run. */
export interface SeenStream {
  /** What it printed, a line each. */
  readonly lines: readonly string[];
  readonly requests: readonly SeenRequest[];
  /** The record of the run, from the gateway. */
  readonly record: readonly RunEvent[];
}

/** Returns what is not as the case wants it, a sentence each. */
export function judgeStreamCase({ requests: wanted = 1 }: Pick<StreamCase, "requests">, seen: SeenStream): string[] {
  const faults: string[] = [];
  if (seen.requests.length !== wanted) faults.push(`the program made ${seen.requests.length} requests, not ${wanted}`);
  for (const [index, { after }] of seen.requests.entries()) {
    const lastSent = seen.requests.slice(0, index).findLast((request) => request.lastSent !== null)?.lastSent ?? null;
    if (after !== lastSent) faults.push(`request ${index + 1} asked for what comes after ${after}, not ${lastSent}`);
  }
  return [...faults, ...printedFaults(seen)];
}

function printedFaults({ lines, record }: SeenStream): string[] {
  const printed: Record<string, unknown>[] = [];
  for (const line of lines) {
    try {
      printed.push(JSON.parse(line) as Record<string, unknown>);
    } catch {
      return [`the program printed what is no JSON: ${line.slice(0, 100)}`];
    }
  }
  // After a rewind only what follows counts. What has no id has no place in the record.
  const rewound = printed.findLastIndex(({ type }) => type === "stream.rewound");
  const events = printed.slice(rewound + 1).filter(({ id }) => typeof id === "string");
  const repeated = events.find(({ id }, index) => events.findIndex((other) => other.id === id) !== index);
  if (repeated !== undefined) return [`the program printed ${String(repeated.id)} twice`];
  // Deltas of a step may have been compacted since, so they are known by their text.
  const facts = record.filter(({ id }) => id.endsWith("-0"));
  const printedFacts = events.filter(({ id }) => String(id).endsWith("-0"));
  if (printedFacts.length !== facts.length) {
    return [`the program printed ${printedFacts.length} facts, and the record has ${facts.length}`];
  }
  const wrong = facts.find((fact, index) => !isSameFact(printedFacts[index], fact));
  if (wrong !== undefined) return [`the program did not print ${wrong.id} as it is in the record`];
  const text = deltaText(events);
  const wanted = deltaText(record as unknown as readonly Record<string, unknown>[]);
  return text === wanted
    ? []
    : [`the deltas say '${text.slice(0, 60)}…', and the record says '${wanted.slice(0, 60)}…'`];
}

function isSameFact(printed: Record<string, unknown> | undefined, fact: RunEvent): boolean {
  return printed?.id === fact.id && printed.type === fact.type && isDeepStrictEqual(printed.data, fact.data);
}

function deltaText(events: readonly Record<string, unknown>[]): string {
  return events
    .filter(({ type }) => type === "text.delta")
    .map(({ data }) => (data as { readonly text: string }).text)
    .join("");
}
