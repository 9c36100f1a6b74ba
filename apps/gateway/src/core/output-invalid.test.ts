import type { Fact } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { asked, begun, created, finished, given, newRun, proceed, started } from "../../test/support/given.ts";
import type { RunInput } from "./input.ts";
import { transcriptOf, conversationOf, threadEntriesOf } from "./transcript.ts";

const outputSchema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const run = () => newRun({ outputSchema, maxSteps: 9 });
const said = (text: string, outputFault?: string): RunInput => ({
  kind: "step_finished",
  finishReason: "stop",
  messages: [{ role: "assistant", content: text }],
  usage: { inputTokens: 1, outputTokens: 2 },
  calls: [],
  ...(outputFault === undefined ? {} : { outputFault }),
});
const unfit = said('{"city": 1}', "/city must be string");
const fit = said('{"city": "Rome"}');

describe("a run that is to end with an object", () => {
  test("ends with the object that fits, as JSON and not as its text", () => {
    const { facts, state } = given(begun, run()).when(fit, proceed);
    expect(facts).toMatchObject([{ type: "run.completed", data: { output: { city: "Rome" } } }]);
    expect(state).toMatchObject({ phase: "ended", end: { kind: "completed", output: { city: "Rome" } } });
  });

  test("asks again after an answer that does not fit, in a step that counts, and says why", () => {
    const asks = given(begun, run()).when(unfit, proceed);
    expect(asks.facts).toEqual([{ type: "step.started", data: { step: 2, object: true } }]);
    const { transcript } = asks.state.run;
    expect(conversationOf(transcript, []).at(-1)).toMatchObject({
      role: "user",
      content: expect.stringContaining("must fit: /city must be string.") as string,
    });
    expect(asks.when(fit, proceed).facts).toMatchObject([{ data: { output: { city: "Rome" } } }]);
  });

  test("fails after two repairs, and says what did not fit", () => {
    const end = given(begun, run()).when(unfit, proceed, unfit, proceed, unfit, proceed);
    expect(end.facts).toMatchObject([
      {
        type: "run.failed",
        data: { error: { code: "output_invalid", data: { answers: 3, fault: "/city must be string" } } },
      },
    ]);
    expect(end.facts[0]?.type === "run.failed" && end.facts[0].data.error.message).toContain("3 answers");
  });

  test("fails at once when it may take no other step, since the reason tells more than the limit", () => {
    const end = given(begun, newRun({ outputSchema, maxSteps: 1 })).when(unfit, proceed);
    expect(end.facts).toMatchObject([{ data: { error: { code: "output_invalid", data: { answers: 1 } } } }]);
  });

  test("has not answered with what does not fit, so a limit that is reached ends it", () => {
    const limited = newRun({ outputSchema, limits: { tokens: 2 } });
    expect(given(begun, limited).when(unfit, proceed).facts).toMatchObject([
      { type: "run.failed", data: { error: { code: "limit_exceeded" } } },
    ]);
    expect(given(begun, limited).when(fit, proceed).types).toEqual(["run.completed"]);
  });

  test("takes a message that came with an unfit answer before it asks again, and counts its repairs all the same", () => {
    const { state } = given(begun, run()).when(unfit, { kind: "message", message: { role: "user", content: "go" } });
    const more = given([], state).when(proceed, unfit, proceed, unfit, proceed);
    expect(more.types).toEqual(["run.failed"]);
  });

  test("does not judge a step that calls tools", () => {
    const acts = given(begun, run()).when(finished(["c1", "ask"]), proceed);
    expect(acts.types).toEqual(["tool.dispatched", "run.waiting"]);
  });

  test("by the schema of its start, if that brings one", () => {
    const scoped: Fact = { ...created, data: { ...created.data, outputSchema } } as Fact;
    const { facts } = given([scoped, asked("hi"), started]).when(proceed);
    expect(facts).toEqual([{ type: "step.started", data: { step: 1, object: true } }]);
  });
});

test("an answer that was repaired is nothing that later runs of the thread see", () => {
  const facts: Fact[] = [...begun];
  const first = given(begun, run()).when(unfit);
  facts.push(...first.facts, ...first.when(proceed).facts);
  facts.push(...first.when(proceed).when(fit).facts);
  const left = transcriptOf(facts).flatMap(threadEntriesOf);
  expect(left.map(({ message }) => message.content)).toEqual(["hi", '{"city": "Rome"}']);
});
