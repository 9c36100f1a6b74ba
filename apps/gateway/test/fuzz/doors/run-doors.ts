import type { JsonValue, Run, StartedRun } from "@hsafa/protocol";
import fc from "fast-check";
import { toolCallChunk } from "../../support/chat-provider.ts";
import { chatChunk, chatEnd, sse } from "../../support/fake-provider-server.ts";
import { type Door, door, fine, type Outcome } from "../door.ts";
import type { FuzzTarget } from "../fuzz-target.ts";
import { mutated, mutatedText, oddTexts, oddValues } from "../odd-values.ts";

const RUN_MAX_MS = 60_000;
const POLL_MS = 20;

/** Starts a run and waits for its end. How it ends is the model's affair; that it was given up is the gateway's. */
async function playRun(target: FuzzTarget, agent: string): Promise<Outcome> {
  const { runId } = await target.call<StartedRun>("POST", "/api/runs", { agent, input: "go" });
  const deadline = performance.now() + RUN_MAX_MS;
  for (;;) {
    const run = await target.call<Run>("GET", `/api/runs/${runId}`);
    if (run.status === "completed") return fine("run completed");
    if (run.status === "failed") {
      const code = run.error?.code ?? "";
      const isOurs = code === "recovery_exhausted" || code === "internal";
      return { status: `run failed: ${code}`, fault: isOurs ? `the run failed with ${code}` : null };
    }
    if (performance.now() > deadline) return { status: run.status, fault: `the run ${runId} never ended` };
    await new Promise((resolve) => {
      setTimeout(resolve, POLL_MS);
    });
  }
}

/** A schema that takes some of what comes, so that calls of both kinds follow. */
const ARGS_SCHEMA = {
  type: "object",
  properties: {
    id: { type: "string", maxLength: 400 },
    count: { type: "integer" },
    list: { type: "array", items: { type: "string" }, maxItems: 5 },
  },
} as const;

const CALLS = 8;

export const ARGUMENTS_DOOR: Door = door<readonly string[]>({
  name: `arguments of tools (${CALLS} a run)`,
  share: 1,
  atOnce: 6,
  open(target) {
    const valid = fc.record({ id: oddTexts, count: fc.integer(), list: fc.array(fc.string(), { maxLength: 3 }) });
    const values = fc.oneof(mutated(valid.map((value) => value as JsonValue)), oddValues);
    const texts = mutatedText(values.map((value) => JSON.stringify(value)));
    const later = new TextEncoder().encode(`${chatChunk({ content: "done" })}${chatEnd()}`);
    let count = 0;
    const tools = [
      { url: `${target.provider.url}/items/{id}?account=1`, method: "GET" },
      { url: `${target.provider.url}/items/{id}`, method: "POST", body: { fixed: "yes" } },
      { url: `${target.provider.url}/count/{count}?list={list}`, method: "DELETE" },
    ].map((server, index) => ({
      name: `tool_${index}`,
      inputSchema: ARGS_SCHEMA,
      server: { type: "http", ...server },
      timeoutMs: 5000,
    }));
    return Promise.resolve({
      inputs: fc.array(texts, { minLength: CALLS, maxLength: CALLS }),
      async play(list) {
        count += 1;
        const model = `arguments-${count}`;
        const calls = list.map((args, index) =>
          toolCallChunk(index, {
            id: `call-${index}`,
            name: index === CALLS - 1 ? "unknown" : `tool_${index % 3}`,
            arguments: args,
          }),
        );
        const bytes = new TextEncoder().encode(`${calls.join("")}${chatEnd("tool_calls")}`);
        target.provider.answer(model, { status: 200, bytes, later });
        await target.push({ name: model, model: `openai-compatible/${model}`, tools, retry: { maxAttempts: 1 } });
        const outcome = await playRun(target, model);
        target.provider.forget(model);
        return outcome;
      },
    });
  },
});

const deltas = fc.oneof(
  oddTexts.map((content) => ({ content })),
  oddTexts.map((reasoning) => ({ reasoning_content: reasoning })),
  fc.tuple(fc.nat({ max: 3 }), oddTexts, oddTexts).map(([index, name, args]) => ({
    tool_calls: [{ index, id: `call-${index}`, type: "function", function: { name, arguments: args } }],
  })),
  oddValues,
);

/** Streams of a provider: whole ones, of which frames are changed, and which are broken as bytes. */
const streams = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: deltas.map((delta) => chatChunk(delta)) },
      {
        weight: 1,
        arbitrary: mutated(deltas.map((delta) => ({ choices: [{ index: 0, delta }] }))).map((value) => sse(value)),
      },
      { weight: 1, arbitrary: oddTexts.map((text) => `data: ${text}\n\n`) },
    ),
    { maxLength: 8 },
  )
  .map((list) => `${list.join("")}${chatEnd()}`);

export const PROVIDER_DOOR: Door = door<{ readonly status: number; readonly bytes: Uint8Array }>({
  name: "streams of providers",
  share: 2,
  atOnce: 6,
  open(target) {
    let count = 0;
    const bytes = fc.oneof(
      { weight: 6, arbitrary: mutatedText(streams).map((text) => new TextEncoder().encode(text)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 2000 }) },
    );
    const status = fc.oneof(
      { weight: 8, arbitrary: fc.constant(200) },
      fc.constantFrom(201, 204, 400, 401, 404, 422, 429, 500, 503),
    );
    return Promise.resolve({
      inputs: fc.record({ status, bytes }),
      async play(answer) {
        count += 1;
        const model = `fuzzed-${count}`;
        target.provider.answer(model, answer);
        const config = { name: model, model: `openai-compatible/${model}`, retry: { maxAttempts: 1 }, maxSteps: 3 };
        await target.push(config);
        const outcome = await playRun(target, model);
        target.provider.forget(model);
        return outcome;
      },
    });
  },
});
