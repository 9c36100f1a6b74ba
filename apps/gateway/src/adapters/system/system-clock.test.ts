import { isId } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { systemClock } from "./system-clock.ts";

test("ids made within one millisecond keep their order, so that an index on them stays in order of creation", () => {
  const ids = Array.from({ length: 10_000 }, () => systemClock.newId());
  expect(ids.every(isId)).toBe(true);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test("a canceled timer never calls back", async () => {
  const heard: string[] = [];
  const cancel = systemClock.after(1, () => heard.push("canceled"));
  cancel();
  await new Promise<void>((resolve) => {
    systemClock.after(10, () => {
      heard.push("kept");
      resolve();
    });
    // The clock's timers do not keep the process alive, so the test needs one that does.
    setTimeout(() => {}, 50);
  });
  expect(heard).toEqual(["kept"]);
});
