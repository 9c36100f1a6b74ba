/**
 * What a device remembers of the calls it was sent, by call id, so that a call which is sent again is answered again
 * and never executed again. With a `storage` the memory outlives the process, and the boot id with it; without, a new
 * process has a new boot id, which says that everything is forgotten.
 */
export interface DeviceMemory {
  /** Changes exactly when the memory was lost. */
  readonly bootId: string;
  get(callId: string): RememberedCall | undefined;
  /** Resolves when it will be remembered: only then may the call begin. */
  begin(callId: string): Promise<void>;
  /** Resolves when the answer will be remembered: only then may it be sent. */
  finish(callId: string, answer: string): Promise<void>;
  /** The gateway has taken the answer, or never will: it may be forgotten in time. */
  acknowledge(callId: string, now: number): void;
  /** The call is no longer wanted. */
  forget(callId: string): void;
  unacknowledged(): { readonly callId: string; readonly answer: string }[];
}

export type RememberedCall =
  | { readonly kind: "begun" }
  /** `answer` is the whole message; `acknowledgedAt` in milliseconds, null before. */
  | { readonly kind: "answered"; readonly answer: string; readonly acknowledgedAt: number | null };

/** Where a device's memory outlives the process: `localStorage` is one, and so is React Native's `AsyncStorage`. */
export interface DeviceStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): void | Promise<void>;
}

/**
 * Answers that the gateway has: how many are kept, for how long (ms), and how much text. What it does not have yet is
 * always kept.
 */
const ACKNOWLEDGED_MAX = 1000;
const ACKNOWLEDGED_TTL_MS = 15 * 60_000;
const ACKNOWLEDGED_CHARACTERS_MAX = 8 * 1024 * 1024;

export async function openDeviceMemory(params: {
  readonly deviceKey: string;
  readonly storage: DeviceStorage | undefined;
  readonly newBootId: () => string;
}): Promise<DeviceMemory> {
  const { storage } = params;
  const key = `hsafa.device.${params.deviceKey}`;
  const stored = storage === undefined ? null : restore(await storage.getItem(key));
  const bootId = stored?.bootId ?? params.newBootId();
  const calls = new Map<string, RememberedCall>(stored?.calls);
  // What was begun by a process that is gone can be neither finished nor begun again.
  for (const [callId, call] of calls) if (call.kind === "begun") calls.set(callId, interrupted(callId));

  let saving: Promise<void> | null = null;
  let savingNext: Promise<void> | null = null;

  /** One write at a time; those who come meanwhile share the next. */
  function save(): Promise<void> {
    if (storage === undefined) return Promise.resolve();
    if (saving === null) {
      saving = write(storage).finally(() => {
        saving = null;
      });
      return saving;
    }
    savingNext ??= saving
      .catch(() => {})
      .then(() => {
        savingNext = null;
        return save();
      });
    return savingNext;
  }

  async function write(to: DeviceStorage): Promise<void> {
    await to.setItem(key, JSON.stringify({ bootId, calls: [...calls] }));
  }

  function forgetOld(now: number): void {
    let count = 0;
    let characters = 0;
    // Newest last in a map: those acknowledged longest ago go first.
    for (const [callId, call] of [...calls].toReversed()) {
      if (call.kind !== "answered" || call.acknowledgedAt === null) continue;
      count += 1;
      characters += call.answer.length;
      const isOld = now - call.acknowledgedAt > ACKNOWLEDGED_TTL_MS;
      if (isOld || count > ACKNOWLEDGED_MAX || characters > ACKNOWLEDGED_CHARACTERS_MAX) calls.delete(callId);
    }
  }

  if (storage !== undefined) await save();
  return {
    bootId,
    get: (callId) => calls.get(callId),
    async begin(callId) {
      calls.set(callId, { kind: "begun" });
      await save();
    },
    async finish(callId, answer) {
      calls.set(callId, { kind: "answered", answer, acknowledgedAt: null });
      await save();
    },
    acknowledge(callId, now) {
      const call = calls.get(callId);
      if (call?.kind !== "answered" || call.acknowledgedAt !== null) return;
      calls.delete(callId);
      calls.set(callId, { ...call, acknowledgedAt: now });
      forgetOld(now);
      // If this is not written, the answer is sent once more than needed.
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

function interrupted(callId: string): RememberedCall {
  const message = "The device stopped while it executed this call; whether it was done is unknown.";
  const answer = JSON.stringify({ type: "tool.result", callId, error: { code: "outcome_unknown", message } });
  return { kind: "answered", answer, acknowledgedAt: null };
}

/** What cannot be read counts as lost, which a new boot id says. */
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
