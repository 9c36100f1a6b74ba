import { expect, test } from "vitest";
import { recordingLog } from "../../test/support/recording-log.ts";
import { FIRST_GENERATION, type Generation, type StoreSigns } from "../ports/generation.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { StoreGeneration } from "./store-generation.ts";

function world() {
  const log = recordingLog();
  const said: string[] = [];
  const present: Generation = FIRST_GENERATION;
  const store = { present, isAway: false, gate: Promise.resolve(), made: 0 };
  const generation = new StoreGeneration({
    log,
    fleet: {
      async judgeServer({ expected, wentBack }) {
        said.push(`judge ${wentBack ? "went back" : "fine"}`);
        await store.gate;
        if (store.isAway) throw new StoreUnavailable("away");
        if (wentBack && expected === store.present.tag) {
          store.made += 1;
          store.present = { tag: `0000000${store.made}`, formerTags: [], wasReplaced: false };
        }
        return store.present;
      },
    },
    leave: async () => void said.push("leave"),
    enter: ({ tag }) => said.push(`enter ${tag}`),
  });
  const signs = (overrides: Partial<StoreSigns> = {}): StoreSigns => ({
    generation: store.present,
    isJudged: true,
    written: 100,
    ...overrides,
  });
  return { generation, store, said, signs, log };
}

test("what a gateway holds from before is let go before it works in the new generation", async () => {
  const { generation, store, said, signs } = world();
  store.present = { tag: "cccccccc", formerTags: [], wasReplaced: false };
  await generation.heard(signs());
  expect(said).toEqual(["leave", "enter cccccccc"]);
  expect(generation.present.tag).toBe("cccccccc");
  await generation.heard(signs());
  expect(said).toHaveLength(2);
});

test("a server that has started is judged; with a shorter log it has gone back, and the shorter log is no news after that", async () => {
  const { generation, said, signs, log } = world();
  await generation.heard(signs({ isJudged: false }));
  expect(said).toEqual(["judge fine"]);
  await generation.heard(signs({ isJudged: false, written: 50 }));
  expect(said.slice(1)).toEqual(["judge went back", "leave", "enter 00000001"]);
  expect(log.lines.map(({ message }) => message)).toEqual([
    "the store has gone back in time",
    "the store is in another generation",
  ]);
  await generation.heard(signs({ written: 51 }));
  expect(said).toHaveLength(4);
});

test("many who show the same loss begin one new generation", async () => {
  const { generation, store } = world();
  await Promise.all(Array.from({ length: 20 }, () => generation.wentBack("", "a run lacks facts")));
  expect(store.made).toBe(1);
  expect(generation.present.tag).toBe("00000001");
});

test("evidence from a former generation is no news", async () => {
  const { generation, store, said } = world();
  await generation.wentBack("", "a run lacks facts");
  const before = said.length;
  await generation.wentBack("", "a run lacks facts");
  expect([store.made, said.length]).toEqual([1, before]);
});

test("a store that is away is judged by a later heartbeat, and nothing is entered before", async () => {
  const { generation, store, said, signs, log } = world();
  store.isAway = true;
  await expect(generation.wentBack("", "a run lacks facts")).rejects.toBeInstanceOf(StoreUnavailable);
  generation.listen(signs({ isJudged: false }));
  await expect.poll(() => said.length).toBe(2);
  expect(generation.present.tag).toBe("");
  store.isAway = false;
  await generation.heard(signs({ isJudged: false, written: 1 }));
  expect(generation.present.tag).toBe("");
  await generation.wentBack("", "a run lacks facts");
  expect(generation.present.tag).toBe("00000001");
  // That the store was away is told by those who asked it.
  expect(log.errors).toEqual([]);
});
