import type { FleetStore } from "../../src/ports/fleet-store.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";

type Method = keyof FleetStore;

/** The store as the engine of one gateway sees it, with faults that a test turns on. */
export class FaultyFleet {
  /** Nothing reaches the store. */
  isAway = false;
  /** Statements wait here before they reach the store: a gateway that is stopped. */
  gate: Promise<void> = Promise.resolve();
  /** Happens just before a statement reaches the store, and between its execution and its answer. */
  before: (name: Method, params: unknown) => Promise<void> = async () => {};
  after: (name: Method) => Promise<void> = async () => {};
  /** The next statement of this name is carried out, and its answer is lost; of claims, the next that takes a run. */
  loseAnswerOf: Method | null = null;
  readonly said: Method[] = [];
  readonly port: FleetStore;

  constructor(store: FleetStore) {
    this.port = new Proxy(store, {
      get: (target, name: Method) => {
        const method = target[name] as (params: unknown) => Promise<unknown>;
        return async (params: unknown) => {
          this.said.push(name);
          await this.gate;
          await this.before(name, params);
          if (this.isAway) throw new StoreUnavailable("the test says so");
          const answer = await method.call(target, params);
          await this.after(name);
          if (this.isAway) throw new StoreUnavailable("the test says so");
          if (this.loseAnswerOf !== name || tookNothing(answer)) return answer;
          this.loseAnswerOf = null;
          throw new StoreUnavailable("the answer was lost");
        };
      },
    });
  }
}

function tookNothing(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "runs" in answer && (answer.runs as unknown[]).length === 0;
}
