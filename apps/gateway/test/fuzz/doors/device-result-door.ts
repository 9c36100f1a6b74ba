import type { JsonValue, Run, ToolCall } from "@hsafa/protocol";
import { deviceMessageSchema } from "@hsafa/protocol/schema";
import fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { callingAgent } from "../../support/device-agent.ts";
import { RawDevice } from "../../support/raw-device.ts";
import { until } from "../../support/until.ts";
import { type Door, door, fine, type Outcome } from "../door.ts";
import type { FuzzTarget } from "../fuzz-target.ts";
import { mutated, mutatedText, oddTexts, oddValues } from "../odd-values.ts";
import { schemaValues, type ValueSchema } from "../schema-values.ts";

const AGENT = "asks-a-device";
const AT_ONCE = 6;
const RUN_MAX_MS = 60_000;
/** Stands in a frame for the id of the call that the device was sent. */
const CALL = "the-call";

type Frame = string | Uint8Array;

/** What a device says about a call that it has: what fits, what is changed, what is broken, in any order. */
function frames(): fc.Arbitrary<Frame> {
  const callId = fc.oneof({ weight: 12, arbitrary: fc.constant(CALL) }, oddTexts);
  const message = oddTexts.map((text): JsonValue => ({ message: text }));
  const valid: fc.Arbitrary<JsonValue> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: fc.constant("tool.result"), callId, result: oddValues }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("tool.result"), callId, error: message }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("tool.progress"), callId, data: oddValues }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("tool.accepted"), callId }) },
    { weight: 1, arbitrary: fc.constant({ type: "ping" }) },
  );
  const bySchema = schemaValues(
    z.toJSONSchema(deviceMessageSchema, { io: "input", unrepresentable: "any" }) as ValueSchema,
    [CALL],
  );
  const text = (values: fc.Arbitrary<JsonValue>): fc.Arbitrary<string> => values.map((value) => JSON.stringify(value));
  return fc.oneof<fc.WeightedArbitrary<Frame>[]>(
    { weight: 8, arbitrary: text(valid) },
    { weight: 4, arbitrary: text(mutated(valid)) },
    { weight: 1, arbitrary: text(bySchema) },
    { weight: 2, arbitrary: mutatedText(text(valid)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }) },
  );
}

/** Returns the results in these frames. The gateway may record any of them: others may be no valid message. */
function resultsIn(sent: readonly Frame[], callId: string): readonly unknown[] {
  return sent.flatMap((frame) => {
    if (typeof frame !== "string") return [];
    try {
      const parsed = JSON.parse(frame) as { type?: unknown; callId?: unknown; result?: unknown } | null;
      const isResult = parsed?.type === "tool.result" && parsed.callId === callId && "result" in parsed;
      return isResult ? [wellFormed(parsed.result)] : [];
    } catch {
      return [];
    }
  });
}

/** Half a surrogate pair becomes U+FFFD on its way. */
function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.toWellFormed(), wellFormed(inner)]));
}

async function connect(target: FuzzTarget, deviceKey: string): Promise<RawDevice> {
  const device = new RawDevice(`${target.url.replace("http", "ws")}/devices/connect`);
  const tools = [{ name: "read", description: "", inputSchema: { type: "object" } }];
  return device.register({ token: target.key, deviceKey, tools });
}

/**
 * Says the frames to a call, and answers it properly at last. If the gateway closes the connection, the device comes
 * back and answers on another one.
 */
async function answer(target: FuzzTarget, deviceKey: string, frameList: readonly Frame[]): Promise<Outcome> {
  const devices = [await connect(target, deviceKey)];
  const [first] = devices;
  if (first === undefined) throw new Error("there is a device");
  const { runId } = await target.call<{ runId: string }>("POST", "/api/runs", { agent: AGENT, input: "go", deviceKey });
  const { callId } = await first.next("tool.call.request");
  const sent = frameList.map((frame) => (typeof frame === "string" ? frame.replaceAll(CALL, callId) : frame));
  for (const frame of sent) first.socket.send(frame);
  const atLast = { type: "tool.result", callId, result: "at last" };
  first.send(atLast);
  let run = await target.call<Run>("GET", `/api/runs/${runId}`);
  const hasEnded = async (): Promise<boolean> => {
    run = await target.call<Run>("GET", `/api/runs/${runId}`);
    if (run.completedAt !== null) return true;
    if (first.closedWith === null || devices.length > 1) return false;
    const second = await connect(target, deviceKey);
    devices.push(second);
    second.send(atLast);
    return false;
  };
  await until(`the run ${runId} has ended`, hasEnded, RUN_MAX_MS);
  const internal = devices
    .flatMap(({ heard }) => heard)
    .find((message) => message.type === "error" && message.code === "internal");
  const closed = first.closedWith === null ? "" : ` after ${first.closedWith.code}`;
  for (const { socket } of devices) socket.terminate();
  const { data } = await target.call<{ data: ToolCall[] }>("GET", `/api/runs/${runId}/tool-calls`);
  const call = data[0];
  const recorded = call?.status === "completed" ? call.result : undefined;
  const isSent = [...resultsIn(sent, callId), "at last"].some((one) => isDeepStrictEqual(one, recorded));
  const isRight = run.status === "completed" && (call?.status === "failed" || isSent);
  const wrong = isRight ? null : `the call has ${JSON.stringify(recorded ?? run.error)}`;
  return {
    status: `run ${run.status}, call ${call?.status}${closed}`,
    fault: internal === undefined ? (target.ended() ?? wrong) : `it said: ${JSON.stringify(internal)}`,
  };
}

export const DEVICE_RESULT_DOOR: Door = door<readonly Frame[]>({
  name: "results of devices that have a call",
  share: 2,
  atOnce: AT_ONCE,
  async open(target) {
    await target.push(callingAgent(AGENT, [{ tool: "read" }], [{ device: { select: "origin" } }]) as { name: string });
    const free = Array.from({ length: AT_ONCE }, (_, index) => `answers-${index}`);
    return {
      inputs: fc.array(frames(), { minLength: 1, maxLength: 6, size: "max" }),
      async play(list) {
        const deviceKey = free.pop();
        if (deviceKey === undefined) return { ...fine("none"), fault: "more inputs at once than devices" };
        try {
          return await answer(target, deviceKey, list);
        } catch (error) {
          return { status: "thrown", fault: target.ended() ?? String(error) };
        } finally {
          free.push(deviceKey);
        }
      },
    };
  },
});
