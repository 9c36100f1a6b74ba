import {
  createThreadBodySchema,
  listQuerySchema,
  pageSchema,
  threadSchema,
  threadMessageSchema,
} from "@hsafa/protocol/schema";
import { createThread } from "../../../control/create-thread.ts";
import { findThread } from "../../../control/find-thread.ts";
import { listThreadMessages } from "../../../control/list-thread-messages.ts";
import { json, type Route, scoped } from "../route.ts";

const tag = "Threads";

/** Threads and their messages. */
export const threadRoutes: readonly Route[] = [
  scoped({
    method: "POST",
    path: "/api/threads",
    tag,
    summary: "Make a thread, or find the one that the key names",
    scopes: ["runs:write"],
    body: createThreadBodySchema,
    responses: {
      201: { description: "A new thread", schema: threadSchema },
      200: { description: "The thread of this key", schema: threadSchema },
    },
    async handle({ deps, principal, body: { key, metadata } }) {
      const outcome = await createThread(deps, principal, { key, metadata });
      return outcome.kind === "refused" ? outcome : json(outcome.created ? 201 : 200, outcome.thread);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/threads/:id",
    tag,
    summary: "One thread, by its id or its key",
    scopes: ["runs:read"],
    responses: { 200: { description: "The thread", schema: threadSchema } },
    async handle({ deps, principal, params: { id = "" } }) {
      const outcome = await findThread(deps, principal, id);
      return outcome.kind === "refused" ? outcome : json(200, outcome.thread);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/threads/:id/messages",
    tag,
    summary: "What was said in a thread, oldest first",
    scopes: ["runs:read"],
    query: listQuerySchema,
    responses: { 200: { description: "A page of messages", schema: pageSchema(threadMessageSchema) } },
    async handle({ deps, principal, params: { id = "" }, query: { limit, cursor } }) {
      const outcome = await listThreadMessages(deps, principal, { idOrKey: id, limit, cursor });
      return outcome.kind === "refused" ? outcome : json(200, outcome.page);
    },
  }),
];
