import fc from "fast-check";
import { expect, test } from "vitest";
import { holdTabKey, type HeldKey } from "./tab-key.ts";
import type { Tab } from "./tab.ts";

/** A browser with tabs of one origin. A tab's storage is copied when it is duplicated, and kept when it is reloaded. */
class Browser {
  readonly #held = new Set<string>();

  open(storage = new Map<string, string>()): Tab & { readonly items: Map<string, string> } {
    return {
      items: storage,
      storage: { getItem: (key) => storage.get(key) ?? null, setItem: (key, value) => void storage.set(key, value) },
      hold: async (name) => {
        if (this.#held.has(name)) return null;
        this.#held.add(name);
        return () => void this.#held.delete(name);
      },
    };
  }
}

test("a duplicated tab gets a key of its own and keeps it over a reload; the first keeps its key", async () => {
  const browser = new Browser();
  const first = browser.open();
  const held = await holdTabKey("laptop", first);
  const copy = browser.open(new Map(first.items));
  const own = await holdTabKey("laptop", copy);
  expect(held.deviceKey).toBe("laptop");
  expect(own.deviceKey).toMatch(/^laptop~.+/);
  own.release();
  expect((await holdTabKey("laptop", copy)).deviceKey).toBe(own.deviceKey);
  held.release();
  expect((await holdTabKey("laptop", first)).deviceKey).toBe("laptop");
});

test("a key of its own fits into the bound of keys", async () => {
  const browser = new Browser();
  const long = "k".repeat(200);
  await holdTabKey(long, browser.open());
  const { deviceKey } = await holdTabKey(long, browser.open());
  expect(deviceKey).toHaveLength(200);
});

test("outside of a tab a key is what it was given as", async () => {
  const keys = await Promise.all([holdTabKey("laptop", null), holdTabKey("laptop", null)]);
  expect(keys.map(({ deviceKey }) => deviceKey)).toEqual(["laptop", "laptop"]);
});

test("whatever tabs are opened, duplicated, reloaded and closed: no two living tabs have one key, and each keeps its own", async () => {
  interface Living {
    tab: ReturnType<Browser["open"]>;
    held: HeldKey;
  }
  const step = fc.record({
    kind: fc.constantFrom("open", "duplicate", "duplicate", "reload", "close"),
    which: fc.nat({ max: 20 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const browser = new Browser();
      const living: Living[] = [];
      const begin = async (storage?: Map<string, string>): Promise<void> => {
        const tab = browser.open(storage);
        living.push({ tab, held: await holdTabKey("laptop", tab) });
      };
      for (const { kind, which } of steps) {
        const index = living.length === 0 ? -1 : which % living.length;
        const one = living[index];
        if (one === undefined || kind === "open") {
          await begin();
        } else if (kind === "duplicate") {
          await begin(new Map(one.tab.items));
        } else {
          one.held.release();
          living.splice(index, 1);
          if (kind === "reload") await begin(one.tab.items);
          if (kind === "reload" && living.at(-1)?.held.deviceKey !== one.held.deviceKey) return false;
        }
        if (new Set(living.map(({ held }) => held.deviceKey)).size !== living.length) return false;
      }
      return true;
    }),
  );
});
