import type { StartPolicy } from "@hsafa/protocol";
import type { Clients } from "./client.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import type { Scheduler } from "./scheduler.ts";

/** The plans of these messages have numbers from here on, so that no other message has them. */
const FIRST_PLAN = 100;
const BRANCH_PLAN = 200;
/** More messages steer than do anything else, since most of what can go wrong is in that. */
const POLICIES: readonly StartPolicy[] = ["queue", "reject", "interrupt", "steer", "steer", "steer"];

/** People who speak to a thread while it is busy, each under one of the policies. */
export class Conversations {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #clients: Clients;
  readonly #watch: (runId: string) => void;
  #pending = 0;

  constructor(params: {
    readonly scheduler: Scheduler;
    readonly random: Random;
    readonly recorder: Recorder;
    readonly clients: Clients;
    readonly watch: (runId: string) => void;
  }) {
    this.#scheduler = params.scheduler;
    this.#random = params.random;
    this.#recorder = params.recorder;
    this.#clients = params.clients;
    this.#watch = params.watch;
  }

  get isBusy(): boolean {
    return this.#pending > 0;
  }

  begin(): void {
    const messages = this.#random.whole(3, 9);
    for (let nth = 0; nth < messages; nth += 1)
      this.#later(this.#random.between(0, 8000), () => this.#say(FIRST_PLAN + nth));
    if (this.#random.chance(0.4))
      this.#later(this.#random.between(2000, 9000), () =>
        this.#clients.deleteThread(`thread-${this.#random.whole(1, 2)}`),
      );
    for (let nth = this.#random.whole(0, 2); nth > 0; nth -= 1)
      this.#later(this.#random.between(3000, 12_000), () => this.#goOn(nth));
  }

  /** Goes on from a run that somebody has heard of, and says something there. */
  async #goOn(nth: number): Promise<void> {
    const runs = [...this.#recorder.runs.values()].filter(({ threadId, hasEnded }) => threadId !== null && hasEnded);
    if (runs.length === 0) return;
    const { runId } = this.#random.pick(runs);
    const threadId = await this.#clients.branch(runId, `branch-${nth}`);
    if (threadId === null) return;
    this.#recorder.counts.branches += 1;
    const policy = this.#random.pick(POLICIES);
    const begun = await this.#clients.startOn({ input: `plan ${BRANCH_PLAN + nth}`, threadId, policy });
    if (begun !== null) this.#watch(begun);
  }

  async #say(plan: number): Promise<void> {
    const random = this.#random;
    const policy = random.pick(POLICIES);
    const threadId = `thread-${random.whole(1, 2)}`;
    const runId = await this.#clients.startOn({ input: `plan ${plan}`, threadId, policy });
    if (runId === null) return;
    if (random.chance(0.6)) this.#later(random.between(0, 3000), () => this.#watch(runId));
    if (random.chance(0.1)) this.#later(random.between(0, 2000), () => this.#clients.cancel(runId));
    if (random.chance(0.1)) this.#later(random.between(0, 2000), () => this.#clients.say(runId, `word to ${plan}`));
  }

  #later(delayMs: number, act: () => Promise<void> | void): void {
    this.#pending += 1;
    this.#scheduler.after(delayMs, "a conversation", () => {
      Promise.resolve(act()).then(
        () => void (this.#pending -= 1),
        (error: unknown) => this.#recorder.fail("bug", String(error)),
      );
    });
  }
}
