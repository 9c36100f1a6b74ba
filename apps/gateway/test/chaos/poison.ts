import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RECOVERIES_MAX } from "../../src/core/limits.ts";
import { scripted } from "./agent.ts";
import { untilAnswered } from "./calls.ts";
import { experiment } from "./experiment.ts";
import type { Failpoint } from "./failpoints.ts";
import type { GatewayProcess } from "./gateway-process.ts";
import { everyRunSpeaks, speakingLoad } from "./loads.ts";
import { FLEET, type Scenario } from "./scenario.ts";

/** A gateway that loads a run with this text dies. */
const POISON = "a drop of poison";
const POLL_MS = 100;

/**
 * A run kills every gateway that claims it, while other runs are in long steps. It must be given up in the end, and no
 * other run with it.
 */
export const poison: Scenario = ({ seed, width, leaseMs, say }) =>
  experiment({
    ...FLEET,
    gatewayProgram: join(import.meta.dirname, "failing-main.ts"),
    leaseMs,
    say,
    // Steps so long that no run progresses between two deaths.
    startLoad: (stage) => speakingLoad(stage, { seed, width, runs: width, words: 20, steps: 3, everyMs: 200 }),
    async act({ stage, load }) {
      const env = { HSAFA_FAILPOINT: "after loadRun" satisfies Failpoint, HSAFA_FAILPOINT_ABOUT: POISON };
      let deaths = 0;
      const over = new AbortController();
      for (const gateway of stage.gateways) {
        gateway.signal("SIGTERM");
        await gateway.ended();
        await gateway.start(env);
      }
      await everyRunSpeaks(stage, load, width);
      const restartAgainAndAgain = async (gateway: GatewayProcess): Promise<void> => {
        for (;;) {
          await gateway.ended();
          if (over.signal.aborted) return;
          deaths += 1;
          say(`gateway ${gateway.index} died of it`);
          await gateway.start(env);
        }
      };
      for (const gateway of stage.gateways) void restartAgainAndAgain(gateway);
      const input = scripted(POISON, { steps: [[{ say: "never heard" }]] });
      const start = (signal: AbortSignal) =>
        stage.client.runs.start({ agent: "chaos", input, deviceKey: "none", idempotencyKey: POISON }, { signal });
      const { runId } = await untilAnswered(start);
      const ended = async () =>
        (await stage.query<{ code: string }>(
          "select error ->> 'code' as code from runs where id = $1 and completed_at is not null",
          [runId],
        )) ?? [];
      while ((await ended()).length === 0) await sleep(POLL_MS);
      over.abort();
      const code = (await ended())[0]?.code;
      return {
        figures: [
          ["gateways that died of it", String(deaths)],
          ["its end", String(code)],
        ],
        broken: [
          ...(code === "recovery_exhausted" ? [] : [`the run that kills ended with ${code}`]),
          ...(deaths === RECOVERIES_MAX + 1 ? [] : [`${deaths} gateways died of one run`]),
        ],
      };
    },
    measure: async (stage) => {
      const rows = await stage.query<{ others: number }>(
        `select count(*)::int as others from runs where error ->> 'code' = 'recovery_exhausted' and id not in
          (select run_id from run_events where type = 'message.user' and payload::text like $1)`,
        [`%${POISON}%`],
      );
      const others = rows?.[0]?.others ?? Number.NaN;
      return {
        figures: [["others given up", String(others)]],
        broken: others === 0 ? [] : [`${others} runs were given up for what another did`],
      };
    },
  });
