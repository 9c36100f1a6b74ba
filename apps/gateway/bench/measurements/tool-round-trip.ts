import { type Client, createClient, createDevice, type StartRunParams } from "@hsafa/client";
import type { Run } from "@hsafa/protocol";
import pg from "pg";
import { quantile } from "../quantile.ts";
import type { Ratio } from "../report.ts";
import type { Measurement } from "./measurement.ts";
import { onSystems } from "./on-systems.ts";

const RUNS = 40;
const WARM_UP = 10;
/** Commits that open the run's first step, and that a call and its answer may add. */
const COMMITS_OF_A_START = 1;
const COMMITS_AIM = 2;
/** What a round trip may take beside those commits. */
const BESIDE_COMMITS_MS_AIM = 3;
const COMMITS_TIMED = 100;

/** Starts a run, and returns it when it has ended. */
type Answered = (client: Client, start: StartRunParams) => Promise<Run>;

/** A device answers the call of the run. */
const byDevice: Answered = async (client, start) => client.runs.wait((await client.runs.start(start)).runId);

/** Follows a run from its start, and answers its call over HTTP as soon as it may. */
const byProgram: Answered = async (client, start) => {
  let runId = "";
  for await (const event of client.runs.startAndStream(start)) {
    if ("runId" in event) ({ runId } = event);
    if (event.type === "tool.dispatched")
      await client.runs.submitToolResult(runId, { callId: event.data.callId, result: "seen" });
  }
  return client.runs.get(runId);
};

/** From a model's call of a tool to the model that is asked with its result. The tool takes no time itself. */
export const toolRoundTrip: Measurement = {
  name: "tool-round-trip",
  does: "from a model's call of a tool to the model that has the result: by a program over HTTP, and by a device",
  measure: onSystems(async ({ gateway, startGateway, databaseUrl, key }) => {
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
    const look = { name: "look", inputSchema: { type: "object" } };
    const { agents } = createClient({ url: gateway.url, token: key });
    for (const [name, tool] of [
      ["asks-device", look],
      ["asks-program", { ...look, target: "external" as const }],
    ] as const)
      await agents.push({ name, config: { name, model: "openai-compatible/tool", tools: [tool] } });
    const commitMs = await commitMsOf(database);
    const rows: string[][] = [];
    const ratios: Ratio[] = [];
    for (const { where, agent, url, answered, mayAddMs } of [
      {
        where: "a program over HTTP",
        agent: "asks-program",
        url: gateway.url,
        answered: byProgram,
        mayAddMs: BESIDE_COMMITS_MS_AIM,
      },
      // A device is told of a call only once it is recorded that it was, which is a further commit.
      { where: "a device on the run's gateway", agent: "asks-device", url: gateway.url, answered: byDevice },
      { where: "a device on another gateway", agent: "asks-device", url: other.url, answered: byDevice },
    ]) {
      const client = createClient({ url, token: key });
      const figures: number[] = [];
      let commits = 0;
      for (let turn = -WARM_UP; turn < RUNS; turn += 1) {
        const { id: runId, status, output } = await answered(client, { agent, input: `${where} ${turn}` });
        if (status !== "completed") throw new Error(`the run is ${status}`);
        if (turn < 0) continue;
        figures.push(Number(output));
        commits += await commitsOf(database, runId);
      }
      const perRun = commits / RUNS;
      const p50Ms = quantile(figures, 0.5);
      rows.push([where, p50Ms.toFixed(1), quantile(figures, 0.9).toFixed(1), commitMs.toFixed(1), perRun.toFixed(1)]);
      ratios.push({
        what: `a run without a call, answered by ${where}: further commits`,
        // The last commit ends the run.
        value: perRun - COMMITS_OF_A_START - 1,
        unit: " commits",
        aim: { kind: "at most", value: COMMITS_AIM },
      });
      ratios.push({
        what: `round trip of a tool, answered by ${where}: beside two commits`,
        value: p50Ms - COMMITS_AIM * commitMs,
        unit: " ms",
        aim: mayAddMs === undefined ? null : { kind: "at most", value: mayAddMs },
      });
    }
    device.close();
    await database.end();
    return [
      {
        title: "round trip of a tool",
        table: [
          ["answered by", "p50 ms", "p90 ms", "a commit alone, p50 ms", "commits with facts of the run"],
          ...rows,
        ],
        ratios,
      },
    ];
  }),
};

/** Each transaction that wrote facts of the run. Deltas go by themselves, with those of other runs. */
async function commitsOf(database: pg.Client, runId: string): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    "select count(distinct xmin::text)::int as count from run_events where run_id = $1 and sub = 0",
    [runId],
  );
  return rows[0]?.count ?? Number.NaN;
}

/** How long a commit takes here that writes next to nothing. */
async function commitMsOf(database: pg.Client): Promise<number> {
  const figures: number[] = [];
  for (let turn = -WARM_UP; turn < COMMITS_TIMED; turn += 1) {
    const begin = performance.now();
    await database.query("select pg_logical_emit_message(true, 'bench', 'x')");
    if (turn >= 0) figures.push(performance.now() - begin);
  }
  return quantile(figures, 0.5);
}
