import { formatPosition } from "@hsafa/protocol";
import type { TenantId } from "../../src/core/tenant-id.ts";
import type { Clients, ForkAsked } from "./client.ts";
import { isPoison } from "./poison.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import { callIdOf } from "./run-history.ts";
import type { Scheduler } from "./scheduler.ts";

/** People who fork runs at any of their facts, while they go on and after their end. */
export class Forks {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #clients: Clients;
  readonly #tenantId: TenantId;
  readonly #isPoisoned: boolean;
  readonly #watch: (runId: string) => void;
  #pending = 0;

  constructor(params: {
    readonly scheduler: Scheduler;
    readonly random: Random;
    readonly recorder: Recorder;
    readonly clients: Clients;
    readonly tenantId: TenantId;
    readonly isPoisoned: boolean;
    readonly watch: (runId: string) => void;
  }) {
    this.#scheduler = params.scheduler;
    this.#random = params.random;
    this.#recorder = params.recorder;
    this.#clients = params.clients;
    this.#tenantId = params.tenantId;
    this.#isPoisoned = params.isPoisoned;
    this.#watch = params.watch;
  }

  get isBusy(): boolean {
    return this.#pending > 0;
  }

  begin(): void {
    for (let nth = this.#random.whole(3, 8); nth > 0; nth -= 1)
      this.#later(this.#random.between(500, 12_000), () => this.#fork(nth));
  }

  /** Forks a run that somebody has heard of. Now and then the request is sent twice at once. */
  async #fork(nth: number): Promise<void> {
    const random = this.#random;
    // A fork of what kills its gateways would kill as many once more, and others would rightly be given up for both.
    const runs = [...this.#recorder.runs.values()].filter(
      (run) => run.tenantId === this.#tenantId && !(this.#isPoisoned && isPoison(run)),
    );
    if (runs.length === 0) return;
    const { runId, facts } = random.pick(runs);
    const seq = random.whole(1, facts.length);
    const calls = facts.slice(0, seq).filter(({ type }) => type === "tool.requested");
    const last = calls.at(-1);
    const rerun = last !== undefined && random.chance(0.4) ? [callIdOf(last)] : undefined;
    const input = random.chance(0.6) ? `word of fork ${nth}` : undefined;
    const asked: ForkAsked = { position: formatPosition({ seq, sub: 0 }), input, rerun };
    const times = random.chance(0.4) ? 2 : 1;
    const made = await Promise.all(
      Array.from({ length: times }, () => this.#clients.fork(runId, asked, `fork ${nth}`)),
    );
    const forks = new Set(made.flatMap((one) => one.runId ?? []));
    if (forks.size === 0 && made.some(({ mayCome }) => mayCome))
      this.#recorder.lateForks.push({ runId, seq, rerun: rerun ?? [] });
    if (forks.size > 1) this.#recorder.fail("fork", `one request has made ${[...forks].join(" and ")}`);
    for (const fork of forks) {
      this.#recorder.forks.set(fork, { runId, seq, rerun: rerun ?? [] });
      this.#recorder.counts.forks += 1;
      this.#watch(fork);
      if (random.chance(0.1)) this.#later(random.between(0, 2000), () => this.#clients.cancel(fork));
    }
  }

  #later(delayMs: number, act: () => Promise<void> | void): void {
    this.#pending += 1;
    this.#scheduler.after(delayMs, "a fork", () => {
      Promise.resolve(act()).then(
        () => void (this.#pending -= 1),
        (error: unknown) => this.#recorder.fail("bug", String(error)),
      );
    });
  }
}
