import cluster from "node:cluster";
import { AggregatorRegistry, type Registry } from "prom-client";
import { WORKER_METRICS_WAIT_MS } from "./limits.ts";

/** What a worker tells the process that looks after it. */
type FromWorker =
  | { readonly kind: "serves"; readonly url: string }
  /** Somebody asks this worker for the metrics of all workers. */
  | { readonly kind: "metrics_wanted" };

/** What a worker is told. `text`: the metrics of all workers; null: one of them did not tell its own in time. */
export type ToWorker = { readonly kind: "metrics"; readonly text: string | null };

/** A worker's way to the process that looks after it. */
export interface WorkerLink {
  /** This worker serves at this address. */
  serves(url: string): void;
  /** Lets the metrics of this worker be read together with those of the others. */
  offerMetrics(registry: Registry): void;
  /** Returns the metrics of all workers. Rejects if one of them does not tell its own in time. */
  metricsOfAll(): Promise<string>;
}

/** Returns the link of this process; null if it is no worker. */
export function openWorkerLink(): WorkerLink | null {
  if (!cluster.isWorker) return null;
  const say = (message: FromWorker): void => void process.send?.(message);
  let waiting: ((text: string | null) => void)[] = [];
  process.on("message", (message: unknown) => {
    const told = toWorker(message);
    if (told === null) return;
    const answered = waiting;
    waiting = [];
    for (const resolve of answered) resolve(told.text);
  });
  return {
    serves: (url) => say({ kind: "serves", url }),
    offerMetrics(registry) {
      // What it registers as a listener answers the process that gathers.
      void new AggregatorRegistry();
      AggregatorRegistry.setRegistries(registry);
    },
    async metricsOfAll() {
      const { promise, resolve } = Promise.withResolvers<string | null>();
      const timer = setTimeout(() => resolve(null), WORKER_METRICS_WAIT_MS);
      waiting.push(resolve);
      say({ kind: "metrics_wanted" });
      const text = await promise.finally(() => clearTimeout(timer));
      if (text === null) throw new Error("a worker did not tell its metrics in time");
      return text;
    },
  };
}

/** Returns what a worker said; null: it speaks of something else, as the library of the metrics does. */
export function fromWorker(message: unknown): FromWorker | null {
  const kind = kindOf(message);
  return kind === "serves" || kind === "metrics_wanted" ? (message as FromWorker) : null;
}

/** Returns what a worker was told; null: something else. */
function toWorker(message: unknown): ToWorker | null {
  return kindOf(message) === "metrics" ? (message as ToWorker) : null;
}

/** Both sides are the same version of this program, so the kind tells the rest. */
function kindOf(message: unknown): unknown {
  return typeof message === "object" && message !== null && "kind" in message ? message.kind : null;
}
