import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { type Page, type RunEvent, START } from "@hsafa/protocol";
import pg from "pg";
import { openPostgresStore } from "../../src/adapters/postgres/open-postgres-store.ts";
import { asTenantId } from "../../src/core/tenant-id.ts";
import { EVENTS_PAGE_MAX } from "../../src/ports/limits.ts";
import { startPrivatePostgres } from "../../test/services/postgres-server.ts";
import { startPrivateRedis } from "../../test/services/redis-server.ts";
import { lengthenRun } from "../../test/support/long-run.ts";
import { type GatewayProgram, startGatewayProgram } from "../gateway-program.ts";
import { quantile } from "../quantile.ts";
import type { Ratio } from "../report.ts";
import type { Measurement } from "./measurement.ts";

/** With what the run has of itself there are some events more. */
const SHAPE = { steps: 100, callsPerStep: 0, deltasPerStep: 998 };
const REPLAYS = 5;
const EVENTS_PER_SECOND_AIM = 100_000;
const FIRST_MS_AIM = 20;
const AGENT = {
  name: "ended",
  model: "demo/script",
  settings: { providerOptions: { demo: { script: [[{ say: "That is all." }]] } } },
};

/** How fast one way of replaying the run was. */
interface Replay {
  /** Until the first byte of an answer, or the first page of the store. */
  readonly firstByteMs: number;
  readonly firstEventMs: number;
  readonly ms: number;
  readonly events: number;
}

/** How fast a run of 100,000 events is read again, by the store alone and through a gateway. */
export const replay: Measurement = {
  name: "replay",
  does: "a run of 100,000 events is read again: the store's pages, and the gateway's pages and stream",
  async measure() {
    const postgres = await startPrivatePostgres({ settings: ["autovacuum=off"] });
    const redis = await startPrivateRedis();
    const client = new pg.Client(postgres.url);
    let gateway: GatewayProgram | null = null;
    try {
      await client.connect();
      const start = (): Promise<GatewayProgram> =>
        startGatewayProgram({ databaseUrl: postgres.url, redisUrl: redis.url });
      gateway = await start();
      await gateway.post("/api/agents", { name: AGENT.name, config: AGENT });
      const runIds: string[] = [];
      // The events of the second one stand beside those that are read.
      for (let nth = 0; nth < 2; nth += 1) {
        const { runId } = await gateway.post<{ runId: string }>("/api/runs", { agent: AGENT.name, input: "go" });
        await gateway.until(runId, "completed");
        runIds.push(runId);
      }
      await gateway.stop();
      let events = 0;
      for (const runId of runIds) ({ events } = await lengthenRun(postgres.url, runId, SHAPE));
      // What it holds of these runs is from before.
      await redis.stop();
      await redis.start();
      gateway = await start();
      const [runId = ""] = runIds;
      const { rows } = await client.query<{ tenant: string }>("select tenant_id as tenant from runs where id = $1", [
        runId,
      ]);
      const read = { url: postgres.url, tenantId: rows[0]?.tenant ?? "", gateway, runId, events };
      const figures: [has: string, ways: Ways][] = [["no statistics", await measureWays(read)]];
      await client.query("vacuum analyze");
      figures.push(["statistics", await measureWays(read)]);
      return [
        {
          title: `replay of a run with ${events.toLocaleString("en")} events`,
          table: [
            ["read by", "Postgres has", "first byte ms", "first event ms", "events/s"],
            ...figures.flatMap(([has, ways]) =>
              Object.entries(ways).map(([way, replays]) => [
                way,
                has,
                median(replays, ({ firstByteMs }) => firstByteMs).toFixed(1),
                median(replays, ({ firstEventMs }) => firstEventMs).toFixed(1),
                Math.round(speedOf(replays)).toLocaleString("en"),
              ]),
            ),
          ],
          ratios: figures.flatMap(([has, ways]) => ratiosOf(has, ways)),
        },
      ];
    } finally {
      await gateway?.stop();
      await client.end();
      await Promise.all([postgres.remove(), redis.remove()]);
    }
  },
};

const [STORE, PAGES, STREAM] = ["pages of the store", "pages by HTTP", "stream by HTTP"] as const;
type Ways = Readonly<Record<typeof STORE | typeof PAGES | typeof STREAM, readonly Replay[]>>;

function ratiosOf(has: string, ways: Ways): Ratio[] {
  const first = (way: typeof PAGES | typeof STREAM, of: (replay: Replay) => number, what: string): Ratio => ({
    what: `replay with ${has}, ${way}: ${what}`,
    value: median(ways[way], of),
    unit: " ms",
    aim: { kind: "at most", value: FIRST_MS_AIM },
  });
  return [
    {
      what: `replay with ${has}, ${STORE}`,
      value: speedOf(ways[STORE]),
      unit: " events/s",
      aim: { kind: "at least", value: EVENTS_PER_SECOND_AIM },
    },
    { what: `replay with ${has}, ${STREAM}`, value: speedOf(ways[STREAM]), unit: " events/s", aim: null },
    first(PAGES, ({ firstByteMs }) => firstByteMs, "first byte"),
    first(STREAM, ({ firstEventMs }) => firstEventMs, "first event"),
  ];
}

function median(replays: readonly Replay[], of: (replay: Replay) => number): number {
  return quantile(replays.map(of), 0.5);
}

function speedOf(replays: readonly Replay[]): number {
  return median(replays, ({ ms, events }) => (events / ms) * 1000);
}

/** What is read. */
interface Read {
  readonly url: string;
  readonly gateway: GatewayProgram;
  readonly tenantId: string;
  readonly runId: string;
  /** So many must come. */
  readonly events: number;
}

async function measureWays(read: Read): Promise<Ways> {
  return {
    [STORE]: await replaysOf(read, byStore),
    [PAGES]: await replaysOf(read, byPages),
    [STREAM]: await replaysOf(read, byStream),
  };
}

async function replaysOf(read: Read, replayOnce: (read: Read) => Promise<Replay>): Promise<readonly Replay[]> {
  const replays: Replay[] = [];
  for (let nth = 0; nth < REPLAYS; nth += 1) {
    const found = await replayOnce(read);
    if (found.events !== read.events) throw new Error(`${found.events} of ${read.events} events came`);
    replays.push(found);
  }
  return replays;
}

/** By a store of its own, which has planned nothing yet. */
async function byStore({ url, tenantId, runId }: Read): Promise<Replay> {
  const store = await openPostgresStore({ url });
  try {
    const tenant = store.forTenant(asTenantId(tenantId));
    await tenant.readTail({ runId }); // It connects.
    const begin = performance.now();
    let [firstMs, events] = [0, 0];
    for (let after = START; ; ) {
      const page = await tenant.readEvents({ runId, after, limit: EVENTS_PAGE_MAX, factsOnly: false });
      firstMs ||= performance.now() - begin;
      events += page.length;
      const last = page.at(-1);
      if (last === undefined) break;
      after = last;
    }
    return { firstByteMs: firstMs, firstEventMs: firstMs, ms: performance.now() - begin, events };
  } finally {
    await store.close();
  }
}

/** By one page after the other, as a client lists them. */
async function byPages({ gateway, runId }: Read): Promise<Replay> {
  const begin = performance.now();
  let [firstByteMs, firstEventMs, events] = [0, 0, 0];
  for (let cursor: string | null = "0-0"; cursor !== null; ) {
    const response = await fetch(`${gateway.url}/api/runs/${runId}/events?limit=${EVENTS_PAGE_MAX}&cursor=${cursor}`, {
      headers: headersOf(gateway),
    });
    firstByteMs ||= performance.now() - begin;
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status}: ${text}`);
    const page = JSON.parse(text) as Page<RunEvent>;
    firstEventMs ||= performance.now() - begin;
    events += page.data.length;
    cursor = page.nextCursor;
  }
  return { firstByteMs, firstEventMs, ms: performance.now() - begin, events };
}

const EVENT = Buffer.from("\ndata: ");

/** By server-sent events. They are counted and not parsed: the gateway is measured, and not who reads. */
async function byStream({ gateway, runId }: Read): Promise<Replay> {
  const begin = performance.now();
  const sent = get(`${gateway.url}/api/runs/${runId}/stream`, { headers: headersOf(gateway), agent: false });
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const firstByteMs = performance.now() - begin;
  if (response.statusCode !== 200) throw new Error(`${response.statusCode}`);
  let [firstEventMs, events] = [0, 0];
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of response) {
    const bytes = Buffer.concat([rest, piece as Buffer]);
    for (let at = bytes.indexOf(EVENT); at >= 0; at = bytes.indexOf(EVENT, at + EVENT.length)) events += 1;
    // What may be the beginning of the next one.
    rest = bytes.subarray(bytes.length - EVENT.length + 1);
    if (events > 0) firstEventMs ||= performance.now() - begin;
  }
  return { firstByteMs, firstEventMs, ms: performance.now() - begin, events };
}

function headersOf({ key }: GatewayProgram): { readonly authorization: string } {
  return { authorization: `Bearer ${key}` };
}
