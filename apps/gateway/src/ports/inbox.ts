import type { OutsideInput } from "../core/input.ts";
import { INBOX_BYTES_MAX, INBOX_CANCELS_MAX, INBOX_MAX, INBOX_READ_BYTES_MAX, INPUTS_PER_DRAIN_MAX } from "./limits.ts";
import type { TenantStore } from "./tenant-store.ts";

/** How many inputs may wait for a run when one of this kind is refused. A cancel has places of its own. */
export function inboxMaxFor(kind: OutsideInput["kind"]): number {
  return kind === "cancel" ? INBOX_MAX + INBOX_CANCELS_MAX : INBOX_MAX;
}

/** How many bytes may wait for a run, this input included. Null: it is taken however much waits. */
export function inboxBytesMaxFor(kind: OutsideInput["kind"]): number | null {
  return kind === "cancel" ? null : INBOX_BYTES_MAX;
}

/** Whether an input of this kind and size is taken while so much waits. */
export function hasInboxRoom(
  { kind, bytes }: { readonly kind: OutsideInput["kind"]; readonly bytes: number },
  waiting: { readonly count: number; readonly bytes: number },
): boolean {
  const bytesMax = inboxBytesMaxFor(kind);
  return waiting.count < inboxMaxFor(kind) && (bytesMax === null || waiting.bytes + bytes <= bytesMax);
}

/** The size of an input in an inbox: that of its JSON. */
export function inputBytes(input: OutsideInput): number {
  return Buffer.byteLength(JSON.stringify(input));
}

interface MeasuredInput {
  readonly input: OutsideInput;
  readonly bytes: number;
}

/**
 * Divides the inputs that wait, oldest first, into what one read of the inbox returns and what it leaves. Cancels come
 * first, then results, then the others. `adapters/postgres/inbox-rows.ts` says the same in SQL.
 */
export function readOfInbox<Input extends MeasuredInput>(
  waiting: readonly Input[],
): { readonly read: readonly Input[]; readonly left: readonly Input[] } {
  const inOrder = waiting.toSorted((a, b) => placeOf(a) - placeOf(b));
  let bytes = 0;
  const end = inOrder.findIndex((input, index) => {
    const isOver = index === INPUTS_PER_DRAIN_MAX || bytes >= INBOX_READ_BYTES_MAX;
    bytes += input.bytes;
    return isOver;
  });
  return end === -1 ? { read: inOrder, left: [] } : { read: inOrder.slice(0, end), left: inOrder.slice(end) };
}

function placeOf({ input: { kind } }: MeasuredInput): number {
  return kind === "cancel" ? 0 : kind === "tool_result" ? 1 : 2;
}

/** The input that a submitted tool result leaves. */
export function toolResultInput(
  params: Pick<Parameters<TenantStore["submitToolResult"]>[0], "callId" | "outcome" | "from">,
): OutsideInput {
  const { callId, outcome, from } = params;
  const deviceId = from.kind === "device" ? from.deviceId : null;
  return { kind: "tool_result", callId, outcome, source: from.kind, deviceId };
}
