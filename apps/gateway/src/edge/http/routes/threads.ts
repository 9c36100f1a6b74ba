import {
  threadTitleBodySchema,
  createThreadBodySchema,
  findThreadQuerySchema,
  listThreadMessagesQuerySchema,
  listThreadsQuerySchema,
  pageSchema,
  threadSchema,
  threadMessageSchema,
} from "@hsafa/protocol/schema";
import { createThread } from "../../../control/create-thread.ts";
import { deleteThread } from "../../../control/delete-thread.ts";
import { renameThread } from "../../../control/rename-thread.ts";
import { findThread } from "../../../access/find-thread.ts";
import { listThreads } from "../../../control/list-threads.ts";
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
    scopes: ["runs:start"],
    body: createThreadBodySchema,
    responses: {
      201: { description: "A new thread", schema: threadSchema },
      200: { description: "The thread of this key", schema: threadSchema },
    },
    async handle({ deps, principal, body }) {
      const outcome = await createThread(deps, principal, body);
      return outcome.kind === "refused" ? outcome : json(outcome.created ? 201 : 200, outcome.thread);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/threads",
    tag,
    summary: "List threads, newest first",
    scopes: ["runs:read"],
    query: listThreadsQuerySchema,
    responses: { 200: { description: "A page of threads", schema: pageSchema(threadSchema) } },
    async handle({ deps, principal, query: { limit, cursor, subject } }) {
      const outcome = await listThreads(deps, principal, { limit, cursor, subject });
      return outcome.kind === "refused" ? outcome : json(200, outcome.page);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/threads/:id",
    tag,
    summary: "One thread, by its id or its key",
    scopes: ["runs:read"],
    query: findThreadQuerySchema,
    responses: { 200: { description: "The thread", schema: threadSchema } },
    async handle({ deps, principal, params: { id = "" }, query: { subject } }) {
      const outcome = await findThread(deps, principal, { idOrKey: id, subject });
      return outcome.kind === "refused" ? outcome : json(200, outcome.thread);
    },
  }),
  scoped({
    method: "PUT",
    path: "/api/threads/:id/title",
    tag,
    summary: "Give a thread a title, or take it away",
    scopes: ["runs:start"],
    query: findThreadQuerySchema,
    body: threadTitleBodySchema,
    responses: { 200: { description: "The thread", schema: threadSchema } },
    async handle({ deps, principal, params: { id = "" }, query: { subject }, body: { title } }) {
      const outcome = await renameThread(deps, principal, { idOrKey: id, subject, title });
      return outcome.kind === "refused" ? outcome : json(200, outcome.thread);
    },
  }),
  scoped({
    method: "DELETE",
    path: "/api/threads/:id",
    tag,
    summary: "Delete a thread; its runs that have not ended are canceled",
    scopes: ["runs:write"],
    query: findThreadQuerySchema,
    responses: { 204: { description: "The thread is gone" } },
    async handle({ deps, principal, params: { id = "" }, query: { subject } }) {
      const outcome = await deleteThread(deps, principal, { idOrKey: id, subject });
      return outcome.kind === "refused" ? outcome : { kind: "empty", status: 204 };
    },
  }),
  scoped({
    method: "GET",
    path: "/api/threads/:id/messages",
    tag,
    summary: "What was said in a thread, oldest first",
    scopes: ["runs:read"],
    query: listThreadMessagesQuerySchema,
    responses: { 200: { description: "A page of messages", schema: pageSchema(threadMessageSchema) } },
    async handle({ deps, principal, params: { id = "" }, query: { inheritedRuns, ...query } }) {
      const { limit, cursor, subject } = query;
      const asked = { idOrKey: id, subject, inheritedRuns, limit, cursor };
      const outcome = await listThreadMessages(deps, principal, asked);
      return outcome.kind === "refused" ? outcome : json(200, outcome.page);
    },
  }),
];
