import type { FastifyReply } from "fastify";
import { type EventStreamParams, openEventStream } from "../stream/event-stream.ts";

/** Sends what `watch` writes, until the run has ended. The response has the headers of the reply, and `headers`. */
export function sendEvents(
  reply: FastifyReply,
  {
    headers = {},
    clock,
    credential,
    watch,
  }: Pick<EventStreamParams, "clock" | "credential" | "watch"> & {
    readonly headers?: Readonly<Record<string, string>>;
  },
): FastifyReply {
  reply.hijack();
  beganAfterMs.set(reply, reply.elapsedTime);
  // A client that has gone follows nothing.
  if (reply.raw.destroyed) return reply;
  const all = { ...reply.getHeaders(), ...headers };
  openEventStream({ response: reply.raw, headers: all, clock, credential, watch });
  return reply;
}

const beganAfterMs = new WeakMap<FastifyReply, number>();

/** How long a request took, in milliseconds. A stream lasts for as long as its run, so it counts until it began. */
export function servedInMs(reply: FastifyReply): number {
  return beganAfterMs.get(reply) ?? reply.elapsedTime;
}
