/**
 * A thousand inputs that race the parks, the ends and the expiries of runs. Each is submitted when a watcher sees a
 * certain event, so the runs decide when.
 *
 * - No input is accepted and then not consumed (R5, R6).
 * - No input is refused and then consumed.
 * - No call is settled twice (R7).
 */
import { setTimeout as delay } from "node:timers/promises";
import type { AgentConfigInput, JsonValue, RunEvent } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingServices } from "../services/services.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { disagreements, faultsOf, type WatchedRecord } from "../support/watched-record.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { contradictions, type Submission } from "../support/submissions.ts";
import { startTwoGateways, type TwoGateways } from "../support/two-gateways.ts";
import { Watchers } from "../support/watchers.ts";

const INPUTS_MIN = 1000;
/** Short, so that results race the expiry of their calls. */
const TOOL_TIMEOUT_MS = 250;
/** Results that race the expiry of their call are sent this long before it or after it: a busy machine is slow. */
const AIM_BEFORE_MS = 100;
const AIM_AFTER_MS = 30;
const AIM_APART_MS = 5;

const words = (count: number) => ({ repeat: count, parts: [{ say: "word{{n}} ", everyMs: 1 }] });
const asked = { inputSchema: { type: "object" }, target: "external", timeoutMs: TOOL_TIMEOUT_MS } as const;

function scripted(name: string, script: JsonValue[], rest: Partial<AgentConfigInput> = {}): AgentConfigInput {
  return {
    name,
    model: "demo/script",
    // Each message that is consumed starts the script again.
    maxSteps: 5,
    settings: { providerOptions: { demo: { script } } },
    ...rest,
  };
}

const KINDS = {
  /** Messages race its end. */
  talks: scripted("talks", [[words(5)]]),
  /** Results and messages race its parks and the expiries of its calls. */
  asks: scripted("asks", [[words(2), { call: "left" }, { call: "right" }], [words(2)]], {
    tools: [
      { name: "left", ...asked },
      { name: "right", ...asked },
    ],
  }),
  /** Results race its failure. */
  insists: scripted("insists", [[{ call: "left" }, { call: "right" }], [words(2)]], {
    tools: [
      { name: "left", ...asked, onTimeout: "fail-run" },
      { name: "right", ...asked },
    ],
  }),
  /** Approvals race each other, cancels and results. */
  waits: scripted("waits", [[{ call: "left" }], [words(2)]], {
    tools: [{ name: "left", ...asked, approval: "always" }],
  }),
  /** Cancels race its steps and each other. */
  rambles: scripted("rambles", [[words(150)]]),
} as const;
type Kind = keyof typeof KINDS;

/** The kinds of runs, played again and again until enough inputs have been submitted. */
const ORDER: readonly Kind[] = ["asks", "talks", "waits", "insists", "rambles", "asks", "talks", "waits", "asks"];
/** Runs at once: enough to disturb each other, and few enough that watchers see events in time to race them. */
const LANES_EMBEDDED = 4;
const LANES_OF_TWO = 10;

/** One run as it was watched, as the store has it, and all that was submitted to it. */
interface Played {
  readonly record: WatchedRecord;
  readonly kept: WatchedRecord;
  readonly submissions: readonly Submission[];
}

/** Plays one run while inputs are submitted to it, each through a random gateway. */
class RunUnderFire {
  readonly #gateways: readonly TestGateway[];
  readonly #random: () => number;
  readonly #kind: Kind;
  readonly #fired: Promise<Submission>[] = [];
  #messagesLeft = 6;
  #marks = 0;

  constructor(params: {
    readonly gateways: readonly TestGateway[];
    readonly random: () => number;
    readonly kind: Kind;
  }) {
    this.#gateways = params.gateways;
    this.#random = params.random;
    this.#kind = params.kind;
  }

  /** Plays the run to its end, and submits once more after it. */
  async play(watchers: Watchers): Promise<Played> {
    const gateway = this.#anyGateway();
    const { runId } = await gateway.startRun({ agent: this.#kind, input: "go" });
    const record = await watchers.watch(this.#anyGateway(), { runId, onEvent: (event) => this.#see(event) });
    // An input after the end must be refused. Delayed results may come even later.
    this.#message(runId, true);
    const submissions = await Promise.all(this.#fired);
    return { record, kept: await gateway.events(runId), submissions };
  }

  #see(event: RunEvent): void {
    const { runId } = event;
    switch (event.type) {
      case "step.started":
        if (this.#kind === "rambles") this.#cancelSome(runId);
        return this.#message(runId);
      case "text.delta":
        if (this.#random() < 0.2) this.#message(runId);
        return;
      // After the step's last delta, the run parks or ends with its next facts.
      case "text.end":
        return this.#message(runId);
      case "tool.awaiting_approval":
        return this.#decide(runId, event.data.callId);
      case "tool.dispatched":
        return this.#answer(runId, event.data.callId, Date.parse(event.data.deadline ?? ""));
      case "run.waiting":
        if (this.#random() < 0.3) this.#message(runId);
        if (this.#random() < 0.1) this.#cancelSome(runId);
        return;
      default:
    }
  }

  #message(runId: string, always = false): void {
    if (!always && (this.#messagesLeft === 0 || this.#random() < 0.4)) return;
    this.#messagesLeft -= 1;
    const mark = this.#mark("message");
    this.#fire({ kind: "message", runId, mark }, "messages", { message: mark });
  }

  /** Submits several results of one call, two of them equal: either at once, or when the call expires. */
  #answer(runId: string, callId: string, expiresAt: number): void {
    if (this.#random() < 0.1) return;
    const first = this.#mark("result");
    const marks = [first, this.#mark("other"), first, this.#mark("other")].slice(this.#random() < 0.5 ? 0 : 1);
    const isAimed = this.#random() < 0.7;
    const aim = expiresAt - AIM_BEFORE_MS + (AIM_BEFORE_MS + AIM_AFTER_MS) * this.#random();
    for (const mark of marks) {
      const at = isAimed ? aim + AIM_APART_MS * this.#random() : 0;
      this.#fire({ kind: "result", runId, callId, mark }, "tool-results", { callId, result: mark }, at);
    }
    if (isAimed && this.#random() < 0.15) this.#cancelSome(runId, expiresAt);
  }

  #decide(runId: string, callId: string): void {
    for (const approved of [true, this.#random() < 0.5, true, false]) {
      const mark = this.#mark(approved ? "approval" : "denial");
      const submission = { kind: "approval", runId, callId, mark, approved } as const;
      this.#fire(submission, "approvals", { callId, approved, reason: mark });
    }
    if (this.#random() < 0.1) this.#cancelSome(runId);
  }

  #cancelSome(runId: string, at = 0): void {
    for (let i = 0; i < 2; i += 1) {
      const mark = this.#mark("cancel");
      this.#fire({ kind: "cancel", runId, mark }, "cancel", { reason: mark }, at);
    }
  }

  /** Submits through a random gateway, at once or at the time `at`. */
  #fire(submission: Unanswered, path: string, body: object, at = 0): void {
    const gateway = this.#anyGateway();
    const submit = async (): Promise<Submission> => {
      const waitMs = at - Date.now();
      if (waitMs > 0) await delay(waitMs);
      const { status } = await gateway.call("POST", `/api/runs/${submission.runId}/${path}`, body);
      return { ...submission, status };
    };
    this.#fired.push(submit());
  }

  #mark(what: string): string {
    this.#marks += 1;
    return `${what} ${this.#marks}`;
  }

  #anyGateway(): TestGateway {
    const gateway = this.#gateways[Math.floor(this.#random() * this.#gateways.length)];
    if (gateway === undefined) throw new Error("there is no gateway");
    return gateway;
  }
}

type Unanswered = Submission extends infer S ? (S extends Submission ? Omit<S, "status"> : never) : never;

/** Plays runs until enough inputs were submitted, and compares what became of each with its response. */
async function race(params: {
  readonly gateways: readonly [TestGateway, ...TestGateway[]];
  readonly lanes: number;
  readonly seed: number;
}): Promise<void> {
  const { gateways, lanes, seed } = params;
  const startedAt = performance.now();
  const watchers = new Watchers();
  const random = seededRandom(seed);
  const played: Played[] = [];
  let begun = 0;
  const inputsOf = (runs: readonly Played[]): number => runs.reduce((sum, one) => sum + one.submissions.length, 0);
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (inputsOf(played) < INPUTS_MIN) {
        const kind = ORDER[begun % ORDER.length] ?? "talks";
        begun += 1;
        const run = new RunUnderFire({ gateways, kind, random: seededRandom(random() * 2 ** 32) });
        played.push(await run.play(watchers));
      }
    }),
  );
  watchers.close();
  const tookMs = performance.now() - startedAt;
  const wrong = played.flatMap(({ record, kept, submissions }) =>
    [...faultsOf(record), ...disagreements({ record, kept }), ...contradictions(submissions, record)].map(
      (fault) => `${record[0]?.runId}: ${fault}`,
    ),
  );
  expect(wrong).toEqual([]);
  const left = await Promise.all(played.map(({ record }) => inboxAfter(gateways[0], record)));
  expect(left.filter((count) => count !== 0)).toEqual([]);

  const submissions = played.flatMap((one) => one.submissions);
  expect(submissions.length).toBeGreaterThanOrEqual(INPUTS_MIN);
  const tally = countBy(submissions, ({ kind, status }) => `${kind} ${status}`);
  const ends = countBy(played, ({ record }) => record.at(-1)?.type ?? "none");
  console.info(`${played.length} runs, ${submissions.length} inputs, in ${Math.round(tookMs)} ms`, tally, ends);
  // Each race was won by either side.
  for (const outcome of [
    "message 202",
    "message 409",
    "result 202",
    "result 200",
    "result 409",
    "approval 202",
    "approval 409",
    "cancel 202",
  ]) {
    expect(Object.keys(tally)).toContain(outcome);
  }
  const expired = played.flatMap(({ record }) => record.filter(({ type }) => type === "tool.expired"));
  expect(expired).not.toEqual([]);
  for (const end of ["run.completed", "run.failed", "run.canceled"]) expect(Object.keys(ends)).toContain(end);
}

/**
 * Returns how many inputs an ended run has not consumed (R6). Its last epoch may be above the last that a fact names,
 * because a claim may end without a fact.
 */
async function inboxAfter({ gateway }: TestGateway, record: WatchedRecord): Promise<number> {
  const runId = record[0]?.runId ?? "";
  const told = record.flatMap((event) =>
    event.type === "run.started" || event.type === "run.resumed" || event.type === "run.recovered"
      ? [event.data.epoch]
      : [],
  );
  const from = Math.max(...told);
  for (let epoch = from; epoch < from + 100; epoch += 1) {
    const read = await gateway.store.fleet.readInbox({ runId, epoch });
    if (read !== null) return Math.max(read.inbox.count, read.inbox.inputs.length);
  }
  throw new Error(`the run ${runId} is at no epoch from ${from} on`);
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Record<string, number> {
  const groups = [...Map.groupBy(items, keyOf)].map(([key, group]) => [key, group.length] as const);
  return Object.fromEntries(groups.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

describe("a thousand inputs on an embedded gateway", () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway();
    for (const config of Object.values(KINDS)) await gateway.pushAgent(config);
  });
  afterAll(() => gateway?.close());

  test("a thousand inputs on an embedded gateway are consumed if and only if they were accepted (R5, R6, R7)", () =>
    race({ gateways: [gateway], lanes: LANES_EMBEDDED, seed: 1 }));
});

describe.skipIf(await missingServices("postgres", "redis"))("a thousand inputs on two gateways", () => {
  let two: TwoGateways;
  beforeAll(async () => {
    two = await startTwoGateways();
    for (const config of Object.values(KINDS)) await two.a.pushAgent(config);
  });
  afterAll(() => two?.close());

  test("a thousand inputs on two gateways are consumed if and only if they were accepted (R5, R6, R7)", () =>
    race({ gateways: [two.a, two.b], lanes: LANES_OF_TWO, seed: 2 }));
});
