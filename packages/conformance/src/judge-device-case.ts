import { isDeepStrictEqual } from "node:util";
import type { JsonValue, ToolCall } from "@hsafa/protocol";
import type { DeviceCase, ExpectedCall } from "./device-case.ts";
import { SHOWN_MAX_CHARACTERS } from "./limits.ts";

/** One connection of the device, as the relay saw it. Times are in milliseconds, by one clock. */
export interface SeenConnection {
  readonly openedAt: number;
  readonly closedAt: number | null;
  readonly bootId: string | null;
}

/** What was seen of a device in a case. */
export interface SeenDevice {
  readonly status: string;
  /** In the order in which the model asked for them. */
  readonly calls: readonly Pick<ToolCall, "status" | "result" | "error">[];
  readonly connections: readonly SeenConnection[];
  /** How many messages of each type came from the device. */
  readonly sent: Readonly<Record<string, number>>;
  readonly now: number;
}

/** Returns what is not as the case wants it, a sentence each. */
export function judgeDeviceCase({ expect }: Pick<DeviceCase, "expect">, seen: SeenDevice): string[] {
  const faults: string[] = [];
  const status = expect.status ?? "completed";
  if (seen.status !== status) faults.push(`the run is ${seen.status}, not ${status}`);
  if (expect.calls !== undefined) faults.push(...callFaults(expect.calls, seen.calls));
  if (expect.connections !== undefined && seen.connections.length !== expect.connections) {
    faults.push(`the device made ${seen.connections.length} connections, not ${expect.connections}`);
  }
  const boots = new Set(seen.connections.flatMap(({ bootId }) => (bootId === null ? [] : [bootId]))).size;
  if (expect.boots !== undefined && boots !== expect.boots) {
    faults.push(`the device registered with ${boots} values of bootId, not ${expect.boots}`);
  }
  for (const [type, count] of Object.entries(expect.sent ?? {})) {
    const sent = seen.sent[type] ?? 0;
    if (sent !== count) faults.push(`the device sent ${type} ${sent} times, not ${count}`);
  }
  return [...faults, ...returnFaults(expect, seen)];
}

function callFaults(expected: readonly ExpectedCall[], calls: SeenDevice["calls"]): string[] {
  if (calls.length !== expected.length) return [`the run has ${calls.length} calls, not ${expected.length}`];
  return expected.flatMap((wanted, index) => {
    const call = calls[index];
    return call === undefined || isAsWanted(wanted, call)
      ? []
      : [
          `call ${index + 1} ended as ${short({ status: call.status, result: call.result, error: call.error })}, not ${short(wanted)}`,
        ];
  });
}

function isAsWanted(wanted: ExpectedCall, call: SeenDevice["calls"][number]): boolean {
  if ("error" in wanted) {
    return call.status === "failed" && (wanted.error === true || call.error?.message === wanted.error);
  }
  if (call.status !== "completed") return false;
  if ("resultLength" in wanted) return typeof call.result === "string" && call.result.length === wanted.resultLength;
  return isDeepStrictEqual(call.result ?? null, wanted.result);
}

function returnFaults(
  { returnsWithinMs, returnsAfterMs, staysAwayMs }: DeviceCase["expect"],
  seen: SeenDevice,
): string[] {
  if (returnsWithinMs === undefined && returnsAfterMs === undefined && staysAwayMs === undefined) return [];
  const [first, second] = seen.connections;
  if (first === undefined || first.closedAt === null) return ["the first connection has not ended"];
  if (staysAwayMs !== undefined) {
    if (second !== undefined) return [`the device came back after ${Math.round(second.openedAt - first.closedAt)} ms`];
    const waitedMs = seen.now - first.closedAt;
    return waitedMs >= staysAwayMs ? [] : [`it is not known yet whether the device stays away`];
  }
  if (second === undefined) return ["the device did not come back"];
  const awayMs = second.openedAt - first.closedAt;
  if (awayMs > (returnsWithinMs ?? Number.POSITIVE_INFINITY)) {
    return [`the device came back after ${Math.round(awayMs)} ms, and ${returnsWithinMs} are allowed`];
  }
  return returnsAfterMs !== undefined && awayMs < returnsAfterMs
    ? [`the device came back after ${Math.round(awayMs)} ms, and a pause of ${returnsAfterMs} is due`]
    : [];
}

function short(value: JsonValue | object): string {
  const text = JSON.stringify(value);
  return text.length > SHOWN_MAX_CHARACTERS ? `${text.slice(0, SHOWN_MAX_CHARACTERS)}…` : text;
}
