/**
 * A process that uses a gateway as an innocent tenant does: `bystander.ts <url> <key>`. It asks for `/health` at a
 * fixed pace, and starts one run after the other and reads each to its end. Each line on its input ends a measurement:
 * it prints the figures as one line of JSON, and begins anew.
 */
import { Agent, get, request } from "node:http";
import { createInterface } from "node:readline";
import type { BystanderFigures } from "./bystander-figures.ts";

const HEALTH_EVERY_MS = 50;
const HEALTH_OPEN_MAX = 100;
const RUN_PAUSE_MS = 50;
/** A run that has not ended after this time has failed its user. */
const RUN_TIMEOUT_MS = 30_000;

const [url = "", key = ""] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 200 });
const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };

let health: number[] = [];
let runs: number[] = [];
let failedRuns: string[] = [];
/** When each unanswered request was sent. */
const asked = new Set<{ readonly at: number }>();
/** When the run in progress was started. */
let runStartedAt: number | null = null;

/** Every other request opens a connection, as probes of a load balancer do. */
let nth = 0;

function askHealth(): void {
  if (asked.size >= HEALTH_OPEN_MAX) return;
  const one = { at: performance.now() };
  asked.add(one);
  const isNew = (nth += 1) % 2 === 0;
  const done = (): void => {
    if (asked.delete(one)) health.push(performance.now() - one.at);
  };
  get(`${url}/health`, { agent: isNew ? false : agent }, (response) => response.resume().on("end", done)).on(
    "error",
    done,
  );
}

function textOf(method: "GET" | "POST", path: string, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { method, agent, headers, timeout: RUN_TIMEOUT_MS });
    sent.on("error", reject);
    sent.on("timeout", () => sent.destroy(new Error("no answer in time")));
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => {
        text += piece;
      });
      response.on("end", () =>
        (response.statusCode ?? 500) < 300 ? resolve(text) : reject(new Error(`${response.statusCode} ${text}`)),
      );
      response.on("error", reject);
    });
    sent.end(body);
  });
}

async function useForEver(): Promise<never> {
  for (;;) {
    const startedAt = performance.now();
    runStartedAt = startedAt;
    try {
      const started = await textOf("POST", "/api/runs", JSON.stringify({ agent: "quiet-echo", input: "hello" }));
      const { runId } = JSON.parse(started) as { runId: string };
      const events = await textOf("GET", `/api/runs/${runId}/stream`);
      if (!events.includes(`"type":"run.completed"`)) throw new Error(events.slice(-300));
      runs.push(performance.now() - startedAt);
    } catch (error) {
      failedRuns.push(String(error));
    }
    runStartedAt = null;
    await new Promise((resolve) => setTimeout(resolve, RUN_PAUSE_MS));
  }
}

/** What waits counts with the time that it has waited already. */
function figures(): BystanderFigures {
  const now = performance.now();
  const waiting = [...asked].map(({ at }) => now - at);
  const running = runStartedAt === null || runs.length > 0 ? [] : [now - runStartedAt];
  return { health: [...health, ...waiting], runs: [...runs, ...running], failedRuns };
}

await textOf(
  "POST",
  "/api/agents",
  JSON.stringify({ name: "quiet-echo", config: { name: "quiet-echo", model: "demo/echo" } }),
);
setInterval(askHealth, HEALTH_EVERY_MS);
void useForEver();
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "end") process.exit(0);
  console.log(JSON.stringify(figures()));
  health = [];
  runs = [];
  failedRuns = [];
}
process.exit(0);
