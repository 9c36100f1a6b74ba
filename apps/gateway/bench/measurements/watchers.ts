import { get } from "node:http";
import { once } from "node:events";
import { quantile } from "../quantile.ts";
import { pushAgent, readTokens, startRun, textOfEvent } from "../subjects.ts";
import type { System } from "../system.ts";
import type { TokenReader } from "../token.ts";
import type { Measurement } from "./measurement.ts";
import { onSystems } from "./on-systems.ts";

const WATCHERS = 500;
const TOKENS = 250;
const MODEL = `${TOKENS}x20`;

interface Figures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of the process for 1,000 tokens that reached a watcher, in seconds. */
  readonly cpuSeconds: number;
}

/** What it costs when many watch one run. */
export const watchers: Measurement = {
  name: "watchers",
  does: `${WATCHERS} clients watch one run`,
  measure: onSystems(async ({ gateway, resumable, key }) => {
    await pushAgent(gateway.url, key, MODEL);
    const kept = await watch(resumable, (nth) =>
      Promise.resolve({
        url: `${resumable.url}/${MODEL}?id=watched${nth === 0 ? "" : "&skip=0"}`,
        headers: {},
        textOf: (data) => (JSON.parse(data) as { text: string }).text,
      }),
    );
    let runId = "";
    const ours = await watch(gateway, async (nth) => {
      if (nth === 0) runId = await startRun(gateway.url, key, MODEL);
      const headers = { authorization: `Bearer ${key}` };
      return { url: `${gateway.url}/api/runs/${runId}/stream`, headers, textOf: textOfEvent };
    });
    const row = (name: string, { p50Ms, p99Ms, cpuSeconds }: Figures): string[] => [
      name,
      p50Ms.toFixed(1),
      p99Ms.toFixed(1),
      cpuSeconds.toFixed(4),
    ];
    return [
      {
        title: `${WATCHERS} watchers of one run, 50 tokens/s`,
        table: [["", "p50 ms", "p99 ms", "CPU s per 1,000 tokens"], row("resumable-stream", kept), row("hsafa", ours)],
        ratios: [
          {
            what: `resumable-stream, ${WATCHERS} watchers: age p50`,
            value: ours.p50Ms / kept.p50Ms,
            unit: "x",
            aim: { kind: "at most", value: 1 },
          },
          {
            what: `resumable-stream, ${WATCHERS} watchers: CPU per token`,
            value: ours.cpuSeconds / kept.cpuSeconds,
            unit: "x",
            aim: { kind: "at most", value: 1 },
          },
        ],
      },
    ];
  }),
};

interface Watched {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly textOf: (data: string) => string;
}

/** `ask`: what the watcher of this number asks for; the first one starts the stream. */
async function watch(system: System, ask: (nth: number) => Promise<Watched>): Promise<Figures> {
  const cpuBefore = system.cpuSeconds();
  const readers: Promise<TokenReader>[] = [];
  for (let nth = 0; nth < WATCHERS; nth += 1) {
    const { url, headers, textOf } = await ask(nth);
    const sent = get(url, { headers, agent: false });
    const reading = readTokens(sent, textOf);
    // The others come when there is something to watch.
    if (nth === 0) await once(sent, "response");
    readers.push(reading);
  }
  const latenciesMs: number[] = [];
  for (const reader of await Promise.all(readers)) {
    const ages = reader.latenciesMs;
    if (ages.length !== TOKENS) throw new Error(`${system.url}: ${ages.length} of ${TOKENS} tokens came through.`);
    // Those before the last watcher came are as old as it is late.
    for (const age of ages.slice(TOKENS / 2)) latenciesMs.push(age);
  }
  const cpuSeconds = system.cpuSeconds() - cpuBefore;
  return {
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    cpuSeconds: (cpuSeconds / (WATCHERS * TOKENS)) * 1000,
  };
}
