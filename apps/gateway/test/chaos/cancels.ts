import { setTimeout as sleep } from "node:timers/promises";
import type { JsonObject } from "@hsafa/protocol";
import { seededRandom } from "../support/seeded-random.ts";
import { until } from "../support/until.ts";
import { scripted } from "./agent.ts";
import { untilAnswered } from "./calls.ts";
import { experiment } from "./experiment.ts";
import { figures, quantile } from "./report.ts";
import { busiest, mixedLoad } from "./loads.ts";
import { FLEET, type Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

/** The state of a run when it is canceled: the script that leads to it, and the condition of its row in SQL. */
interface Standing {
  readonly name: string;
  readonly steps: JsonObject[][];
  readonly row: string;
}

/** Longer than the scenario takes. */
const LONG_MS = 120_000;

const PARKED: Standing = {
  name: "parked",
  steps: [[{ call: "ask_person", args: {} }]],
  row: "status = 'waiting_tool' and lease_owner is null",
};
const BETWEEN_TRIES: Standing = {
  name: "between tries",
  steps: [[{ fail: { status: 503, retryAfterMs: LONG_MS }, times: 2 }]],
  row: "status = 'queued' and epoch > 0 and lease_owner is null and wake_at > now() + interval '10 s'",
};
const IN_A_STEP: Standing = {
  name: "in a step",
  steps: [[{ repeat: LONG_MS / 100, parts: [{ say: "word {{n}} ", everyMs: 100 }] }]],
  row: "open_step is not null and lease_owner is not null and exists (select from run_events e where e.run_id = r.id and sub > 0)",
};

/** What is broken while the cancel comes. */
interface Trouble {
  readonly name: string;
  /** The longest time from the request to `run.canceled`, in milliseconds. */
  readonly withinMs: (leaseMs: number) => number;
  readonly standings: readonly Standing[];
  /** Breaks it. Returns how to mend it, and the gateway whose runs are measured (null: those of all). */
  begin(stage: Stage): Promise<{ readonly gatewayId: string | null; mend(): Promise<void> }>;
}

const TROUBLES: readonly Trouble[] = [
  {
    name: "nothing",
    withinMs: () => 1000,
    standings: [PARKED, BETWEEN_TRIES, IN_A_STEP],
    begin: async () => ({ gatewayId: null, mend: async () => {} }),
  },
  {
    name: "Redis away",
    // The holder learns of it at its next renewal, or a gateway at its next poll. Then comes a second as ever.
    withinMs: (leaseMs) => leaseMs / 3 + 1000,
    standings: [PARKED, BETWEEN_TRIES, IN_A_STEP],
    async begin(stage) {
      await stage.redis.stop("SIGKILL");
      return { gatewayId: null, mend: () => stage.redis.start() };
    },
  },
  {
    name: "its holder frozen",
    withinMs: (leaseMs) => leaseMs + 1000,
    standings: [IN_A_STEP],
    async begin(stage) {
      const holder = await busiest(stage);
      const { gatewayId } = holder;
      holder.signal("SIGSTOP");
      // A load balancer would send nothing to a gateway that does not respond.
      stage.links.callers.set(holder.index, { kind: "cut" });
      return {
        gatewayId,
        async mend() {
          holder.signal("SIGCONT");
          stage.links.callers.set(holder.index, { kind: "pass" });
        },
      };
    },
  },
  {
    name: "its holder dead",
    withinMs: (leaseMs) => leaseMs + 1000,
    standings: [IN_A_STEP],
    async begin(stage) {
      const holder = await busiest(stage);
      const { gatewayId } = holder;
      holder.signal("SIGKILL");
      return {
        gatewayId,
        async mend() {
          await holder.ended();
          await holder.start();
        },
      };
    },
  },
];

/** How long a run may take to reach its state, or to end. */
const WAIT_MAX_MS = 60_000;

/**
 * Measures how soon a cancel wins, for each state of a run and each trouble. `faults`: rounds of all of them. `width`:
 * runs canceled at once.
 */
export const cancels: Scenario = ({ seed, width, faults, leaseMs, say }) =>
  experiment({
    ...FLEET,
    leaseMs,
    say,
    startLoad: (stage) => mixedLoad(stage, { seed, width: 6, runs: Number.POSITIVE_INFINITY }),
    async act({ stage, load }) {
      const dice = seededRandom(seed);
      const took = new Map<string, { readonly boundMs: number; readonly ms: number[] }>();
      const broken: string[] = [];
      for (let round = 0; round < faults; round += 1) {
        for (const trouble of TROUBLES) {
          for (const standing of trouble.standings) {
            const name = `cancel ${standing.name}${trouble.name === "nothing" ? "" : `, ${trouble.name}`}`;
            say(name);
            const boundMs = trouble.withinMs(leaseMs);
            const all = took.get(name) ?? { boundMs, ms: [] };
            took.set(name, all);
            const outcome = await cancelAll(stage, { standing, trouble, width, name: `${round}`, dice });
            all.ms.push(...outcome.ms);
            broken.push(...outcome.broken);
          }
        }
      }
      load.stop();
      for (const [name, { boundMs, ms }] of took) {
        if (quantile(ms, 1) > boundMs)
          broken.push(`${name}: ${Math.round(quantile(ms, 1))} ms, more than ${boundMs} ms`);
        if (ms.length === 0) broken.push(`${name}: no run was canceled so`);
      }
      return { figures: [...took].map(([name, { ms }]) => [name, figures(ms)] as const), broken };
    },
  });

interface Row {
  readonly id: string;
  readonly status: string;
  readonly owner: string | null;
  readonly ended_at: number | null;
}

/** Brings runs into a state, cancels them together, and returns how long each cancel took. */
async function cancelAll(
  stage: Stage,
  params: {
    readonly standing: Standing;
    readonly trouble: Trouble;
    readonly width: number;
    readonly name: string;
    readonly dice: () => number;
  },
): Promise<{ readonly ms: readonly number[]; readonly broken: readonly string[] }> {
  const { standing, trouble, width, name, dice } = params;
  const runIds = await Promise.all(
    Array.from({ length: width }, async (_, index) => {
      const input = scripted(`${standing.name} ${trouble.name} ${name} ${index}`, { steps: standing.steps });
      const idempotencyKey = `cancel-${standing.name}-${trouble.name}-${name}-${index}`;
      const start = (signal: AbortSignal) =>
        stage.client.runs.start({ agent: "chaos", input, deviceKey: "none", idempotencyKey }, { signal });
      return (await untilAnswered(start)).runId;
    }),
  );
  const standingNow = () => rowsOf(stage, runIds, standing.row);
  await until(`the runs stand ${standing.name}`, async () => (await standingNow()).length === width, WAIT_MAX_MS);
  const { gatewayId, mend } = await trouble.begin(stage);
  // The runs that the trouble affects. The others are canceled too, and not counted.
  const counted = new Set(
    (await standingNow()).filter(({ owner }) => gatewayId === null || owner === gatewayId).map(({ id }) => id),
  );
  const askedAt = new Map<string, number>();
  await Promise.all(
    runIds.map(async (runId) => {
      // Spread out, so that some meet a renewal and some a poll.
      await sleep(dice() * 500);
      askedAt.set(runId, Date.now());
      await untilAnswered((signal) => stage.client.runs.cancel(runId, {}, { signal }));
    }),
  );
  let rows: readonly Row[] = [];
  const allEnded = async (): Promise<boolean> => {
    rows = await rowsOf(stage, runIds, "completed_at is not null");
    return rows.length === width;
  };
  await until("all of them have ended", allEnded, WAIT_MAX_MS);
  await mend();
  return {
    ms: rows.filter(({ id }) => counted.has(id)).map((row) => (row.ended_at ?? 0) - (askedAt.get(row.id) ?? 0)),
    broken: rows
      .filter(({ status }) => status !== "canceled")
      .map(({ id, status }) => `run ${id} was canceled while ${standing.name} and ended as ${status}`),
  };
}

async function rowsOf(stage: Stage, runIds: readonly string[], condition: string): Promise<readonly Row[]> {
  const rows = await stage.query<Row>(
    `select id::text, status, lease_owner as owner, (extract(epoch from completed_at) * 1000)::float8 as ended_at
     from runs r where id = any($1::uuid[]) and ${condition}`,
    [runIds],
  );
  return rows ?? [];
}
