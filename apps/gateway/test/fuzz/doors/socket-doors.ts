import type { JsonValue } from "@hsafa/protocol";
import { deviceMessageSchema, watchMessageSchema } from "@hsafa/protocol/schema";
import fc from "fast-check";
import { WebSocket } from "ws";
import { z } from "zod";
import { type Door, door, type Outcome } from "../door.ts";
import type { FuzzTarget } from "../fuzz-target.ts";
import { mutated, mutatedText, oddTexts } from "../odd-values.ts";
import { schemaValues, type ValueSchema } from "../schema-values.ts";

const CLOSED_MAX_MS = 30_000;
/** What a gateway says when something failed in it. */
const INTERNAL = "internal";

type Frame = string | Uint8Array;

/** Frames of a socket: by its schema, changed, broken, and bytes. */
function frames(schema: z.ZodType, target: FuzzTarget): fc.Arbitrary<Frame> {
  const asJson = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as ValueSchema;
  const valid = schemaValues(asJson, [...target.known, target.key]);
  const text = (values: fc.Arbitrary<JsonValue>): fc.Arbitrary<string> => values.map((value) => JSON.stringify(value));
  return fc.oneof<fc.WeightedArbitrary<Frame>[]>(
    { weight: 5, arbitrary: text(valid) },
    { weight: 6, arbitrary: text(mutated(valid)) },
    { weight: 3, arbitrary: mutatedText(text(valid)) },
    { weight: 1, arbitrary: oddTexts },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }) },
  );
}

/** One connection: it says `first`, then the frames, and then asks for a pong or is closed before. */
function playFrames(target: FuzzTarget, path: string, sent: readonly Frame[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = new WebSocket(target.url.replace("http", "ws") + path);
    let fault: string | null = null;
    const done = (status: string): void => {
      clearTimeout(timer);
      resolve({ status, fault: fault ?? target.ended() });
      socket.terminate();
    };
    const timer = setTimeout(() => {
      fault ??= `neither a pong nor an end within ${CLOSED_MAX_MS} ms`;
      done("no answer");
    }, CLOSED_MAX_MS);
    socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { readonly type: string; readonly code?: string };
      if (message.type === "error" && message.code === INTERNAL) fault ??= `it said: ${data.toString()}`;
      if (message.type === "pong") done("pong");
    });
    socket.on("close", (code) => done(`closed ${code}`));
    socket.on("error", () => {});
    socket.on("open", () => {
      for (const frame of sent) socket.send(frame);
      socket.send('{"type":"ping"}');
    });
  });
}

/** A door of one socket. An input is one frame, before which the connection is opened as a client opens it. */
function socketDoor(params: {
  readonly name: string;
  readonly share: number;
  readonly path: string;
  readonly schema: z.ZodType;
  readonly first: (target: FuzzTarget, number: number) => object;
}): Door {
  return door<{ readonly number: number; readonly isOpened: boolean; readonly frame: Frame }>({
    ...params,
    atOnce: 12,
    open: (target) =>
      Promise.resolve({
        inputs: fc.record({
          number: fc.nat({ max: 40 }),
          isOpened: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.constant(false)),
          frame: frames(params.schema, target),
        }),
        play: ({ number, isOpened, frame }) => {
          const first = isOpened ? [JSON.stringify(params.first(target, number))] : [];
          return playFrames(target, params.path, [...first, frame]);
        },
      }),
  });
}

export const WATCH_DOOR = socketDoor({
  name: "frames of watchers",
  share: 8,
  path: "/api/watch",
  schema: watchMessageSchema,
  first: ({ key }) => ({ type: "auth", token: key }),
});

export const DEVICE_DOOR = socketDoor({
  name: "frames of devices",
  share: 10,
  path: "/devices/connect",
  schema: deviceMessageSchema,
  first: ({ key }, number) => ({
    type: "device.register",
    token: key,
    deviceKey: `fuzz-device-${number}`,
    bootId: "boot",
    tools: [{ name: "read", description: "", inputSchema: { type: "object" } }],
  }),
});
