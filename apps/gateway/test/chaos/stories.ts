/**
 * Small stories of what agents and threads can do, each with its own end. A gateway may die anywhere in them. A story
 * returns what was lost or done twice; an empty list if nothing was.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { HsafaError } from "@hsafa/client";
import type { Run, RunEvent } from "@hsafa/protocol";
import { RECOVERIES_MAX } from "../../src/core/limits.ts";
import { photo } from "../support/sample-files.ts";
import { scripted, VIEWER } from "./agent.ts";
import { readLog, untilAnswered } from "./calls.ts";
import type { Stage } from "./stage.ts";

/** Plays a story. `name` is its own, `random` gives its chances. */
export type Story = (stage: Stage, name: string, random: () => number) => Promise<readonly string[]>;

/** Every story by its name. */
export const STORIES: Readonly<Record<string, Story>> = { steer, wake, limit, deletion, upload };

const SPEECH = { repeat: 6, parts: [{ say: "word {{n}} " }] };
const POLL_MS = 150;

/** A message steers a run that is between its steps: it is in that run once, or in its own. */
async function steer(stage: Stage, name: string, random: () => number): Promise<readonly string[]> {
  const look = { call: "server_again", args: { of: name } };
  const input = scripted(name, { everyMs: 20, steps: [[SPEECH, look], [SPEECH, look], [{ say: "Enough." }]] });
  const active = await start(stage, { input, threadId: name, idempotencyKey: `${name} first` });
  await sleep(random() * 600);
  const said = scripted(`${name}, steered`, { steps: [[{ say: "Aye." }]] });
  const order = { input: said, threadId: name, policy: "steer" as const, idempotencyKey: `${name} second` };
  const [steering, again] = await Promise.all([start(stage, order), start(stage, order)]);
  const [first, second] = await Promise.all([ended(stage, active), ended(stage, steering)]);
  const isMerged = second.run.status === "merged";
  const entered = first.log.filter((event) => event.type === "message.user" && event.data.message.content === said);
  return [
    ...(again === steering ? [] : ["one request has started two runs"]),
    ...mustComplete(first),
    ...(isMerged ? [] : mustComplete(second)),
    ...(entered.length === (isMerged ? 1 : 0) ? [] : [`what was said is in the active run ${entered.length} times`]),
  ];
}

/** A run sleeps, and wakes once and not too early. */
async function wake(stage: Stage, name: string, random: () => number): Promise<readonly string[]> {
  const nap = { call: "sleep", args: { durationMs: 300 + Math.floor(random() * 1200) } };
  const input = scripted(name, { steps: [[nap], [{ say: "Awake: {{results}}" }]] });
  const told = await ended(stage, await start(stage, { input, idempotencyKey: name }));
  const { log } = told;
  const asleep = log.flatMap((event) => (event.type === "tool.dispatched" && event.data.sleeps ? [event.data] : []));
  const awake = log.flatMap((event) => (event.type === "tool.completed" ? [event.data] : []));
  const [{ deadline } = { deadline: null }] = asleep;
  const wokeAt = (awake[0]?.result as { wokeAt?: string } | undefined)?.wokeAt ?? "";
  if (hasBeenGivenUp(told)) return [];
  return [
    ...mustComplete(told),
    ...(asleep.length === 1 && awake.length === 1 ? [] : [`it slept ${asleep.length} times and woke ${awake.length}`]),
    ...(Date.parse(wokeAt) >= Date.parse(deadline ?? "") ? [] : [`it slept until ${deadline} and woke at ${wokeAt}`]),
  ];
}

/** Nobody answers, so the run ends by its time, once, and its call with it. */
async function limit(stage: Stage, name: string): Promise<readonly string[]> {
  const input = scripted(name, { steps: [[{ call: "ask_person", args: { of: name } }], [{ say: "Never." }]] });
  const order = { input, limits: { wallTimeMs: 700 }, idempotencyKey: name };
  const told = await ended(stage, await start(stage, order));
  const { run, log } = told;
  if (hasBeenGivenUp(told)) return [];
  const asked = log.filter(({ type }) => type === "tool.requested").length;
  const settled = log.filter((event) => event.type === "tool.failed" && event.data.error.code === "canceled").length;
  return [
    ...(run.error?.code === "limit_exceeded" ? [] : [`it ended as ${run.status} ${run.error?.code ?? ""}`]),
    ...(settled === asked ? [] : [`it asked for ${asked} calls, and ${settled} are canceled`]),
  ];
}

/** A thread is deleted while its runs are open. Each of them ends canceled, and the next run sees none of them. */
async function deletion(stage: Stage, name: string, random: () => number): Promise<readonly string[]> {
  const wait = scripted(name, { steps: [[SPEECH, { call: "ask_person", args: { of: name } }], [{ say: "Never." }]] });
  const open = await start(stage, { input: wait, threadId: name, idempotencyKey: `${name} open` });
  const waiting = await start(stage, { input: wait, threadId: name, idempotencyKey: `${name} waiting` });
  const { id } = await untilAnswered((signal) => stage.client.threads.get(name, { signal }));
  await sleep(random() * 500);
  await gone(() => untilAnswered((signal) => stage.client.threads.delete(id, { signal })));
  const answer = scripted(`${name}, anew`, { steps: [[{ say: "Hello." }]] });
  const next = await ended(
    stage,
    await start(stage, { input: answer, threadId: name, idempotencyKey: `${name} next` }),
  );
  const history = next.log.flatMap((event) => (event.type === "run.started" ? event.data.historyRunIds : []));
  const isThere = await isFound(() => untilAnswered((signal) => stage.client.threads.get(id, { signal })));
  const states = await statesOf(stage, [open, waiting]);
  return [
    ...mustComplete(next),
    ...(history.length === 0 ? [] : [`a run after the deletion sees ${history.join(", ")}`]),
    ...(isThere ? ["a thread that was deleted is found"] : []),
    ...states.flatMap((state) => (state === "canceled" ? [] : [`a run of a deleted thread ended as ${state}`])),
  ];
}

/** How many bytes a photo of a story has: more than two chunks. */
const PHOTO = photo(2_200_000);

/** A photo is uploaded, shown to a model, read back and deleted. Sent twice, it is one file. */
async function upload(stage: Stage, name: string): Promise<readonly string[]> {
  const { files } = stage;
  const send = () =>
    untilAnswered((signal) =>
      files.upload(new Blob([Buffer.from(PHOTO)], { type: "image/jpeg" }), { idempotencyKey: name, signal }),
    );
  const file = await send();
  const again = await send();
  const sha256 = createHash("sha256").update(PHOTO).digest("hex");
  const content = [{ type: "file" as const, fileId: file.id }];
  const order = { agent: VIEWER, input: [{ role: "user" as const, content }], idempotencyKey: `${name} run` };
  const told = await ended(stage, await start(stage, order));
  const kept = await downloaded(stage, file.id);
  const made = await answered(
    stage,
    "select id::text from files where idempotency_key = $1 and state = 'stored'",
    name,
  );
  await gone(() => untilAnswered((signal) => files.delete(file.id, { signal })));
  const isThere = await isFound(() => untilAnswered((signal) => files.download(file.id, { signal })));
  return [
    ...mustComplete(told),
    ...(again.id === file.id && made.length === 1 ? [] : [`one upload is ${made.length} files`]),
    ...(Buffer.compare(kept, PHOTO) === 0 ? [] : ["the file is not what was sent"]),
    ...(hasBeenGivenUp(told) || JSON.stringify(told.run.output).includes(sha256)
      ? []
      : ["the model was shown another file"]),
    ...(isThere ? ["a file that was deleted is found"] : []),
  ];
}

/** Reads a file. A gateway that dies in its middle cuts it, and it is read anew. */
async function downloaded(stage: Stage, fileId: string): Promise<Buffer> {
  for (;;) {
    const response = await untilAnswered((signal) => stage.files.download(fileId, { signal }));
    try {
      return Buffer.from(await response.arrayBuffer());
    } catch (error) {
      const isCut = error instanceof TypeError || (error instanceof Error && error.name === "TimeoutError");
      if (!isCut) throw error;
    }
  }
}

/** A run that has ended, and its log. */
interface Told {
  readonly run: Run;
  readonly log: readonly RunEvent[];
}

type Order = Omit<Parameters<Stage["client"]["runs"]["start"]>[0], "agent"> & { readonly agent?: string };

async function start(stage: Stage, order: Order): Promise<string> {
  const { runId } = await untilAnswered((signal) => stage.client.runs.start({ agent: "chaos", ...order }, { signal }));
  return runId;
}

async function ended(stage: Stage, runId: string): Promise<Told> {
  for (;;) {
    const run = await untilAnswered((signal) => stage.client.runs.get(runId, { signal }));
    if (run.completedAt !== null) return { run, log: await readLog(stage.client, runId) };
    await sleep(POLL_MS);
  }
}

/** The states in which these runs end, by the database: nobody finds them any more. */
async function statesOf(stage: Stage, runIds: readonly string[]): Promise<readonly string[]> {
  for (;;) {
    const rows = await answered(stage, "select status as id from runs where id = any($1::uuid[])", runIds);
    const states = rows.map(({ id }) => id);
    if (states.every((state) => ["completed", "failed", "canceled", "merged"].includes(state))) return states;
    await sleep(POLL_MS);
  }
}

async function answered(stage: Stage, text: string, value: unknown): Promise<{ readonly id: string }[]> {
  for (;;) {
    const rows = await stage.query<{ id: string }>(text, [value]);
    if (rows !== null) return rows;
    await sleep(POLL_MS);
  }
}

/** A run that lost its holders again and again is given up, by rule. */
function hasBeenGivenUp({ run, log }: Told): boolean {
  const recoveries = log.filter(({ type }) => type === "run.recovered").length;
  return run.error?.code === "recovery_exhausted" && recoveries >= RECOVERIES_MAX;
}

function mustComplete(told: Told): readonly string[] {
  const { run } = told;
  if (run.status === "completed" || hasBeenGivenUp(told)) return [];
  return [`the run ${run.id} ended as ${run.status} ${run.error?.code ?? ""}`];
}

/** Deletes what may be gone already, since the response to an earlier attempt was lost. */
async function gone(remove: () => Promise<void>): Promise<void> {
  await isFound(remove);
}

async function isFound(look: () => Promise<unknown>): Promise<boolean> {
  try {
    await look();
    return true;
  } catch (error) {
    if (error instanceof HsafaError && error.code === "not_found") return false;
    throw error;
  }
}
