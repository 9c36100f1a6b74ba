/**
 * Which generation of the store this gateway works in.
 *
 * 1. Only an answer of the store changes it. One question is under way at a time, so a late answer undoes nothing.
 * 2. Evidence of a loss names the generation that it was found in. The store takes it for no other one.
 * 3. Before the gateway works in a new generation, everything that it holds from before is let go.
 */
import type { FleetStore } from "../ports/fleet-store.ts";
import { FIRST_GENERATION, type Generation, type StoreSigns } from "../ports/generation.ts";
import type { Log } from "../ports/log.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { readSigns } from "./read-signs.ts";

export interface StoreGenerationParams {
  readonly fleet: Pick<FleetStore, "judgeServer">;
  readonly log: Log;
  /** Lets go of what the store has lost. Rejects with `StoreUnavailable`; then it is tried again. */
  readonly leave: () => Promise<void>;
  /** The gateway works in this generation from now on. */
  readonly enter: (generation: Generation) => void;
}

export class StoreGeneration {
  readonly #params: StoreGenerationParams;
  #present: Generation = FIRST_GENERATION;
  /** How far the server's log was on disk when it was last heard of; null: not known. */
  #written: number | null = null;
  #turn: Promise<void> = Promise.resolve();
  #isListening = false;

  constructor(params: StoreGenerationParams) {
    this.#params = params;
  }

  get present(): Generation {
    return this.#present;
  }

  /** Takes the signs that came with a heartbeat. Rejects with `StoreUnavailable`; the next heartbeat tries again. */
  async heard(signs: StoreSigns): Promise<void> {
    if (this.#isListening) return;
    this.#isListening = true;
    try {
      await this.#inTurn(async () => {
        const advice = readSigns({ tag: this.#present.tag, written: this.#written }, signs);
        if (advice.kind === "fine") await this.#become(signs.generation);
        else {
          if (advice.wentBack) this.#tell("its log is shorter than it was");
          await this.#judge(signs.generation.tag, advice.wentBack);
        }
        this.#written = signs.written ?? this.#written;
      });
    } finally {
      this.#isListening = false;
    }
  }

  /** As `heard`, for callers that go on meanwhile. Never rejects. */
  listen(signs: StoreSigns): void {
    this.heard(signs).catch((error: unknown) => this.#failed(error));
  }

  /**
   * Something shows that the store has lost what it had committed in the generation with this tag. Resolves when the
   * gateway works in the present one. Rejects with `StoreUnavailable`.
   */
  async wentBack(tag: string, evidence: string): Promise<void> {
    if (tag !== this.#present.tag) return; // 2.
    await this.#inTurn(async () => {
      if (tag !== this.#present.tag) return;
      this.#tell(evidence);
      await this.#judge(tag, true);
    });
  }

  /** As `wentBack`, for callers that go on meanwhile. Never rejects. What is not taken now shows again. */
  report(tag: string, evidence: string): void {
    this.wentBack(tag, evidence).catch((error: unknown) => this.#failed(error));
  }

  /** The store was read in another generation than the present one. Resolves when the gateway works in that of now. */
  async catchUp(): Promise<void> {
    await this.#inTurn(() => this.#judge(this.#present.tag, false));
  }

  async #judge(expected: string, wentBack: boolean): Promise<void> {
    await this.#become(await this.#params.fleet.judgeServer({ expected, wentBack }));
  }

  /** 3. */
  async #become(generation: Generation): Promise<void> {
    if (generation.tag === this.#present.tag) return;
    await this.#params.leave();
    this.#params.log.warn({ generation: generation.tag }, "the store is in another generation");
    this.#present = generation;
    this.#params.enter(generation);
  }

  #tell(evidence: string): void {
    this.#params.log.warn({ generation: this.#present.tag, evidence }, "the store has gone back in time");
  }

  /** 1. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  #failed(error: unknown): void {
    if (!(error instanceof StoreUnavailable)) this.#params.log.error({ err: error }, "could not judge the store");
  }
}
