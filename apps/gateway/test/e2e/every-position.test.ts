/**
 * R8 for every position of a run: a watcher that is cut off at any event, and resumes on any gateway, has the whole
 * record.
 *
 * A gateway serves events since it began to follow a run from memory, and earlier ones from the live log or from the
 * store. So streams are resumed on a gateway that follows and on one that does not. They are resumed while the run
 * waits in its middle, and after its end.
 */
import type { AgentConfigInput, RunEvent } from "@hsafa/protocol";
import { createClient } from "@redis/client";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { RawDevice } from "../support/raw-device.ts";
import { missingServices } from "../services/services.ts";
import { runKey } from "../../src/adapters/redis/run-key.ts";
import { ownTenantOf } from "../support/own-tenant-of.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { disagreements, faultsOf, resumed, type WatchedRecord } from "../support/watched-record.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { startTwoGateways, type TwoGateways } from "../support/two-gateways.ts";
import { type Watcher, Watchers } from "../support/watchers.ts";

/**
 * Parts that alternate, and single words. Deltas of different parts are never merged, so there are more than 500 of
 * them, however busy the machine is.
 */
const manyDeltas = [
  { repeat: 42, parts: [{ think: "hm{{n}} " }, { say: "so{{n}} " }] },
  { repeat: 10, parts: [{ say: "word{{n}} ", everyMs: 1 }] },
];
const DELTAS_MIN = 500;

/** Text, reasoning, and two parallel tools: one on a device, and one whose result comes over HTTP. */
const talker: AgentConfigInput = {
  name: "talker",
  model: "demo/script",
  tools: [
    { name: "read", inputSchema: { type: "object" }, device: { key: "reader" } },
    { name: "ask", inputSchema: { type: "object" }, target: "external" },
  ],
  settings: {
    providerOptions: {
      demo: {
        script: [
          [...manyDeltas, { call: "read", args: { path: "/a" } }, { call: "ask", args: { whom: "you" } }],
          [...manyDeltas, { say: "They answered: {{results}}" }],
        ],
      },
    },
  },
};

/** Streams that are open at once while every position of an ended run is resumed. */
const LANES = 24;

/** Runs whose Redis stream loses its beginning within a step. Watchers join each of them after that moment. */
const RUNS_WITH_HOLES = 12;

/** Where a run is played. `here` starts it. `there` has the device and takes the result over HTTP. Both may be one. */
interface Stage {
  readonly here: TestGateway;
  readonly there: TestGateway;
  readonly device: RawDevice;
}

interface Play {
  readonly runId: string;
  /** The record of a watcher that was connected from the start to the end. */
  readonly whole: WatchedRecord;
  readonly resumesInTheMiddle: number;
  readonly resumesAfterTheEnd: number;
}

async function connectReader(gateway: TestGateway): Promise<RawDevice> {
  const device = new RawDevice(`${gateway.url.replace("http", "ws")}/devices/connect`);
  const tools = [{ name: "read", inputSchema: {} }];
  return device.register({ token: gateway.apiKey, deviceKey: "reader", tools });
}

function newWatchers(): Watchers {
  const watchers = new Watchers();
  onTestFinished(() => watchers.close());
  return watchers;
}

const isParked = (events: WatchedRecord) => events.at(-1)?.type === "run.waiting";

/**
 * Plays a run that a watcher on `here` follows. Resumes streams after every position while the run waits for its tools,
 * and again after its end, and compares all records. Nobody watches on `there` before the middle.
 */
async function play(
  { here, there, device }: Stage,
  options: {
    /** Nobody watches on any gateway before the middle. */
    readonly isUnwatchedAtFirst?: boolean;
    /** Called before streams are resumed in the middle, and again before they are resumed after the end. */
    readonly beforeResumes?: (runId: string) => Promise<unknown>;
    /** Called with each event of the watcher on `here`. */
    readonly onEvent?: (event: RunEvent) => void;
    /**
     * When streams are resumed after every position; by default at both times. `rest`: after the end, resume only
     * positions that the middle did not have, and a quarter of the others.
     */
    readonly resume?: { readonly inTheMiddle?: boolean; readonly afterTheEnd?: boolean | "rest" };
  } = {},
): Promise<Play> {
  const { isUnwatchedAtFirst = false, beforeResumes = async () => {}, onEvent, resume = {} } = options;
  const { inTheMiddle = true, afterTheEnd = true } = resume;
  const watchers = newWatchers();
  const { runId } = await here.startRun({ agent: "talker", input: "go" });
  if (isUnwatchedAtFirst) await here.waitForRun(runId, ({ status }) => status === "waiting_tool");
  const first = watchers.open(here, { runId, ...(onEvent === undefined ? {} : { onEvent }) });
  await first.until(isParked);
  const soFar = [...first.events];

  await beforeResumes(runId);
  const second = watchers.open(there, { runId });
  const middle = (inTheMiddle ? soFar : []).flatMap(({ id }, i) => {
    // A quarter is enough on the gateway that follows already, because memory serves all of them alike.
    const gateways = i % 4 === 0 && here !== there ? [there, here] : [there];
    return gateways.map((gateway) => ({
      after: id,
      left: soFar.length - i - 1,
      watcher: watchers.open(gateway, { runId, after: id }),
    }));
  });
  await Promise.all(middle.map(({ left, watcher }) => watcher.until((events) => events.length >= left)));

  await answer({ here, there, device }, runId);
  await Promise.all([first, second, ...middle.map(({ watcher }) => watcher)].map(({ over }) => over));
  const whole = first.events;
  expect(faultsOf(whole)).toEqual([]);
  expect(faultsOf(second.events)).toEqual([]);
  expect(disagreements({ here: whole, there: second.events, store: await here.events(runId) })).toEqual([]);
  for (const { after, watcher } of middle) expectWhole(whole, after, watcher.events);

  if (afterTheEnd !== false) await beforeResumes(runId);
  const isDue = (i: number): boolean => (afterTheEnd === "rest" ? i >= soFar.length || i % 4 === 0 : afterTheEnd);
  const ids = whole.flatMap(({ id }, i) => (isDue(i) ? [id] : []));
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      for (let i = lane; i < ids.length; i += LANES) {
        const after = ids[i] ?? "";
        expectWhole(whole, after, await watchers.watch(i % 2 === 0 ? there : here, { runId, after }));
      }
    }),
  );
  expect(deltasOf(whole)).toBeGreaterThan(DELTAS_MIN);
  return { runId, whole, resumesInTheMiddle: middle.length, resumesAfterTheEnd: ids.length };
}

/** Gives the result of one call by the device, and of the other over HTTP. */
async function answer({ there, device }: Stage, runId: string): Promise<void> {
  const request = await device.until(() => device.all("tool.call.request").find((call) => call.runId === runId));
  device.send({ type: "tool.result", callId: request.callId, result: "from the device" });
  const calls = await there.toolCalls(runId);
  const callId = calls.find(({ toolName }) => toolName === "ask")?.id;
  const answered = await there.call("POST", `/api/runs/${runId}/tool-results`, { callId, result: "over HTTP" });
  expect(answered.status).toBe(202);
}

function expectWhole(whole: WatchedRecord, after: string, rest: WatchedRecord): void {
  const joined = resumed(whole, after, rest);
  expect([...faultsOf(joined), ...disagreements({ whole, joined })], `resumed after ${after}`).toEqual([]);
}

function deltasOf(record: WatchedRecord): number {
  return record.filter((event) => !("prev" in event)).length;
}

/** Prints what was tested, for readers of the output. */
function tell(what: string, { whole, resumesInTheMiddle, resumesAfterTheEnd }: Play): void {
  console.info(
    `${what}: ${whole.length} events, ${deltasOf(whole)} of them deltas; resumed ${resumesInTheMiddle} times in the middle and ${resumesAfterTheEnd} times after the end`,
  );
}

describe("every position of a run on an embedded gateway", () => {
  let gateway: TestGateway;
  let device: RawDevice;
  beforeAll(async () => {
    gateway = await startTestGateway();
    await gateway.pushAgent(talker);
    device = await connectReader(gateway);
  });
  afterAll(async () => {
    device?.socket.terminate();
    await gateway?.close();
  });

  test("every position on an embedded gateway resumes to the whole record (R8)", async () => {
    // The embedded store is slower than Postgres, so not all are resumed after the end.
    const options = { resume: { afterTheEnd: "rest" } } as const;
    tell("embedded", await play({ here: gateway, there: gateway, device }, options));
  });

  test("every position resumes to the whole record when nobody watched before (R8)", async () => {
    const options = { isUnwatchedAtFirst: true, resume: { afterTheEnd: false } };
    tell("embedded, unwatched at first", await play({ here: gateway, there: gateway, device }, options));
  });
});

describe.skipIf(await missingServices("postgres", "redis"))("every position of a run on two gateways", () => {
  let two: TwoGateways;
  let stage: Stage;
  let redis: ReturnType<typeof createClient>;
  let tenantId: TenantId;
  const forget = (runId: string): Promise<number> => redis.del(runKey({ tenantId, runId, name: "stream" }));

  beforeAll(async () => {
    two = await startTwoGateways();
    redis = createClient({ url: two.redisUrl });
    await redis.connect();
    await two.a.pushAgent(talker);
    tenantId = await ownTenantOf(two.a);
    stage = { here: two.a, there: two.b, device: await connectReader(two.b) };
  });
  afterAll(async () => {
    stage?.device.socket.terminate();
    await two?.close();
    redis?.destroy();
  });

  test("every position on two gateways resumes to the whole record on either (R8)", async () => {
    tell("Postgres and Redis", await play(stage));
  });

  test("every position resumes to the whole record after the stream was deleted from Redis (R8)", async () => {
    tell("stream deleted before", await play(stage, { beforeResumes: forget }));
  });

  test("watchers that join a run whose growing stream was deleted get the whole record (R8)", async () => {
    const random = seededRandom(1);
    let joined = 0;
    /** Plays a run whose stream is deleted within a step. After it has grown again, watchers join on `there`. */
    const playOne = async (): Promise<Play> => {
      const watchers = newWatchers();
      const seen: RunEvent[] = [];
      const late: { readonly after: string | undefined; readonly watcher: Watcher }[] = [];
      const deleteAt = 20 + Math.floor(random() * 180);
      let deleted: Promise<unknown> = Promise.resolve();
      const onEvent = (event: RunEvent): void => {
        seen.push(event);
        if (seen.length === deleteAt) deleted = forget(event.runId);
        if (seen.length !== deleteAt + 20) return;
        for (let i = 0; i < 8; i += 1) {
          const after = i === 0 ? undefined : seen[Math.floor(random() * seen.length)]?.id;
          late.push({ after, watcher: watchers.open(stage.there, { runId: event.runId, after }) });
        }
      };
      const played = await play(stage, { onEvent, resume: { inTheMiddle: false, afterTheEnd: false } });
      expect(await deleted).toBe(1);
      for (const { after, watcher } of late) {
        await watcher.over;
        expectWhole(played.whole, after ?? "0-0", watcher.events);
      }
      joined += late.length;
      return played;
    };
    const played = await Promise.all(Array.from({ length: RUNS_WITH_HOLES }, playOne));
    expect(joined).toBe(8 * RUNS_WITH_HOLES);
    for (const one of played.slice(0, 1))
      tell(`${RUNS_WITH_HOLES} runs whose stream was deleted in a step, ${joined} watchers joined`, one);
  });

  test("live watchers get the whole record while the stream is deleted again and again (R8)", async () => {
    const deletions: Promise<unknown>[] = [];
    let seen = 0;
    const onEvent = ({ runId }: RunEvent): void => {
      seen += 1;
      if (seen % 10 === 0) deletions.push(forget(runId));
    };
    const played = await play(stage, { onEvent, resume: { afterTheEnd: false } });
    expect((await Promise.all(deletions)).length).toBeGreaterThan(50);
    tell(`stream deleted ${deletions.length} times`, played);
  });

  test("watchers that are cut again and again, and resume on the other gateway, get the whole record (R8)", async () => {
    const watchers = newWatchers();
    const random = seededRandom(2);
    let cuts = 0;
    const travellers: Promise<WatchedRecord>[] = [];
    /** Watches on one gateway until it is cut after some events, then on the other, and so on to the end. */
    const travel = async (runId: string, lane: number): Promise<WatchedRecord> => {
      const record: RunEvent[] = [];
      for (let stay = lane; record.at(-1)?.type !== "run.completed"; stay += 1) {
        const patience = 1 + Math.floor(random() * 120);
        const onEvent = (_: RunEvent, watcher: Watcher): void => {
          if (watcher.events.length < patience) return;
          cuts += 1;
          watcher.cut();
        };
        const gateway = stay % 2 === 0 ? stage.here : stage.there;
        record.push(...(await watchers.watch(gateway, { runId, after: record.at(-1)?.id, onEvent })));
      }
      return record;
    };
    const onEvent = ({ type, runId }: RunEvent): void => {
      if (type === "run.created") travellers.push(...Array.from({ length: 40 }, (_, lane) => travel(runId, lane)));
    };
    const played = await play(stage, { onEvent, resume: { inTheMiddle: false, afterTheEnd: false } });
    const records = await Promise.all(travellers);
    expect(records).toHaveLength(40);
    for (const record of records) {
      expect([...faultsOf(record), ...disagreements({ whole: played.whole, record })]).toEqual([]);
    }
    tell(`40 watchers cut ${cuts} times`, played);
  });
});
