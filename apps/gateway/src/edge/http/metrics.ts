import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ServedRequest } from "./server.ts";

/** What the gauges show, read from the parts of a gateway when the metrics are read. */
export interface GaugeValues {
  readonly runsHeld: number;
  readonly devices: number;
  readonly watchers: number;
  readonly followedRuns: number;
  readonly bufferedBytes: number;
}

export interface Metrics {
  observe(request: ServedRequest): void;
  /** Returns the metrics in the text format of Prometheus. */
  text(): Promise<string>;
  readonly registry: Registry;
  close(): void;
}

const GAUGES: Readonly<Record<keyof GaugeValues, { readonly name: string; readonly help: string }>> = {
  runsHeld: { name: "hsafa_runs_held", help: "Runs whose lease this gateway holds." },
  devices: { name: "hsafa_devices", help: "Devices that are connected to this gateway." },
  watchers: { name: "hsafa_watchers", help: "Clients that follow runs through this gateway." },
  followedRuns: { name: "hsafa_followed_runs", help: "Runs that this gateway follows for its watchers." },
  bufferedBytes: { name: "hsafa_watch_buffer_bytes", help: "Recent events kept in memory for watchers." },
};

/** How much of the text of a failure becomes a label: the code that Redis gave. */
const REFUSAL_CODE = /^[A-Z]{2,20}(?= )/;
/** The methods that become a label. Node knows some thirty more, which nothing is served at. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]);

/**
 * The metrics of one gateway. Labels come from the route table and from status codes, so there are few series (R9).
 * None says anything of a tenant.
 * `liveLogAway`: why the live log does not serve now; null: it does.
 */
export function createMetrics(values: () => GaugeValues, liveLogAway: () => Promise<string | null>): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  for (const [key, gauge] of Object.entries(GAUGES) as [keyof GaugeValues, { name: string; help: string }][]) {
    registry.registerMetric(
      new Gauge({
        ...gauge,
        registers: [],
        collect() {
          this.set(values()[key]);
        },
      }),
    );
  }
  registry.registerMetric(
    new Gauge({
      name: "hsafa_live_log_away",
      help: "1 while the live log (Redis) does not serve, with its code for that; 0 while it serves.",
      labelNames: ["reason"],
      aggregator: "max",
      registers: [],
      async collect() {
        const reason = await liveLogAway();
        this.reset();
        if (reason === null) this.set({ reason: "" }, 0);
        else this.set({ reason: REFUSAL_CODE.exec(reason)?.[0] ?? "unreachable" }, 1);
      },
    }),
  );
  const requests = new Counter({
    name: "hsafa_http_requests_total",
    help: "HTTP requests answered.",
    labelNames: ["method", "route", "status"],
    registers,
  });
  const durations = new Histogram({
    name: "hsafa_http_request_duration_seconds",
    help: "How long HTTP requests took to be answered; a stream counts until it begins.",
    labelNames: ["method", "route"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  return {
    observe({ method: asked, route, status, durationMs }) {
      const method = METHODS.has(asked) ? asked : "other";
      requests.inc({ method, route, status });
      durations.observe({ method, route }, durationMs / 1000);
    },
    text: () => registry.metrics(),
    registry,
    close: () => registry.clear(),
  };
}
