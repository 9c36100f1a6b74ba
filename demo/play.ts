import type { Client } from "@hsafa/client";
import type { FactEvent, JsonValue, RunEvent } from "@hsafa/protocol";
import { demoAgent, QUESTION } from "./agent.ts";
import { check, type Narrator } from "./narrator.ts";
import { checkSame, checkWhole, countOf, isFact, textOf } from "./record.ts";
import { SCRIPTED_MODEL } from "./settings.ts";
import type { Stage } from "./stage.ts";
import { type Watcher, watchRun } from "./watcher.ts";

/**
 * Deltas of the answer before the watcher is cut off. The script mentions the cut at that point. Some models send whole
 * sentences as deltas.
 */
const PIECES_BEFORE_CUT = { scripted: 28, other: 2 };
/** The step in which the model answers. In the step before, it asks for the tool. */
const ANSWERING_STEP = 2;

/** Plays the ten steps. Throws `DemoFailed` at the first step that fails its check. */
export async function play(stage: Stage, model: string, narrator: Narrator, signal: AbortSignal): Promise<void> {
  const { client, line, device } = stage;

  const config = demoAgent(model, device.key);
  const pushing = stopwatch();
  const pushed = await client.agents.push({ name: config.name, config });
  check(pushed.created, "a new version of the agent");
  const hash = pushed.configHash.slice(0, 12);
  narrator.step("The agent is created", `version ${pushed.version}, config hash ${hash}..., ${pushing()} ms`);

  const again = await client.agents.push({ name: config.name, config: withKeysReversed(config) });
  check(!again.created && again.versionId === pushed.versionId, "the very version that was there");
  check(again.configHash === pushed.configHash, "the same hash for the same config");
  narrator.step(
    "Pushed again with its keys in another order",
    `nothing new: still version ${again.version}, config hash ${again.configHash.slice(0, 12)}...`,
  );

  const starting = stopwatch();
  const { runId, status } = await client.runs.start({ agent: config.name, input: QUESTION });
  check(status === "queued", "a run that is queued, before any model is asked");
  narrator.step("A run is started", `${runId} is ${status} after ${starting()} ms`);

  const watching = stopwatch();
  const piecesBeforeCut = model === SCRIPTED_MODEL ? PIECES_BEFORE_CUT.scripted : PIECES_BEFORE_CUT.other;
  const cutting = cutInTheMiddle(stage, { runId, piecesBeforeCut, narrator, signal });
  const { watcher } = cutting;
  const first = await watcher.sees(() => true);
  check(first.id === "1-0" && first.type === "run.created", "the run's first event first");
  narrator.step(
    "A watcher follows it by server-sent events",
    `${first.id} ${first.type} after ${watching()} ms, and the connection stays open`,
  );

  const requested = await watcher.sees(isOfType("tool.requested"));
  const { toolName, args, target, callId } = requested.data;
  check(target === "device", "a call for a device");
  narrator.step(
    "The agent asks for a tool",
    `${requested.id} ${toolName} ${JSON.stringify(args)}, to be executed on a ${target}`,
  );

  const dispatched = await watcher.sees(isOfType("tool.dispatched"));
  const completed = await watcher.sees(isOfType("tool.completed"));
  const { source, deviceId, result } = completed.data;
  check(
    completed.data.callId === callId && source === "device" && deviceId === device.id,
    "an answer of our device to this call",
  );
  const pid = (result as { pid?: JsonValue } | null)?.pid;
  check(pid === device.pid && pid !== process.pid, `a result made in process ${device.pid}`);
  const tookMs = Date.parse(completed.ts) - Date.parse(dispatched.ts);
  narrator.step(
    "The device gets the call by WebSocket, executes it and answers",
    `process ${device.pid} (this one is ${process.pid}), ${tookMs} ms from dispatch to result:\n        ${JSON.stringify(result)}`,
  );

  const goesOn = await watcher.sees((event) => event.type === "step.started" && event.data.step === ANSWERING_STEP);
  narrator.step(
    "The agent goes on",
    `${goesOn.id} step ${ANSWERING_STEP} begins ${Date.parse(goesOn.ts) - Date.parse(completed.ts)} ms after the result`,
  );

  const { late, at, resumedAfterMs, missed } = await cutting.resumed;
  await watcher.done;
  check(
    line.resumedFrom.length === 2 && line.resumedFrom[0] === null,
    "one connection before the cut and one after it",
  );
  check(line.resumedFrom[1] === at.id, `Last-Event-ID ${at.id}, not ${line.resumedFrom[1]}`);
  const next = watcher.record[watcher.record.indexOf(at) + 1];
  check(next?.type === at.type, "more of the same text after the cut");
  narrator.step(
    "The watcher was cut off in the middle of the text, and resumed by itself",
    `with Last-Event-ID ${at.id}, ${resumedAfterMs} ms after its socket was destroyed; ${missed} events had happened meanwhile; the next it saw was ${next.id}`,
  );

  await late.done;
  const { record } = watcher;
  checkWhole(record, "the record of the watcher");
  checkSame(record, late.record, "the record of the late watcher");
  narrator.step(
    "A second watcher, who joined late, has the same record",
    `each saw ${countOf(record)}, none missing, none twice, all equal`,
  );

  const stored = await readLog(client, runId, false);
  checkSame(record, stored, "the log in the database");
  checkSame(record.filter(isFact), await readLog(client, runId, true), "its facts alone");
  const run = await client.runs.get(runId);
  check(run.status === "completed" && run.position === record.at(-1)?.id, `a completed run at ${record.at(-1)?.id}`);
  check(run.output === textOf(record, run.steps), "an output that is what was streamed");
  narrator.step(
    "The log in the database equals what was watched",
    `${countOf(stored)}; the run is ${run.status} after ${run.steps} steps, at ${run.position}`,
  );
}

interface Resumed {
  readonly late: Watcher;
  /** The last event before the cut. */
  readonly at: RunEvent;
  readonly resumedAfterMs: number;
  /** How many events the late watcher saw between the cut and the return of the first watcher. */
  readonly missed: number;
}

/** Watches a run over the line, cuts the line in the middle of the answer, and starts a second watcher then. */
function cutInTheMiddle(
  { client, clientOnLine, line }: Stage,
  params: {
    readonly runId: string;
    readonly piecesBeforeCut: number;
    readonly narrator: Narrator;
    readonly signal: AbortSignal;
  },
): { readonly watcher: Watcher; readonly resumed: Promise<Resumed> } {
  const { runId, piecesBeforeCut, narrator, signal } = params;
  let pieces = 0;
  let cut: { readonly late: Watcher; readonly since: () => number } | null = null;
  let lastBefore: RunEvent | null = null;
  let isBack = false;
  const { promise: resumed, resolve, reject } = Promise.withResolvers<Resumed>();
  const watcher = watchRun(clientOnLine, runId, {
    signal,
    onCut: () => {
      // The watcher still reads what arrived before the cut. This is its position afterwards.
      lastBefore = watcher.record.at(-1) ?? null;
      if (cut !== null && lastBefore !== null)
        narrator.aside(`-- the socket is destroyed after ${lastBefore.id}; nobody listens --`);
    },
    onEvent: (event) => {
      if (cut !== null && lastBefore !== null && !isBack) {
        isBack = true;
        const { late, since } = cut;
        const at = lastBefore;
        const missed = late.record.length - watcher.record.indexOf(at) - 1;
        narrator.aside(`-- back after ${since()} ms --`);
        resolve({ late, at, resumedAfterMs: since(), missed });
      }
      if (event.type !== "text.delta") return;
      narrator.speech(event.data.text);
      if (event.data.step !== ANSWERING_STEP) return;
      pieces += 1;
      if (pieces === piecesBeforeCut) {
        cut = { late: watchRun(client, runId, { signal }), since: stopwatch() };
        line.cut();
      }
    },
  });
  watcher.done.then(
    () => reject(new Error(`the run ended before the watcher could be cut off, after ${pieces} pieces of text`)),
    reject,
  );
  // The play awaits this later and reports a rejection then.
  resumed.catch(() => {});
  return { watcher, resumed };
}

/** Reads the canonical log, page by page. */
async function readLog(client: Client, runId: string, facts: boolean): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.runs.events(runId, { facts, cursor, limit: 100 });
    events.push(...page.data);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return events;
}

function isOfType<T extends FactEvent["type"]>(type: T): (event: RunEvent) => event is Extract<FactEvent, { type: T }> {
  return (event): event is Extract<FactEvent, { type: T }> => event.type === type;
}

function withKeysReversed<T extends JsonValue>(value: T): T;
function withKeysReversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item) => withKeysReversed(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, inner]) => [key, withKeysReversed(inner)]),
  );
}

/** Returns a function that returns the milliseconds since this call, rounded. */
function stopwatch(): () => number {
  const since = performance.now();
  return () => Math.round(performance.now() - since);
}
