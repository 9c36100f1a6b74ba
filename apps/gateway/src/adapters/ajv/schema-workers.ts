/**
 * Worker threads that do jobs about schemas.
 *
 * 1. A worker has one job at a time. A job that passes its deadline, or the memory of its worker, costs the worker. The
 *    worker is ended, and another one starts when there is work.
 * 2. A job that cost its worker is told so, and is not done again.
 * 3. A tenant has one worker at a time (`fair-queue.ts`), so one whose jobs cost workers leaves the others theirs.
 * 4. A worker that cannot even start blames no job. After some delay another start is tried; what waits too long
 *    meanwhile is told that it could not be done.
 */
import { Worker } from "node:worker_threads";
import { backoffMs } from "../../core/backoff.ts";
import { FairQueue } from "./fair-queue.ts";
import {
  JOB_DEADLINE_MS,
  JOB_WAIT_MAX_MS,
  QUEUED_JOBS_PER_TENANT_MAX,
  SCHEMA_WORKERS_MAX,
  WORKER_HEAP_MAX_MB,
  WORKER_START_RETRY,
  WORKER_YOUNG_HEAP_MAX_MB,
} from "./limits.ts";
import type { SchemaJob, SchemaJobResult } from "./schema-job.ts";
import type { SchemaWorkerMessage } from "./schema-worker.ts";

/** `lost`: the job cost its worker. `busy`: its turn did not come in time. */
export type JobOutcome = ({ readonly kind: "done" } & SchemaJobResult) | { readonly kind: "lost" | "busy" };

interface WaitingJob {
  /** Writes the job's text. It is called when the job's turn has come, so that what waits takes no memory. */
  readonly write: () => SchemaJob;
  readonly until: number;
  readonly settle: (outcome: JobOutcome) => void;
}

interface SchemaWorker {
  readonly worker: Worker;
  isReady: boolean;
  job: { readonly tenantId: string; readonly settle: WaitingJob["settle"]; readonly deadline: NodeJS.Timeout } | null;
}

/** The program beside this file: a TypeScript source, or what was built from it. */
const program = new URL(`./schema-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

export class SchemaWorkers {
  readonly #queue = new FairQueue<WaitingJob>({ perTenantMax: QUEUED_JOBS_PER_TENANT_MAX });
  readonly #workers = new Set<SchemaWorker>();
  #failedStarts = 0;
  #retry: NodeJS.Timeout | null = null;
  #isClosed = false;

  /** Does a job when its tenant's turn comes. Never rejects. */
  perform(tenantId: string, write: () => SchemaJob): Promise<JobOutcome> {
    return new Promise((settle) => {
      const until = performance.now() + JOB_WAIT_MAX_MS;
      if (this.#isClosed || !this.#queue.add(tenantId, { write, until, settle })) settle({ kind: "busy" });
      else this.#next();
    });
  }

  /** Ends all workers. Jobs that wait are told that they could not be done. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    for (const { settle } of this.#queue.takeAll()) settle({ kind: "busy" });
    await Promise.all([...this.#workers].map(({ worker }) => worker.terminate()));
  }

  /** Gives each free worker a job, and starts one where a job finds none. */
  #next(): void {
    while (!this.#isClosed) {
      const free = [...this.#workers].find(({ isReady, job }) => isReady && job === null);
      if (free === undefined && !this.#mayStart()) return;
      const next = this.#queue.take();
      if (next === null) return;
      const { tenantId, work } = next;
      if (performance.now() > work.until) {
        this.#queue.done(tenantId);
        work.settle({ kind: "busy" });
      } else if (free === undefined) {
        this.#start(tenantId, work);
      } else this.#give(free, tenantId, work);
    }
  }

  #mayStart(): boolean {
    return this.#workers.size < SCHEMA_WORKERS_MAX && this.#retry === null;
  }

  /** Starts a worker for a job. */
  #start(tenantId: string, work: WaitingJob): void {
    const worker = new Worker(program, {
      // What this process was started with, such as `--eval`, is not for its workers.
      execArgv: [],
      resourceLimits: {
        maxOldGenerationSizeMb: WORKER_HEAP_MAX_MB,
        maxYoungGenerationSizeMb: WORKER_YOUNG_HEAP_MAX_MB,
      },
    });
    const started: SchemaWorker = { worker, isReady: false, job: null };
    this.#workers.add(started);
    // A gateway that ends does not wait for it.
    worker.unref();
    worker.on("message", (message: SchemaWorkerMessage) => {
      if (message === "ready") {
        started.isReady = true;
        this.#failedStarts = 0;
        this.#give(started, tenantId, work);
      } else this.#finish(started, { kind: "done", ...message });
      this.#next();
    });
    // 1. Without a listener an error of a worker would end the process. Its exit says what is to be done.
    worker.on("error", () => {});
    worker.on("exit", () => {
      this.#workers.delete(started);
      if (!started.isReady) this.#failedToStart(tenantId, work);
      this.#finish(started, { kind: "lost" }); // 2.
      this.#next();
    });
  }

  /** 4. */
  #failedToStart(tenantId: string, work: WaitingJob): void {
    this.#queue.done(tenantId);
    if (this.#isClosed || performance.now() > work.until) work.settle({ kind: "busy" });
    else if (!this.#queue.add(tenantId, work)) work.settle({ kind: "busy" });
    if (this.#isClosed) return;
    this.#failedStarts += 1;
    this.#retry ??= setTimeout(
      () => {
        this.#retry = null;
        this.#next();
      },
      backoffMs(this.#failedStarts, WORKER_START_RETRY, Math.random()),
    );
  }

  #give(worker: SchemaWorker, tenantId: string, { write, settle }: WaitingJob): void {
    const deadline = setTimeout(() => void worker.worker.terminate(), JOB_DEADLINE_MS).unref(); // 1.
    worker.job = { tenantId, settle, deadline };
    // While somebody waits for it, the process stays.
    worker.worker.ref();
    worker.worker.postMessage(write(), []);
  }

  #finish(worker: SchemaWorker, outcome: JobOutcome): void {
    const { job } = worker;
    if (job === null) return;
    worker.job = null;
    worker.worker.unref();
    clearTimeout(job.deadline);
    this.#queue.done(job.tenantId);
    job.settle(outcome);
  }
}
