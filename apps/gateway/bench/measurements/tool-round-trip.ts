import { createClient, createDevice } from "@hsafa/client";
import pg from "pg";
import { quantile } from "../quantile.ts";
import type { Ratio } from "../report.ts";
import type { Measurement } from "./measurement.ts";

const RUNS = 40;
const WARM_UP = 10;
/** Commits that open the run's first step, and that a call and its answer may add. */
const COMMITS_OF_A_START = 1;
const COMMITS_AIM = 2;

/** From a model's call of a tool to the model that is asked with its result. The tool takes no time itself. */
export const toolRoundTrip: Measurement = {
  name: "tool-round-trip",
  does: "from a model's call of a tool on a device to the model that has the result",
  async measure({ gateway, startGateway, databaseUrl, key }) {
    const other = await startGateway();
    const database = new pg.Client(databaseUrl);
    await database.connect();
    const device = createDevice({
      url: gateway.url,
      token: key,
      deviceKey: "bench",
      tools: {
        look: { description: "Looks", inputSchema: { type: "object" }, execute: () => Promise.resolve("seen") },
      },
    });
    await device.whenOnline();
    const tools = [{ name: "look", inputSchema: { type: "object" } }];
    const config = { name: "looker", model: "openai-compatible/tool", tools };
    await createClient({ url: gateway.url, token: key }).agents.push({ name: config.name, config });
    const rows: string[][] = [];
    const ratios: Ratio[] = [];
    for (const [where, url] of [
      ["the run's gateway", gateway.url],
      ["another gateway", other.url],
    ] as const) {
      const client = createClient({ url, token: key });
      const figures: number[] = [];
      let commits = 0;
      for (let turn = -WARM_UP; turn < RUNS; turn += 1) {
        const { runId } = await client.runs.start({ agent: config.name, input: `${where} ${turn}` });
        const { status, output } = await client.runs.wait(runId);
        if (status !== "completed") throw new Error(`the run is ${status}`);
        if (turn < 0) continue;
        figures.push(Number(output));
        commits += await commitsOf(database, runId);
      }
      const perRun = commits / RUNS;
      rows.push([where, quantile(figures, 0.5).toFixed(1), quantile(figures, 0.9).toFixed(1), perRun.toFixed(1)]);
      ratios.push({
        what: `a run without a call, device on ${where}: further commits`,
        // The last commit ends the run.
        value: perRun - COMMITS_OF_A_START - 1,
        unit: " commits",
        aim: { kind: "at most", value: COMMITS_AIM },
      });
    }
    device.close();
    await database.end();
    return [
      {
        title: "round trip of a tool",
        table: [["device on", "p50 ms", "p90 ms", "commits with events of the run"], ...rows],
        ratios,
      },
    ];
  },
};

/** Each transaction that wrote events of the run. Heartbeats and the like write elsewhere. */
async function commitsOf(database: pg.Client, runId: string): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    "select count(distinct xmin::text)::int as count from run_events where run_id = $1",
    [runId],
  );
  return rows[0]?.count ?? Number.NaN;
}
