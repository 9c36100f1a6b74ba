import { randomUUID } from "node:crypto";
import type { FactData, FactType } from "@hsafa/protocol";
import { Client } from "pg";

/** What is written into a run before its first step. */
export interface LongRunShape {
  readonly steps: number;
  readonly callsPerStep: number;
  readonly deltasPerStep: number;
}

/** What a run consists of afterwards. */
export interface LongRun {
  readonly facts: number;
  readonly events: number;
}

/** Rows that are written at once. */
const BATCH_ROWS = 10_000;
/** How far the events stand apart, in milliseconds. */
const EVENT_EVERY_MS = 20;
const DEVICES = ["laptop", "phone", "camera", "printer"] as const;

interface EventRow {
  readonly seq: number;
  readonly sub: number;
  readonly prev: string | null;
  readonly type: string;
  readonly payload: string;
}

/**
 * Writes a long history into a run: so many steps, each with what the model said word by word, and its tool calls. The
 * gateways of this database must not run meanwhile, and their live log must not know the run. What the run has from its
 * first step on stands after it, and its step has the next number.
 */
export async function lengthenRun(databaseUrl: string, runId: string, shape: LongRunShape): Promise<LongRun> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ seq: number; tenant_id: string; at: Date }>(
      "select seq, tenant_id, created_at as at from run_events where run_id = $1 and type = 'step.started' order by seq limit 1",
      [runId],
    );
    const [first] = rows;
    if (first === undefined) throw new Error(`the run ${runId} has no step`);
    const history = historyOf(first.seq, shape);
    const added = history.filter(({ sub }) => sub === 0).length;
    await client.query("begin");
    await moveOn(client, { runId, from: first.seq, by: added, steps: shape.steps });
    const begun = first.at.getTime() - history.length * EVENT_EVERY_MS;
    for (let at = 0; at < history.length; at += BATCH_ROWS)
      await write(client, { runId, tenantId: first.tenant_id, begun, at, rows: history.slice(at, at + BATCH_ROWS) });
    if (shape.callsPerStep > 0) {
      // Without it Postgres looks through all of them for each call.
      await client.query("analyze run_events");
      await writeCalls(client, runId);
    }
    await client.query("commit");
    const { rows: counted } = await client.query<{ facts: number; events: number }>(
      `select count(*) filter (where sub = 0)::int as facts, count(*)::int as events from run_events where run_id = $1`,
      [runId],
    );
    return counted[0] ?? { facts: 0, events: 0 };
  } finally {
    await client.end();
  }
}

/** Makes room: everything from a fact on stands later, and so does its step. What was before it is long ago. */
async function moveOn(
  client: Client,
  params: { readonly runId: string; readonly from: number; readonly by: number; readonly steps: number },
): Promise<void> {
  const { runId, from, by, steps } = params;
  await client.query(
    `create temporary table moved on commit drop as
       select tenant_id, run_id, seq + $3::int as seq, sub, case when seq = $2 and sub = 0 then seq + $3::int - 1
           when prev_seq >= $2 then prev_seq + $3::int else prev_seq end as prev_seq,
         case when seq = $2 and sub = 0 then 0 else prev_sub end as prev_sub, type, created_at,
         regexp_replace(payload::text, '"step":1\\y', '"step":' || ($4::int + 1)) as payload
       from run_events where run_id = $1 and seq >= $2`,
    [runId, from, by, steps],
  );
  await client.query("delete from run_events where run_id = $1 and seq >= $2", [runId, from]);
  await client.query(
    `insert into run_events (tenant_id, run_id, seq, sub, prev_seq, prev_sub, type, payload, bytes, created_at)
     select tenant_id, run_id, seq, sub, prev_seq, prev_sub, type, payload::json, octet_length(payload), created_at
     from moved`,
  );
  await client.query(`update tool_calls set step = step + $2 where run_id = $1`, [runId, steps]);
  await client.query(
    `update runs set last_seq = last_seq + $2, steps = steps + $3, open_step = open_step + $3,
       created_at = created_at - make_interval(hours => 2), started_at = started_at - make_interval(hours => 2)
     where id = $1`,
    [runId, by, steps],
  );
  await client.query(
    `update run_events set created_at = created_at - make_interval(hours => 2) where run_id = $1 and seq < $2`,
    [runId, from],
  );
}

async function write(
  client: Client,
  batch: {
    readonly runId: string;
    readonly tenantId: string;
    readonly begun: number;
    readonly at: number;
    readonly rows: readonly EventRow[];
  },
): Promise<void> {
  const { runId, tenantId, begun, at, rows } = batch;
  await client.query(
    `insert into run_events (tenant_id, run_id, seq, sub, prev_seq, prev_sub, type, payload, bytes, created_at)
     select $1, $2, seq, sub, split_part(prev, '-', 1)::int, split_part(prev, '-', 2)::int, type, payload::json,
       octet_length(payload), to_timestamp(($8 + number * ${EVENT_EVERY_MS}) / 1000.0)
     from unnest($3::int[], $4::int[], $5::text[], $6::text[], $7::text[]) with ordinality
       as e (seq, sub, prev, type, payload, number)`,
    [
      tenantId,
      runId,
      rows.map(({ seq }) => seq),
      rows.map(({ sub }) => sub),
      rows.map(({ prev }) => prev),
      rows.map(({ type }) => type),
      rows.map(({ payload }) => payload),
      begun + at * EVENT_EVERY_MS,
    ],
  );
}

/** Writes the row of each call, as the gateway that settled it would have. */
async function writeCalls(client: Client, runId: string): Promise<void> {
  await client.query(
    `insert into tool_calls (id, tenant_id, run_id, step, tool_name, args, target, status, attempt, repeatable,
       recipient_kind, recipient_key, requested_at, dispatched_at, settled_at, result, source)
     select (asked.payload->>'callId')::uuid, asked.tenant_id, asked.run_id, (asked.payload->>'step')::int,
       asked.payload->>'toolName', asked.payload->'args', 'device', 'completed', 1, false, 'key',
       asked.payload->'args'->>'on', asked.created_at, asked.created_at, told.created_at, told.payload->'result', 'device'
     from run_events asked
     join run_events told on told.run_id = asked.run_id and told.seq = asked.seq + 2 and told.sub = 0
     where asked.run_id = $1 and asked.type = 'tool.requested' and told.type = 'tool.completed'
     on conflict do nothing`,
    [runId],
  );
}

function historyOf(from: number, { steps, callsPerStep, deltasPerStep }: LongRunShape): EventRow[] {
  const rows: EventRow[] = [];
  const group = randomUUID().slice(-8);
  let seq = from - 1;
  let last = `${seq}-0`;
  function fact<T extends FactType>(type: T, data: FactData[T]): void {
    seq += 1;
    rows.push({ seq, sub: 0, prev: last, type, payload: JSON.stringify(data) });
    last = `${seq}-0`;
  }
  for (let step = 1; step <= steps; step += 1) {
    fact("step.started", { step });
    const words = Array.from({ length: Math.max(0, deltasPerStep - 2) }, (_, index) => `word${index + 1} `);
    const deltas =
      deltasPerStep === 0
        ? []
        : [{ type: "text.start" }, ...words.map((text) => ({ type: "text.delta", text })), { type: "text.end" }];
    for (const [index, { type, ...more }] of deltas.entries()) {
      last = `${seq}-${index + 1}`;
      const payload = JSON.stringify({ step, partId: "0", ...more });
      rows.push({ seq, sub: index + 1, prev: null, type, payload });
    }
    const calls = Array.from({ length: callsPerStep }, (_, index) => ({
      toolCallId: idOfCall(group, step * callsPerStep + index),
      toolName: "read_file",
      input: { path: `notes/${step}-${index}.md`, on: DEVICES[(step + index) % DEVICES.length] ?? "laptop" },
    }));
    const text = deltasPerStep === 0 ? `This is step ${step}.` : words.join("");
    fact("step.completed", {
      step,
      finishReason: calls.length === 0 ? "stop" : "tool-calls",
      messages: [
        {
          role: "assistant",
          content: [{ type: "text", text }, ...calls.map((call) => ({ type: "tool-call", ...call }) as const)],
        },
      ],
      usage: { inputTokens: 20, outputTokens: words.length, totalTokens: 20 + words.length },
    });
    for (const { toolCallId: callId, toolName, input: args } of calls) {
      fact("tool.requested", { callId, toolName, args, target: "device", step });
      fact("tool.dispatched", { callId, attempt: 1, deadline: null });
      fact("tool.completed", { callId, toolName, result: { text: `what ${args.path} says` }, source: "device" });
    }
  }
  return rows;
}

/** Ids in the order of the calls, as gateways make them. */
function idOfCall(group: string, number: number): string {
  return `01900000-0000-7000-8000-${group.slice(-4)}${number.toString(16).padStart(8, "0")}`;
}
