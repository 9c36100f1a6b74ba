import type { RunStreamEvent } from "@hsafa/client";
import { EMPTY_RUN_VIEW, nextRunView, type RunView } from "@hsafa/client/view";
import type { DeltaEvent, FactData, FactEvent, FactType, RunEvent } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { isFact, positionOf, RunRecord } from "./run-record.ts";

const common = { runId: "r", ts: "2026-11-29T12:00:00.000Z" };

/** A run of so many steps, each of which says its number in two pieces. */
function record(steps: number): RunEvent[] {
  const events: RunEvent[] = [];
  let seq = 0;
  let last = "0-0";
  function fact<T extends FactType>(type: T, data: FactData[T]): void {
    seq += 1;
    events.push({ ...common, id: `${seq}-0`, prev: last, type, data } as unknown as FactEvent);
    last = `${seq}-0`;
  }
  function delta(sub: number, text: string, step: number): void {
    const id = `${seq}-${sub}`;
    events.push({ ...common, id, type: "text.delta", data: { step, partId: "p", text } } as DeltaEvent);
    last = id;
  }
  fact("message.user", { message: { role: "user", content: "count" } });
  for (let step = 1; step <= steps; step += 1) {
    fact("step.started", { step });
    delta(1, "step ", step);
    delta(2, String(step), step);
    const messages = [{ role: "assistant", content: `step ${step}` }] as const;
    fact("step.completed", { step, finishReason: "stop", messages: [...messages], usage: {} });
  }
  return events;
}

function folded(events: readonly RunStreamEvent[]): RunView {
  return events.reduce(nextRunView, EMPTY_RUN_VIEW);
}

const factsIn = (events: readonly RunEvent[]): FactEvent[] => events.filter(isFact);

test("facts that come in any order give the view of the whole run once they are all there", () => {
  const events = record(300);
  const facts = factsIn(events);
  const whole = folded(facts);
  const shown = new RunRecord();
  shown.begin(facts.length, "");
  shown.addFacts(facts.slice(500));
  expect(shown.view.messages.at(-1)).toEqual(whole.messages.at(-1));
  expect([shown.read, shown.length, shown.last.from]).toEqual([facts.length - 500, facts.length, 501]);
  shown.addFacts(facts.slice(0, 250));
  expect(shown.viewAt({ seq: 400, sub: 0 })).toBeNull();
  shown.addFacts(facts.slice(250, 500));
  while (shown.foldOn(100));
  expect(shown.last).toEqual({ view: whole, from: 1, to: facts.length });
});

test("before the facts that led to a position were read, its view is of those that stand right before it", () => {
  const facts = factsIn(record(300));
  const shown = new RunRecord();
  shown.begin(facts.length, "");
  shown.addFacts(facts.slice(300, 400));
  const at = { seq: 350, sub: 0 };
  expect(shown.viewAt(at)).toEqual({ view: folded(facts.slice(300, 350)), from: 301, to: 350, sub: 0 });
  shown.addFacts(facts.slice(0, 300));
  expect(shown.viewAt(at)).toMatchObject({ view: folded(facts.slice(0, 350)), from: 1 });
});

test("a run that goes on while its beginning is read ends as the view of all of it", () => {
  const events = record(300);
  const facts = factsIn(events);
  const shown = new RunRecord();
  shown.begin(500, "");
  shown.addFacts(facts.slice(300, 500));
  const from = events.indexOf(facts[499] as FactEvent) + 1;
  for (const event of events.slice(from)) shown.addLive(event);
  shown.addFacts(facts.slice(0, 300));
  while (shown.foldOn(70));
  expect(shown.last).toEqual({ view: folded(events), from: 1, to: facts.length });
  for (const seq of [299, 500, 501, 640])
    expect(shown.viewAt({ seq, sub: 0 })?.view).toEqual(folded(facts.slice(0, seq)));
});

test("the view at every position is that of the events up to there", () => {
  const events = record(4);
  const shown = new RunRecord();
  shown.addFacts(factsIn(events));
  for (const fact of factsIn(events)) {
    const { seq } = positionOf(fact);
    shown.setDeltas(seq, events.filter((event) => !isFact(event) && positionOf(event).seq === seq) as DeltaEvent[]);
  }
  for (const [index, event] of events.entries())
    expect(shown.viewAt(positionOf(event))?.view).toEqual(folded(events.slice(0, index + 1)));
});

test("a run that is followed from any of its facts shows what the whole record shows", () => {
  const events = record(3);
  for (const fact of factsIn(events)) {
    const at = events.indexOf(fact) + 1;
    const shown = new RunRecord();
    shown.addFacts(factsIn(events.slice(0, at)));
    for (const event of events.slice(at)) shown.addLive(event);
    expect(shown.view).toEqual(folded(events));
    expect(shown.length).toBe(factsIn(events).length);
  }
});

test("what was shown is void once the store has lost it", () => {
  const shown = new RunRecord();
  for (const event of record(2)) shown.addLive(event);
  shown.addLive({ ...common, type: "stream.rewound", data: { after: "3-0" } });
  expect([shown.length, shown.view]).toEqual([0, EMPTY_RUN_VIEW]);
});
