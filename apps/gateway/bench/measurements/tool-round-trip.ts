import { type Client, createClient, createDevice } from "@hsafa/client";
import type { Run } from "@hsafa/protocol";
import pg from "pg";
import { quantile } from "../quantile.ts";
import { rotated } from "../rotated.ts";
import type { Ratio } from "../report.ts";
import type { Measurement } from "./measurement.ts";
import { onSystems } from "./on-systems.ts";

const RUNS = 40;
/** A gateway serves for days, so its code is compiled. */
const WARM_UP = 200;
const WARM_UP_OF_COMMITS = 10;
/** Commits that open the run's first step, and that a call and its answer may add. */
const COMMITS_OF_A_START = 1;
const COMMITS_AIM = 2;
/** What a round trip may take beside those commits, and beside one of the pipe that makes as many. */
const BESIDE_COMMITS_MS_AIM = 3;
const LATER_MS_AIM = 3;
const COMMITS_TIMED = 100;

/** Makes a model ask for a tool and answers that. Returns what the model says of it, and the run if there is one. */
type Trip = (input: string) => Promise<{ readonly said: string; readonly runId: string | null }>;

/** A device answers the call of the run. */
function byDevice(client: Client): Trip {
  return async (input) => {
    const { runId } = await client.runs.start({ agent: "asks-device", input });
    return endOf(await client.runs.wait(runId));
  };
}

/** Follows a run from its start, and answers its call over HTTP as soon as it may. */
function byProgram(client: Client): Trip {
  return async (input) => {
    let runId = "";
    for await (const event of client.runs.startAndStream({ agent: "asks-program", input })) {
      if ("runId" in event) ({ runId } = event);
      if (event.type === "tool.dispatched")
        await client.runs.submitToolResult(runId, { callId: event.data.callId, result: "seen" });
    }
    return endOf(await client.runs.get(runId));
  };
}

function endOf({ id, status, output }: Run): Awaited<ReturnType<Trip>> {
  if (status !== "completed" || typeof output !== "string") throw new Error(`the run is ${status}`);
  return { said: output, runId: id };
}

/** The same of the pipe (`tool-pipe.ts`). */
function byPipe(url: string): Trip {
  const post = async (path: string, body: string): Promise<Response> => {
    const response = await fetch(url + path, { method: "POST", body });
    if (!response.ok) throw new Error(`the pipe answered ${response.status}`);
    return response;
  };
  return async (input) => {
    const { body } = await post("/", input);
    let [stream, said, rest] = ["", "", ""];
    for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines.filter((one) => one !== "")) {
        const told = JSON.parse(line.slice("data: ".length)) as { stream?: string; text?: string; call?: string };
        stream = told.stream ?? stream;
        said += told.text ?? "";
        if (told.call !== undefined) await post(`/${stream}/${told.call}`, "seen");
      }
    }
    return { said, runId: null };
  };
}

interface Way {
  readonly answeredBy: string;
  readonly trip: Trip;
  readonly figures: number[];
  commits: number;
}

/** From a model's call of a tool to the model that is asked with its result. The tool takes no time itself. */
export const toolRoundTrip: Measurement = {
  name: "tool-round-trip",
  does: "from a model's call of a tool to the model that has the result: by a program over HTTP, and by a device",
  measure: onSystems(async ({ gateway, startGateway, startToolPipe, databaseUrl, key }) => {
    const [other, pipe] = [await startGateway(), await startToolPipe()];
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
    const [client, elsewhere] = [gateway, other].map(({ url }) => createClient({ url, token: key })) as [
      Client,
      Client,
    ];
    const look = { name: "look", inputSchema: { type: "object" } };
    for (const [name, tool] of [
      ["asks-device", look],
      ["asks-program", { ...look, target: "external" as const }],
    ] as const)
      await client.agents.push({ name, config: { name, model: "openai-compatible/tool", tools: [tool] } });
    const commitMs = await commitMsOf(database);
    const [piped, programs, ...devices] = [
      { answeredBy: "a program over HTTP, of the pipe", trip: byPipe(pipe.url) },
      { answeredBy: "a program over HTTP", trip: byProgram(client) },
      // A device is told of a call only once it is recorded that it was, which is a further commit.
      { answeredBy: "a device on the run's gateway", trip: byDevice(client) },
      { answeredBy: "a device on another gateway", trip: byDevice(elsewhere) },
    ].map((way): Way => ({ ...way, figures: [], commits: 0 })) as [Way, Way, ...Way[]];
    await measureInTurn([piped, programs], database);
    for (const way of devices) await measureInTurn([way], database);
    device.close();
    await database.end();

    const rows = [piped, programs, ...devices].map((way) => [
      way.answeredBy,
      quantile(way.figures, 0.5).toFixed(1),
      quantile(way.figures, 0.9).toFixed(1),
      commitMs.toFixed(1),
      way === piped ? "–" : (way.commits / RUNS).toFixed(1),
    ]);
    const p50Ms = ({ figures }: Way): number => quantile(figures, 0.5);
    const ratios = [programs, ...devices].flatMap((way): Ratio[] => [
      {
        what: `a run without a call, answered by ${way.answeredBy}: further commits`,
        // The last commit ends the run.
        value: way.commits / RUNS - COMMITS_OF_A_START - 1,
        unit: " commits",
        aim: { kind: "at most", value: COMMITS_AIM },
      },
      {
        what: `pipe with two commits, round trip of a tool, answered by ${way.answeredBy}: later by`,
        value: p50Ms(way) - p50Ms(piped),
        unit: " ms",
        aim: way === programs ? { kind: "at most", value: LATER_MS_AIM } : null,
      },
      {
        what: `round trip of a tool, answered by ${way.answeredBy}: beside two commits`,
        value: p50Ms(way) - COMMITS_AIM * commitMs,
        unit: " ms",
        aim: way === programs ? { kind: "at most", value: BESIDE_COMMITS_MS_AIM } : null,
      },
    ]);
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

/** Ways that are compared take turns. */
async function measureInTurn(ways: readonly Way[], database: pg.Client): Promise<void> {
  for (let turn = -WARM_UP; turn < RUNS; turn += 1) {
    for (const way of rotated(ways, turn)) {
      const { said, runId } = await way.trip(`${way.answeredBy} ${turn}`);
      if (turn < 0) continue;
      way.figures.push(Number(said));
      if (runId !== null) way.commits += await commitsOf(database, runId);
    }
  }
}

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
  for (let turn = -WARM_UP_OF_COMMITS; turn < COMMITS_TIMED; turn += 1) {
    const begin = performance.now();
    await database.query("select pg_logical_emit_message(true, 'bench', 'x')");
    if (turn >= 0) figures.push(performance.now() - begin);
  }
  return quantile(figures, 0.5);
}
