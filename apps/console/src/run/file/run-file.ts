/**
 * A run as one file: what a person sends to somebody who cannot reach the gateway. Nothing in such a file is trusted:
 * what is not as it must be is told, with where it stands. It is pure.
 */
import {
  type DeltaEvent,
  type FactEvent,
  parsePlace,
  type Run,
  RUN_STATUSES,
  type RunEvent,
  TOOL_CALL_STATUSES,
  type ToolCall,
} from "@hsafa/protocol";
import { RUN_FILE_VERSION } from "../../limits.ts";
import { isFact, positionOf, RunRecord } from "../record/run-record.ts";

/** What a file of a run holds. */
export interface RunFile {
  readonly format: typeof FORMAT;
  readonly formatVersion: typeof RUN_FILE_VERSION;
  /** ISO 8601, UTC. */
  readonly exportedAt: string;
  readonly run: Run;
  readonly calls: readonly ToolCall[];
  /** In order: every fact, and the deltas as far as they are there. */
  readonly events: readonly RunEvent[];
  /** Deltas that were too many for a file. Their steps' facts have what they said. */
  readonly deltasLeftOut: number;
}

/** A run that was read from a file, or why it could not be. */
export type ReadRunFile =
  | { readonly kind: "run"; readonly file: RunFile; readonly record: RunRecord }
  | { readonly kind: "fault"; readonly message: string };

const FORMAT = "hsafa.run";

/** Makes the file of a run. */
export function runFileOf(parts: Omit<RunFile, "format" | "formatVersion">): RunFile {
  return { format: FORMAT, formatVersion: RUN_FILE_VERSION, ...parts };
}

/** Reads the text of a file. */
export function readRunFile(text: string): ReadRunFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fault("It is not JSON. Choose a file that Export of a run's page has made.");
  }
  if (!isObject(value) || value["format"] !== FORMAT) {
    return fault(`It is JSON, but no file of a run: its "format" is not "${FORMAT}".`);
  }
  if (value["formatVersion"] !== RUN_FILE_VERSION) {
    return fault(`It is of form ${String(value["formatVersion"])}, and this console reads form ${RUN_FILE_VERSION}.`);
  }
  const message = faultOfRun(value["run"]) ?? faultOfCalls(value["calls"]);
  if (message !== null) return fault(message);
  const file = value as unknown as RunFile;
  const damaged = faultOfEvents(value["events"], file.run.id);
  if (damaged !== null) return fault(damaged);
  try {
    return { kind: "run", file, record: recordOf(file) };
  } catch {
    return fault("Its events do not fit together. It was changed, or was not written to its end.");
  }
}

function recordOf({ events }: RunFile): RunRecord {
  const record = new RunRecord();
  const deltas = new Map<number, DeltaEvent[]>();
  for (const event of events) {
    if (isFact(event)) continue;
    const { seq } = positionOf(event);
    const known = deltas.get(seq);
    if (known === undefined) deltas.set(seq, [event]);
    else known.push(event);
  }
  record.addFacts(events);
  for (const [seq, those] of deltas) record.setDeltas(seq, those);
  return record;
}

function faultOfRun(run: unknown): string | null {
  if (!isObject(run)) return 'It has no "run".';
  for (const name of ["id", "agentId", "agentName", "versionId", "position"]) {
    if (typeof run[name] !== "string") return `Its "run.${name}" is no text.`;
  }
  if (!(RUN_STATUSES as readonly unknown[]).includes(run["status"])) return 'Its "run.status" is no state of a run.';
  if (!isTime(run["createdAt"])) return 'Its "run.createdAt" is no time.';
  if (run["completedAt"] !== null && !isTime(run["completedAt"])) return 'Its "run.completedAt" is no time.';
  if (!isObject(run["usage"])) return 'Its "run.usage" is no object.';
  return typeof run["steps"] === "number" ? null : 'Its "run.steps" is no number.';
}

function faultOfCalls(calls: unknown): string | null {
  if (!Array.isArray(calls)) return 'It has no list "calls".';
  const wrong = calls.findIndex(
    (call: unknown) =>
      !isObject(call) ||
      typeof call["id"] !== "string" ||
      typeof call["toolName"] !== "string" ||
      !("args" in call) ||
      !isTime(call["requestedAt"]) ||
      !(TOOL_CALL_STATUSES as readonly unknown[]).includes(call["status"]),
  );
  return wrong < 0 ? null : `Its "calls.${wrong}" is no tool call.`;
}

/** The facts are numbered from 1 without a gap, and deltas stand after the fact that they follow. */
function faultOfEvents(events: unknown, runId: string): string | null {
  if (!Array.isArray(events) || events.length === 0) return 'It has no "events".';
  let [seq, sub] = [0, 0];
  for (const [index, event] of (events as readonly unknown[]).entries()) {
    const at = `Its "events.${index}"`;
    if (!isObject(event) || typeof event["type"] !== "string" || !isObject(event["data"])) return `${at} is no event.`;
    if (event["runId"] !== runId) return `${at} is of another run.`;
    if (!isTime(event["ts"])) return `${at} has no time.`;
    const position = typeof event["id"] === "string" ? parsePlace(event["id"])?.position : undefined;
    if (position === undefined) return `${at} has no position.`;
    const isNext =
      position.sub === 0
        ? position.seq === seq + 1 && typeof event["prev"] === "string"
        : position.seq === seq && position.sub > sub && !("prev" in event);
    if (!isNext) return `${at} stands at ${String(event["id"])}, which does not follow ${seq}-${sub}.`;
    [seq, sub] = [position.seq, position.sub];
  }
  return null;
}

function fault(message: string): ReadRunFile {
  return { kind: "fault", message };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTime(value: unknown): boolean {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

/** Whether an event may be left out of a file that would be too large. */
export function isDelta(event: RunEvent): event is Exclude<RunEvent, FactEvent> {
  return !isFact(event);
}
