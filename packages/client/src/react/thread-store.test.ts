import type { RunEvent, StoredFile } from "@hsafa/protocol";
import { expect, test, vi } from "vitest";
import type { Client } from "../client.ts";
import { HsafaError } from "../error.ts";
import { UNSHOWN_KEPT_MS } from "../limits.ts";
import { messagesOf } from "../thread-view.ts";
import { threadStore } from "./thread-store.ts";

const event = (runId: string, id: string, type: string, data: object): RunEvent =>
  ({ id, prev: "0-0", runId, ts: "2026-11-01T00:00:00.000Z", type, data }) as unknown as RunEvent;

/** Items that come when a test adds them. Ends when the signal aborts. */
function feed<Item>() {
  const items: Item[] = [];
  let wake = (): void => {};
  return {
    add(...more: Item[]) {
      items.push(...more);
      wake();
    },
    async *read(signal: AbortSignal | undefined): AsyncGenerator<Item, void, undefined> {
      for (let at = 0; ; at += 1) {
        while (at >= items.length) {
          if (signal?.aborted === true) throw new Error("aborted");
          await new Promise<void>((resolve) => {
            wake = resolve;
            signal?.addEventListener("abort", () => resolve());
          });
        }
        yield items[at] as Item;
      }
    },
  };
}

/** A gateway with one thread, in memory. Its runs speak when the test says so. */
function startWorld() {
  const newest = feed<{ runId: string }>();
  const runs = new Map<string, ReturnType<typeof feed<RunEvent>>>();
  const starts: { readonly idempotencyKey?: string; readonly input: unknown }[] = [];
  const world = { newest, runs, starts, watchers: 0, failures: [] as Error[], canceled: [] as string[] };
  const client = {
    threads: {
      create: () => Promise.resolve({}),
      get: (id: string) => Promise.resolve({ id, branchedFrom: null }),
      async *watch(_id: string, { signal }: { signal?: AbortSignal }) {
        world.watchers += 1;
        try {
          yield* newest.read(signal);
        } finally {
          world.watchers -= 1;
        }
      },
    },
    runs: {
      list: () => {
        const data = [...runs.keys()].toReversed().map((id) => ({ id, status: "running" }));
        return Promise.resolve({ data, nextCursor: null });
      },
      stream: (runId: string, { signal }: { signal?: AbortSignal }) => runs.get(runId)?.read(signal),
      start(params: { readonly idempotencyKey?: string; readonly input: unknown }) {
        starts.push(params);
        const failure = world.failures.shift();
        return failure === undefined ? Promise.resolve({ runId: "r1" }) : Promise.reject(failure);
      },
      cancel(runId: string) {
        world.canceled.push(runId);
        return Promise.resolve({});
      },
    },
  } as unknown as Client;
  const store = threadStore(client, "inbox");
  const begin = (runId: string, said: string): void => {
    const run = feed<RunEvent>();
    run.add(event(runId, "1-0", "run.created", { earlier: [], metadata: {} }));
    run.add(event(runId, "2-0", "message.user", { message: { role: "user", content: said } }));
    runs.set(runId, run);
    newest.add({ runId });
  };
  const shown = (): string[] => [
    ...messagesOf(store.getSnapshot().view).flatMap((one) =>
      one.role === "user" ? [JSON.stringify(one.content)] : [],
    ),
    ...store.getSnapshot().unsent.map(({ content }) => `${JSON.stringify(content)} …`),
  ];
  return { world, client, store, begin, shown };
}

test("what a person says is shown at once, stands until its run shows it, and is never shown twice", async () => {
  const { store, begin, shown } = startWorld();
  const seen: string[] = [];
  const leave = store.subscribe(() => seen.push(shown().join(", ")));
  const sending = store.send("support", "hi");
  expect(shown()).toEqual(['"hi" …']);
  await sending;
  expect(shown()).toEqual(['"hi" …']);
  begin("r1", "hi");
  await expect.poll(shown).toEqual(['"hi"']);
  expect(new Set(seen.filter((one) => one !== ""))).toEqual(new Set(['"hi" …', '"hi"']));
  leave();
});

test("a run that is shown before its start was answered leaves no second message", async () => {
  const { store, begin, shown, client } = startWorld();
  const leave = store.subscribe(() => {});
  const { promise, resolve } = Promise.withResolvers<{ runId: string }>();
  client.runs.start = () => promise as never;
  const sending = store.send("support", "hi");
  begin("r1", "hi");
  await expect.poll(shown).toEqual(['"hi"', '"hi" …']);
  resolve({ runId: "r1" });
  await sending;
  expect(shown()).toEqual(['"hi"']);
  leave();
});

test("what could not be sent stays with its reason, and is sent again under the same key", async () => {
  const { world, store } = startWorld();
  const leave = store.subscribe(() => {});
  world.failures.push(new HsafaError({ code: "quota_exceeded", message: "full", status: 429 }));
  await store.send("support", "hi");
  const [failed] = store.getSnapshot().unsent;
  expect(failed).toMatchObject({ content: "hi", error: { code: "quota_exceeded" } });
  await store.resend(failed?.id ?? "");
  expect(store.getSnapshot().unsent).toMatchObject([{ error: null, runId: "r1" }]);
  expect(new Set(world.starts.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
  store.discard(failed?.id ?? "");
  expect(store.getSnapshot().unsent).toEqual([]);
  leave();
});

test("files are uploaded before they are said, and a message that is sent again uploads them under the same keys", async () => {
  const { world, store } = startWorld();
  const leave = store.subscribe(() => {});
  const keys: (string | undefined)[] = [];
  const upload = (_content: unknown, options?: { readonly idempotencyKey?: string }) => {
    keys.push(options?.idempotencyKey);
    if (keys.length === 2) return Promise.reject(new HsafaError({ code: "network_error", message: "cut" }));
    return Promise.resolve({ id: "file-1" } as StoredFile);
  };
  const files = [new Blob(["a"]), new Blob(["b"])];
  await store.send("support", "look", {}, { files, upload });
  const [failed] = store.getSnapshot().unsent;
  expect(failed).toMatchObject({ content: "look", files, error: { code: "network_error" } });
  expect(world.starts).toEqual([]);
  await store.resend(failed?.id ?? "");
  const parts = [{ type: "text", text: "look" }, ...files.map(() => ({ type: "file", fileId: "file-1" }))];
  expect(world.starts).toMatchObject([{ input: [{ role: "user", content: parts }] }]);
  expect(keys.slice(2)).toEqual(keys.slice(0, 2));
  expect(new Set(keys).size).toBe(2);
  leave();
});

test("components share one reading, a short absence keeps it, and a long one ends it", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const { world, client, store } = startWorld();
    expect(threadStore(client, "inbox")).toBe(store);
    const leaves = [store.subscribe(() => {}), store.subscribe(() => {})];
    await vi.waitFor(() => expect(world.watchers).toBe(1));
    for (const leave of leaves) leave();
    await vi.advanceTimersByTimeAsync(UNSHOWN_KEPT_MS - 1);
    const leave = store.subscribe(() => {});
    await vi.advanceTimersByTimeAsync(2 * UNSHOWN_KEPT_MS);
    expect(world.watchers).toBe(1);
    leave();
    await vi.advanceTimersByTimeAsync(UNSHOWN_KEPT_MS);
    expect(world.watchers).toBe(0);
    expect(threadStore(client, "inbox")).not.toBe(store);
  } finally {
    vi.useRealTimers();
  }
});

test("to stop cancels every run that has not ended", async () => {
  const { world, store, begin, shown } = startWorld();
  const leave = store.subscribe(() => {});
  begin("r1", "one");
  begin("r2", "two");
  world.runs.get("r1")?.add(event("r1", "3-0", "run.completed", { output: "", usage: {}, finishReason: "stop" }));
  await expect.poll(shown).toEqual(['"one"', '"two"']);
  await expect.poll(() => store.getSnapshot().view.runs[0]?.status).toBe("completed");
  await store.stop();
  expect(world.canceled).toEqual(["r2"]);
  leave();
});

test("a message is sent with the policy that a person chose, also when it is sent again", async () => {
  const { store, world } = startWorld();
  world.failures.push(new HsafaError({ code: "unavailable", message: "away" }));
  await store.send("a", "rather that", { policy: "steer" });
  const [unsent] = store.getSnapshot().unsent;
  await store.resend(unsent?.id ?? "");
  expect(world.starts.map((start) => "policy" in start && start.policy)).toEqual(["steer", "steer"]);
});
