/**
 * `HSAFA_WORKERS`: several gateways on one port, so that a machine's cores are used. This process serves nothing. It
 * opens the port, and looks after the workers.
 *
 * 1. A worker is a gateway of its own, with its own id, leases and places. What it held when it died goes on elsewhere,
 *    as with any gateway of a fleet.
 * 2. Workers start one after the other, because the first one may have a database to set up. A worker that ends before
 *    all of them serve ends the others too: a setting is wrong, or the port is taken.
 * 3. A worker that ends later is started again. The delay grows while it does not stay up for `WORKER_PROVEN_MS`.
 * 4. A stop reaches every worker, and is over when the last one has ended.
 * 5. Workers accept connections themselves. One that this process had handed to a worker that just died would hang: no
 *    other worker gets it, and nobody closes it.
 */
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { AggregatorRegistry } from "prom-client";
import type { Settings } from "./config.ts";
import { backoffMs } from "./core/backoff.ts";
import { WORKER_PROVEN_MS, WORKER_RESTART } from "./limits.ts";
import { fromWorker, type ToWorker } from "./worker-link.ts";

/** Returns how many workers the settings ask for. */
export function workersOf({ workers, databaseUrl, redisUrl }: Settings): number {
  if (workers !== "auto") return workers;
  return databaseUrl === null || redisUrl === null ? 1 : availableParallelism();
}

export interface WorkersParams {
  readonly count: number;
  /** The file that a worker runs. */
  readonly program: string;
  /** All workers serve, at this address. */
  readonly onServing: (url: string) => void;
  /** Tells people what happened to a worker, in a sentence. */
  readonly say: (sentence: string) => void;
  /** Resolves when the workers have to stop. */
  readonly stop: Promise<unknown>;
}

/** Resolves with the code with which the process should exit, when every worker has ended. */
export async function superviseWorkers(params: WorkersParams): Promise<number> {
  const workers = new Workers(params);
  void params.stop.then(() => workers.stop());
  return workers.run();
}

class Workers {
  readonly #params: WorkersParams;
  readonly #metrics = new AggregatorRegistry();
  readonly #stopping = Promise.withResolvers<"stop">();
  #isStopping = false;
  #exitCode = 0;

  constructor(params: WorkersParams) {
    this.#params = params;
    cluster.schedulingPolicy = cluster.SCHED_NONE; // 5.
    cluster.setupPrimary({ exec: params.program, args: [] });
  }

  stop(): void {
    this.#isStopping = true;
    this.#stopping.resolve("stop");
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill("SIGTERM"); // 4.
  }

  async run(): Promise<number> {
    const { count, onServing } = this.#params;
    const first: Worker[] = [];
    let url = "";
    while (first.length < count && !this.#isStopping) {
      const worker = this.#fork();
      const served = await this.#served(worker);
      if (served === null) {
        // 2.
        if (!this.#isStopping) this.#exitCode = 1;
        this.stop();
        break;
      }
      url = served;
      first.push(worker);
    }
    if (!this.#isStopping) onServing(url);
    await Promise.all(first.map((worker, index) => this.#keep(worker, index + 1)));
    return this.#exitCode;
  }

  #fork(): Worker {
    const worker = cluster.fork();
    worker.on("message", (message: unknown) => {
      if (fromWorker(message)?.kind === "metrics_wanted") void this.#tellMetrics(worker);
    });
    return worker;
  }

  /** Resolves with the worker's address, or with null if it ends before it serves. */
  async #served(worker: Worker): Promise<string | null> {
    const ended = once(worker, "exit").then(() => null);
    const serves = new Promise<string>((resolve) => {
      worker.on("message", (message: unknown) => {
        const told = fromWorker(message);
        if (told?.kind === "serves") resolve(told.url);
      });
    });
    return Promise.race([serves, ended]);
  }

  /** Has a worker in this place until the stop. */
  async #keep(first: Worker, place: number): Promise<void> {
    let worker = first;
    let startedAt = performance.now();
    let failures = 0;
    while (true) {
      const { code, signal } = await endOf(worker);
      if (this.#isStopping) {
        if (code !== 0 && signal !== "SIGTERM") this.#exitCode = 1;
        return;
      }
      const isProven = performance.now() - startedAt > WORKER_PROVEN_MS;
      failures = isProven ? 1 : failures + 1;
      const delayMs = backoffMs(failures, WORKER_RESTART, Math.random()); // 3.
      const how = signal === null ? `with code ${code}` : `by ${signal}`;
      this.#params.say(`worker ${place} ended ${how}; it is started again in ${Math.ceil(delayMs / 1000)} s`);
      if ((await this.#pause(delayMs)) === "stop") return;
      worker = this.#fork();
      startedAt = performance.now();
    }
  }

  #pause(delayMs: number): Promise<"stop" | "over"> {
    const { promise, resolve } = Promise.withResolvers<"over">();
    const timer = setTimeout(() => resolve("over"), delayMs);
    return Promise.race([promise, this.#stopping.promise]).finally(() => clearTimeout(timer));
  }

  /** The worker that is asked for metrics tells those of all workers, so a scrape does not depend on who took it. */
  async #tellMetrics(asking: Worker): Promise<void> {
    const text = await this.#metrics.clusterMetrics().catch(() => null);
    if (asking.isConnected()) asking.send({ kind: "metrics", text } satisfies ToWorker);
  }
}

async function endOf(worker: Worker): Promise<{ readonly code: number | null; readonly signal: string | null }> {
  const { exitCode, signalCode } = worker.process;
  if (exitCode !== null || signalCode !== null) return { code: exitCode, signal: signalCode };
  const [code, signal] = (await once(worker, "exit")) as [number | null, string | null];
  return { code, signal };
}
