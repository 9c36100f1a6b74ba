import type { Fact, ThreadMessage } from "@hsafa/protocol";
import { v7 } from "uuid";
import { expect, test } from "vitest";
import { claim, commitOf, openScene, type Scene, start } from "../../test/contracts/store/scene.ts";
import { createMemoryStore } from "../../test/store/memory-store.ts";
import type { Principal } from "../access/principal.ts";
import { systemClock } from "../adapters/system/system-clock.ts";
import { placeFacts } from "../core/place-facts.ts";
import { PAGE_BYTES_MAX } from "../ports/limits.ts";
import { LARGE_MS_PER_MIB } from "../runtime/limits.ts";
import { listThreadMessages } from "./list-thread-messages.ts";

const LARGE = "x".repeat(PAGE_BYTES_MAX / 3);

const said = (step: number, content: string): Fact => ({
  type: "step.completed",
  data: { step, finishReason: "stop", messages: [{ role: "assistant", content }], usage: {} },
});
const asked = (content: string): Fact => ({ type: "message.user", data: { message: { role: "user", content } } });
const requested = (callId: string): Fact => ({
  type: "tool.requested",
  data: { callId, toolName: "look", args: {}, target: "external", step: 1 },
});
const answered = (callId: string, result: string): Fact => ({
  type: "tool.completed",
  data: { callId, toolName: "look", result, source: "http" },
});

/** A run that was asked something, asked for two calls, and was interrupted at length before their results came. */
async function talk(scene: Scene, threadId: string, large: string): Promise<void> {
  const earlier = ["old 1", "old 2"].map((content) => ({ role: "user" as const, content }));
  const messages = [{ role: "user" as const, content: "new" }];
  const { runId } = await start(scene, { threadId, earlier, messages });
  const held = await claim(scene, runId);
  const calls = [v7(), v7()] as const;
  const facts = [
    said(1, "calling"),
    ...calls.map(requested),
    ...[1, 2, 3, 4].map((index) => asked(`${index} ${large}`)),
    answered(calls[0], `first ${large}`),
    answered(calls[1], "second"),
    said(2, `spoken ${large}`),
    asked("and?"),
  ];
  const prev = { seq: held.lastSeq, sub: 0 };
  const records = placeFacts({ facts, afterSeq: held.lastSeq, prev, ts: 0 });
  const end = { status: "completed", lease: { kind: "release", wakeAt: null } } as const;
  await scene.store.fleet.commit(commitOf(held, [], { facts: records, ...end }));
}

/** Notes what its users owe, and makes nobody wait. */
class RecordedTurns {
  owedMs = 0;
  taken = 0;

  readonly charge = (_tenantId: string, ms: number): void => {
    this.owedMs += ms;
  };

  readonly take = async (): Promise<void> => {
    this.taken += 1;
  };
}

async function pagesOf(
  scene: Scene,
  idOrKey: string,
  limit: number,
  turns = new RecordedTurns(),
): Promise<ThreadMessage[][]> {
  const principal: Principal = {
    kind: "api_key",
    keyId: "key-1",
    tenantId: scene.tenantId,
    name: "test",
    scopes: ["admin"],
  };
  const pages: ThreadMessage[][] = [];
  for (let cursor: string | undefined; ; ) {
    const listed = await listThreadMessages({ ...scene, turns }, principal, {
      idOrKey,
      subject: undefined,
      limit,
      cursor,
    });
    if (listed.kind === "refused") throw new Error(listed.detail);
    pages.push([...listed.page.data]);
    if (listed.page.nextCursor === null) return pages;
    cursor = listed.page.nextCursor;
  }
}

const firstWords = (messages: readonly ThreadMessage[]): string[] =>
  messages.map(({ message }) =>
    (/"content":"(\w+ ?\d?)/.exec(JSON.stringify(message))?.[1] ?? (message["role"] as string)).trim(),
  );

test("the messages of a thread are the same in pages of every size, each with the results that came later", async () => {
  const scene = await openScene(createMemoryStore({ clock: systemClock }));
  for (let run = 0; run < 3; run += 1) await talk(scene, "t", "");
  const [whole = []] = await pagesOf(scene, "t", 200);
  const ofRun = ["old 1", "old 2", "new", "calling", "tool", "1", "2", "3", "4", "spoken", "and"];
  expect(firstWords(whole)).toEqual([...ofRun, ...ofRun, ...ofRun]);
  for (const limit of [1, 2, 3, 11, 12, 33]) {
    const pages = await pagesOf(scene, "t", limit);
    expect(pages.flat()).toEqual(whole);
    expect(pages).toHaveLength(Math.ceil(whole.length / limit));
  }
});

test("a page of large messages ends with the one by which it has its bytes, and none is left out (R9)", async () => {
  const scene = await openScene(createMemoryStore({ clock: systemClock }));
  for (let run = 0; run < 2; run += 1) await talk(scene, "t", LARGE);
  const pages = await pagesOf(scene, "t", 200);
  expect(pages.flat()).toHaveLength(22);
  const sizes = pages.map((page) => Buffer.byteLength(JSON.stringify(page)));
  expect(Math.max(...sizes)).toBeLessThan(PAGE_BYTES_MAX + 2 * LARGE.length);
  expect(pages.length).toBeGreaterThanOrEqual(Math.floor((12 * LARGE.length) / (PAGE_BYTES_MAX + LARGE.length)));
});

test("who reads large messages pays for what is read, also for what is not listed", async () => {
  const scene = await openScene(createMemoryStore({ clock: systemClock }));
  await talk(scene, "small", "");
  await talk(scene, "large", LARGE);
  const forSmall = new RecordedTurns();
  await pagesOf(scene, "small", 200, forSmall);
  expect([forSmall.owedMs, forSmall.taken]).toEqual([0, 0]);
  const [once, often] = [new RecordedTurns(), new RecordedTurns()];
  await pagesOf(scene, "large", 200, once);
  await pagesOf(scene, "large", 1, often);
  expect(once.taken).toBeGreaterThan(0);
  expect(once.owedMs).toBeGreaterThanOrEqual((6 * LARGE.length * LARGE_MS_PER_MIB) / 1024 ** 2);
  expect(often.owedMs).toBeGreaterThan(once.owedMs);
});
