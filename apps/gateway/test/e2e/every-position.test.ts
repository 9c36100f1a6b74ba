/**
 * R8 for every position of a run: whoever is cut off anywhere, at any time, and comes back anywhere, has the whole
 * record. A gateway serves what came since it began to follow a run from memory, what came before from the live log or
 * from the canonical log; so streams are resumed on one that follows and on one that did not, while the run waits in
 * its middle, and after its end.
 */
import type { AgentConfigInput, RunEvent } from "@hsafa/protocol";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { RawDevice } from "../support/raw-device.ts";
import { missingServices } from "../services/services.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { disagreements, faultsOf, resumed, type WatchedRecord } from "../support/watched-record.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { startTwoGateways, type TwoGateways } from "../support/two-gateways.ts";
import { type Watcher, Watchers } from "../support/watchers.ts";

/**
 * Deltas of different parts never become one, so that there are more than 500 however busy the machine is; and words
 * that come one by one.
 */
const manyDeltas = [
  { repeat: 42, parts: [{ think: "hm{{n}} " }, { say: "so{{n}} " }] },
  { repeat: 10, parts: [{ say: "word{{n}} ", everyMs: 1 }] },
];
const DELTAS_MIN = 500;

/** Text, reasoning, and two parallel tools: one of a device, and one that is answered over HTTP. */
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

/** Streams in hand at once while every position of an ended run is resumed. */
const LANES = 24;

/** Runs whose stream loses its beginning in the middle of a step: each is joined at one such moment. */
const RUNS_WITH_HOLES = 12;

/**
 * Where a run is played. `here` starts it and `there` has the device and takes the answer over HTTP; embedded they are
 * one.
 */
interface Stage {
  readonly here: TestGateway;
  readonly there: TestGateway;
  readonly device: RawDevice;
}

interface Play {
  readonly runId: string;
  /** The record of the watcher that was there from the start to the end. */
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
 * Plays a run under the eyes of a watcher on `here`, resumes after every position while it waits for its tools and
 * again after its end, and compares it all. Nobody watches on `there` before the middle.
 */
async function play(
  { here, there, device }: Stage,
  options: {
    /** Nobody watches anywhere before the middle. */
    readonly isUnwatchedAtFirst?: boolean;
    /** Called before streams are resumed in the middle, and again before they are after the end. */
    readonly beforeResumes?: (runId: string) => Promise<unknown>;
    /** Sees each event of the watcher on `here`. */
    readonly onEvent?: (event: RunEvent) => void;
    /**
     * When streams are resumed after every position; both, unless told otherwise. `rest`: after the end only for those
     * that could not be in the middle, and some.
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
    // Enough of them where the run is followed already, since memory serves them all alike.
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

/** Lets the device answer the one call and a client over HTTP the other. */
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

/** What was shown, for whoever reads the output of the tests. */
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

  test("resumes to the whole record", async () => {
    // A row costs the embedded store more than it costs Postgres, where all are resumed after the end too.
    const options = { resume: { afterTheEnd: "rest" } } as const;
    tell("embedded", await play({ here: gateway, there: gateway, device }, options));
  });

  test("resumes to the whole record when nobody watched before", async () => {
    const options = { isUnwatchedAtFirst: true, resume: { afterTheEnd: false } };
    tell("embedded, unwatched at first", await play({ here: gateway, there: gateway, device }, options));
  });
});

describe.skipIf(await missingServices("postgres", "redis"))("every position of a run on two gateways", () => {
  let two: TwoGateways;
  let stage: Stage;
  let redis: ReturnType<typeof createClient>;
  const forget = (runId: string): Promise<number> => redis.del(`run:{${runId}}:stream`);

  beforeAll(async () => {
    two = await startTwoGateways();
    redis = createClient({ url: two.redisUrl });
    await redis.connect();
    await two.a.pushAgent(talker);
    stage = { here: two.a, there: two.b, device: await connectReader(two.b) };
  });
  afterAll(async () => {
    stage?.device.socket.terminate();
    await two?.close();
    redis?.destroy();
  });

  test("resumes to the whole record, on either", async () => {
    tell("Postgres and Redis", await play(stage));
  });

  test("resumes to the whole record with the stream deleted from Redis before", async () => {
    tell("stream deleted before", await play(stage, { beforeResumes: forget }));
  });

  test("resumes to the whole record with the stream deleted while it grows, on a gateway that finds the rest of it", async () => {
    const random = seededRandom(1);
    let joined = 0;
    /**
     * Plays a run whose stream is deleted in the middle of a step; when it has grown again, watchers come where nobody
     * watched.
     */
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

  test("resumes to the whole record with the stream deleted again and again under live watchers", async () => {
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

  test("cut anywhere and resumed on the other gateway, again and again, is the whole record", async () => {
    const watchers = newWatchers();
    const random = seededRandom(2);
    let cuts = 0;
    const travellers: Promise<WatchedRecord>[] = [];
    /** Watches on one gateway until it is cut off after some events, then on the other, and so on to the end. */
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
