/**
 * What a device remembers of the calls that it was sent, by call id. So a call that is sent again is answered again and
 * never executed again. With a storage the memory outlives the process; without one it lives as long as the object.
 *
 * 1. A call is noted as begun before it begins.
 * 2. An answer is noted before it is sent.
 * 3. An answer that the gateway has not acknowledged is never dropped. Acknowledged ones are dropped oldest first.
 * 4. The boot id changes exactly when the memory was lost. It lives in the storage, beside the calls.
 * 5. A call that a former process began is never begun again: its outcome is unknown, and that is its answer.
 * 6. One write to the storage at a time. Each write has everything noted before it began.
 */
import type { ToolResult } from "@hsafa/protocol";
import { ACKNOWLEDGED_CHARACTERS_MAX, ACKNOWLEDGED_MAX, ACKNOWLEDGED_TTL_MS } from "./limits.ts";

/** A device's memory of calls. */
export interface DeviceMemory {
  /** Changes exactly when the memory was lost. */
  readonly bootId: string;
  /** Returns what is remembered of a call. */
  get(callId: string): RememberedCall | undefined;
  /** Resolves once the call is noted as begun; only then may it begin. Rejects if the storage does. */
  begin(callId: string): Promise<void>;
  /** Resolves once the answer is noted; only then may it be sent. Rejects if the storage does. */
  finish(callId: string, answer: string): Promise<void>;
  /** The gateway has the answer, or will never take it. `now`: milliseconds since the epoch. */
  acknowledge(callId: string, now: number): void;
  /** The call is no longer wanted. */
  forget(callId: string): void;
  /** Returns the answers that the gateway has not acknowledged, oldest first. */
  unacknowledged(): { readonly callId: string; readonly answer: string }[];
}

/** What a device remembers of one call. */
export type RememberedCall =
  /** It has begun, and there is no answer yet. */
  | { readonly kind: "begun" }
  /** `answer`: the whole message, as JSON. `acknowledgedAt`: milliseconds since the epoch; `null` before. */
  | { readonly kind: "answered"; readonly answer: string; readonly acknowledgedAt: number | null };

/** Where a device's memory outlives its process. `localStorage` is one, and so is React Native's `AsyncStorage`. */
export interface DeviceStorage {
  /** Returns the text under a key, or `null`. */
  getItem(key: string): string | null | Promise<string | null>;
  /** Replaces the text under a key. Throws or rejects if it cannot; the device then does not begin the call. */
  setItem(key: string, value: string): void | Promise<void>;
}

/** Opens the memory of a device. Rejects if the storage does. What cannot be read there counts as lost. */
export async function openDeviceMemory(params: {
  readonly deviceKey: string;
  readonly storage: DeviceStorage | undefined;
  readonly newBootId: () => string;
}): Promise<DeviceMemory> {
  const { storage } = params;
  const key = `hsafa.device.${params.deviceKey}`;
  const stored = storage === undefined ? null : restore(await storage.getItem(key));
  // 4.
  const bootId = stored?.bootId ?? params.newBootId();
  const calls = new Map<string, RememberedCall>(stored?.calls);
  // 5.
  for (const [callId, call] of calls) if (call.kind === "begun") calls.set(callId, interrupted(callId));

  const save =
    storage === undefined
      ? (): Promise<void> => Promise.resolve()
      : oneAtATime(async () => storage.setItem(key, JSON.stringify({ bootId, calls: [...calls] })));
  await save();

  return {
    bootId,
    get: (callId) => calls.get(callId),
    async begin(callId) {
      calls.set(callId, { kind: "begun" });
      // 1.
      await save();
    },
    async finish(callId, answer) {
      calls.set(callId, { kind: "answered", answer, acknowledgedAt: null });
      // 2.
      await save();
    },
    acknowledge(callId, now) {
      const call = calls.get(callId);
      if (call?.kind !== "answered" || call.acknowledgedAt !== null) return;
      // It moves to the end of the map, whose order is that of the acknowledgements.
      calls.delete(callId);
      calls.set(callId, { ...call, acknowledgedAt: now });
      dropOld(calls, now);
      // If this write fails, the answer is sent once more than needed.
      save().catch(() => {});
    },
    forget(callId) {
      if (calls.delete(callId)) save().catch(() => {});
    },
    unacknowledged() {
      return [...calls].flatMap(([callId, call]) =>
        call.kind === "answered" && call.acknowledgedAt === null ? [{ callId, answer: call.answer }] : [],
      );
    },
  };
}

/** 6. Returns a function that writes. Calls during a write share the next one. */
function oneAtATime(write: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | null = null;
  let next: Promise<void> | null = null;

  function save(): Promise<void> {
    if (current === null) {
      current = write().finally(() => {
        current = null;
      });
      return current;
    }
    next ??= current
      .catch(() => {})
      .then(() => {
        next = null;
        return save();
      });
    return next;
  }

  return save;
}

/** 3. Drops acknowledged answers that are too old, too many or too long together. */
function dropOld(calls: Map<string, RememberedCall>, now: number): void {
  let count = 0;
  let characters = 0;
  // The newest stand last in the map, and are counted first.
  for (const [callId, call] of [...calls].toReversed()) {
    if (call.kind !== "answered" || call.acknowledgedAt === null) continue;
    count += 1;
    characters += call.answer.length;
    const isOld = now - call.acknowledgedAt > ACKNOWLEDGED_TTL_MS;
    if (isOld || count > ACKNOWLEDGED_MAX || characters > ACKNOWLEDGED_CHARACTERS_MAX) calls.delete(callId);
  }
}

function interrupted(callId: string): RememberedCall {
  const message = "The device stopped during this call; whether it was done is unknown.";
  const answer: ToolResult = { type: "tool.result", callId, error: { code: "outcome_unknown", message } };
  return { kind: "answered", answer: JSON.stringify(answer), acknowledgedAt: null };
}

/** Returns the memory in a text of the storage; `null` if there is none. */
function restore(text: string | null): { bootId: string; calls: [string, RememberedCall][] } | null {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    const isMemory = typeof value === "object" && value !== null && "bootId" in value && "calls" in value;
    return isMemory && typeof value.bootId === "string" && Array.isArray(value.calls)
      ? { bootId: value.bootId, calls: value.calls as [string, RememberedCall][] }
      : null;
  } catch {
    return null;
  }
}
