import { expect, test } from "vitest";
import { actOnEach } from "./act-on-each.ts";

test("one that fails is told, and stops no other; and no more are under way than may be", async () => {
  let underWay = 0;
  let most = 0;
  const act = async (id: string): Promise<void> => {
    most = Math.max(most, (underWay += 1));
    await Promise.resolve();
    underWay -= 1;
    if (id === "3") throw new Error("it had ended");
  };
  const outcome = await actOnEach(["1", "2", "3", "4", "5"], act, 2);
  expect(outcome).toEqual({ done: ["1", "2", "4", "5"], failed: [{ id: "3", why: "Error: it had ended" }] });
  expect(most).toBe(2);
});
