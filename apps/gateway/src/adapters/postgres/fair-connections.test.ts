import fc from "fast-check";
import { expect, test } from "vitest";
import { asTenantId } from "../../core/tenant-id.ts";
import { FairConnections } from "./fair-connections.ts";
import type { QueryScope } from "./statement.ts";

const fleet: QueryScope = { kind: "fleet" };

function tenant(name: string): QueryScope {
  return { kind: "tenant", tenantId: asTenantId(name) };
}

/** Asks for connections, and keeps in which order they were given. */
class Asker {
  readonly given: string[] = [];
  readonly #connections: FairConnections;
  readonly #leave = new Map<string, (() => void)[]>();

  constructor(connectionsMax: number) {
    this.#connections = new FairConnections(connectionsMax);
  }

  async ask(name: string): Promise<void> {
    void this.#take(name);
    await settled();
  }

  async #take(name: string): Promise<void> {
    const leave = await this.#connections.take(name === "fleet" ? fleet : tenant(name));
    this.given.push(name);
    this.#leave.set(name, [...(this.#leave.get(name) ?? []), leave]);
  }

  held(name: string): number {
    return this.#leave.get(name)?.length ?? 0;
  }

  async leave(name: string): Promise<void> {
    this.#leave.get(name)?.shift()?.();
    await settled();
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("a tenant that sends many statements leaves connections free for one that comes", async () => {
  const asker = new Asker(10);
  for (let nth = 0; nth < 100; nth += 1) await asker.ask("greedy");
  expect(asker.held("greedy")).toBe(8);
  await asker.ask("quiet");
  expect(asker.held("quiet")).toBe(1);
});

test("a statement of a quiet tenant waits for one connection, not for all that was asked before it", async () => {
  const asker = new Asker(3);
  for (const name of [...Array<string>(9).fill("greedy"), "other", "other", "quiet"]) await asker.ask(name);
  expect(asker.given).toEqual(["greedy", "greedy", "greedy"]);
  await asker.leave("greedy");
  await asker.leave("greedy");
  expect(asker.given.slice(3)).toEqual(["other", "quiet"]);
});

test("statements of the gateway itself take what tenants may not", async () => {
  const asker = new Asker(4);
  for (let nth = 0; nth < 9; nth += 1) await asker.ask("greedy");
  expect(asker.held("greedy")).toBe(3);
  await asker.ask("fleet");
  expect(asker.held("fleet")).toBe(1);
});

test("a gateway with one connection serves everybody", async () => {
  const asker = new Asker(1);
  await asker.ask("one");
  await asker.ask("other");
  await asker.leave("one");
  expect(asker.given).toEqual(["one", "other"]);
});

test("whatever is asked and given back, the bound holds, nobody waits for nothing, and nobody who asked is forgotten", async () => {
  const names = ["a", "b", "c", "fleet"];
  const step = fc.record({ name: fc.constantFrom(...names), asks: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 60 }), async (connections, steps) => {
      const asker = new Asker(connections);
      const asked = new Map<string, number>();
      for (const { name, asks } of steps) {
        if (asks) {
          asked.set(name, (asked.get(name) ?? 0) + 1);
          await asker.ask(name);
        } else {
          await asker.leave(name);
        }
        const held = names.reduce((sum, one) => sum + asker.held(one), 0);
        expect(held).toBeLessThanOrEqual(connections);
        const waiting = [...asked].some(([one, count]) => count > asker.given.filter((got) => got === one).length);
        // Nobody waits while nothing is held: no end of other work would serve it.
        expect(waiting && held === 0).toBe(false);
      }
      for (let turn = 0; turn < 70; turn += 1) for (const name of names) await asker.leave(name);
      for (const [name, count] of asked) expect(asker.given.filter((got) => got === name)).toHaveLength(count);
    }),
    { numRuns: 60 },
  );
});
