import { STEP_FILE_BYTES_MAX } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { FileRoom, type LeaveFileRoom } from "./file-room.ts";
import { FILE_BYTES_IN_HAND_MAX } from "./limits.ts";

const never = new AbortController().signal;

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

async function taken(room: FileRoom, tenant: string, bytes: number): Promise<LeaveFileRoom> {
  const leave = await room.take(tenant, bytes, never);
  if (leave === null) throw new Error("the step was not aborted");
  return leave;
}

describe("room for files", () => {
  test("the largest step of any tenant finds room on an idle gateway", async () => {
    await taken(new FileRoom(), "a", STEP_FILE_BYTES_MAX);
    expect(STEP_FILE_BYTES_MAX).toBeLessThanOrEqual(FILE_BYTES_IN_HAND_MAX / 4);
  });

  test("a tenant with many steps leaves room for another one, and its later steps wait in their order", async () => {
    const room = new FileRoom(100);
    const first = await taken(room, "hog", 60);
    const second = room.take("hog", 30, never);
    const third = room.take("hog", 5, never);
    expect(await isSettled(second)).toBe(false);
    expect(await isSettled(third)).toBe(false);
    const other = await taken(room, "quiet", 40);
    first();
    expect(await isSettled(second)).toBe(true);
    expect(await isSettled(third)).toBe(true);
    expect(room.taken).toBe(75);
    other();
    for (const leave of [await second, await third]) leave?.();
    expect(room.taken).toBe(0);
  });

  test("a step that ends while it waits takes nothing, and lets the next one go", async () => {
    const room = new FileRoom(100);
    const leave = await taken(room, "a", 100);
    const aborting = new AbortController();
    const gone = room.take("b", 100, aborting.signal);
    const next = room.take("b", 10, never);
    aborting.abort();
    expect(await gone).toBeNull();
    leave();
    leave();
    expect(await isSettled(next)).toBe(true);
    expect(room.taken).toBe(10);
    expect(await room.take("b", 1, aborting.signal)).toBeNull();
  });
});
