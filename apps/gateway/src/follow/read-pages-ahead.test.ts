import { START } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { at, delta, settle } from "../../test/support/follow-world.ts";
import type { EventRecord } from "../core/event-record.ts";
import { Semaphore } from "../runtime/semaphore.ts";
import { readPagesAhead } from "./read-pages-ahead.ts";
import type { WatchedRun } from "./watched-run.ts";

/** A run of pages with one record each. A read is held until the test answers it. */
function heldRun(head = at(1, 1_000_000)) {
  const reads: { readonly answer: (page?: readonly EventRecord[]) => void; readonly fail: () => void }[] = [];
  const run: Pick<WatchedRun, "after" | "readNext"> = {
    after: ({ sub }) => (sub < head.sub ? { kind: "evicted" } : { kind: "head" }),
    readNext: ({ sub }) =>
      new Promise((resolve, reject) => {
        const answer = (page: readonly EventRecord[] = [delta(1, sub + 1)]): void => resolve(page);
        reads.push({ answer, fail: () => reject(new Error("the store is away")) });
      }),
  };
  return { run, reads };
}

function begin({ run }: ReturnType<typeof heldRun>, places: number) {
  const pages = new Semaphore(places);
  return { pages, reading: readPagesAhead({ run, after: START, pages, isWanted: () => true }) };
}

test("the next page is read while the present one is in hand, and no page beyond it", async () => {
  const held = heldRun();
  const { reading } = begin(held, 9);
  const first = reading.next();
  await settle();
  held.reads[0]?.answer();
  expect((await first).value).toMatchObject([{ sub: 1 }]);
  await settle();
  expect(held.reads).toHaveLength(2);
  held.reads[1]?.answer();
  expect((await reading.next()).value).toMatchObject([{ sub: 2 }]);
  await settle();
  expect(held.reads).toHaveLength(3);
});

test("no page is read ahead when all places are taken, nor when memory has what follows", async () => {
  for (const [head, places] of [
    [at(1, 1_000_000), 1],
    [at(1, 1), 9],
  ] as const) {
    const held = heldRun(head);
    const { reading } = begin(held, places);
    const first = reading.next();
    await settle();
    held.reads[0]?.answer();
    expect((await first).done).toBe(false);
    expect((await reading.next()).done).toBe(true);
    expect(held.reads).toHaveLength(1);
  }
});

test("a reader that breaks off gives its places back once the page ahead has come, and not before", async () => {
  const held = heldRun();
  const { pages, reading } = begin(held, 2);
  const first = reading.next();
  await settle();
  held.reads[0]?.answer();
  await first;
  const broken = reading.return(undefined);
  await settle();
  expect(pages.acquireFree()).toBeNull();
  held.reads[1]?.answer();
  await broken;
  expect([pages.acquireFree(), pages.acquireFree()]).not.toContain(null);
});

test("a first page that cannot be read is an error, and one ahead ends the reading; both give their places back", async () => {
  const held = heldRun();
  const { pages, reading } = begin(held, 2);
  const first = reading.next();
  await settle();
  held.reads[0]?.fail();
  await expect(first).rejects.toThrow("away");
  const again = readPagesAhead({ run: held.run, after: START, pages, isWanted: () => true });
  const page = again.next();
  await settle();
  held.reads[1]?.answer();
  await page;
  held.reads[2]?.fail();
  expect((await again.next()).done).toBe(true);
  expect([pages.acquireFree(), pages.acquireFree()]).not.toContain(null);
});

test("a reader that is not wanted any more when its place comes reads nothing", async () => {
  const held = heldRun();
  const pages = new Semaphore(1);
  const reading = readPagesAhead({ run: held.run, after: START, pages, isWanted: () => false });
  expect((await reading.next()).done).toBe(true);
  expect(held.reads).toHaveLength(0);
});
