import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import { textFault } from "../../access/text-fault.ts";
import { notFound, type Refusal, refuse } from "../../access/refusal.ts";
import { schemaFaults } from "../../access/schema-faults.ts";
import { chargeBytes } from "../../runtime/charge-bytes.ts";
import { awaitTurn } from "./await-turn.ts";
import { admitRequest } from "./credentials.ts";
import { sendConstant } from "./send-constant.ts";
import type { EdgeDeps } from "./deps.ts";
import { idempotencyKeyOf } from "./idempotency-key.ts";
import { ListCursor } from "./list-cursor.ts";
import { sendProblem } from "./problem.ts";
import { sendEvents } from "./send-events.ts";
import type { ReadBody } from "./read-body.ts";
import { type OpenRoute, pathOf, type Route, type RouteResponse, type ScopedRoute } from "./route.ts";
import type { SlowBodies } from "./slow-bodies.ts";
import { takeBody } from "./take-body.ts";

/** What routes are served with. */
export interface ServingDeps extends EdgeDeps {
  readonly slowBodies: Pick<SlowBodies, "allow">;
}

/** Serves one route of the table. */
export function serveRoute(app: FastifyInstance, deps: ServingDeps, route: Route): void {
  if (route.access === "elsewhere") return;
  app.route({
    method: route.method === "GET" ? ["GET", "HEAD"] : route.method,
    url: route.path,
    handler: async (request, reply) => send(deps, reply, await respond(deps, route, request, reply)),
  });
}

/** Checks the credential, then the request, then calls the handler. */
async function respond(
  deps: ServingDeps,
  route: ScopedRoute | OpenRoute,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<RouteResponse> {
  if (route.access === "open") {
    const tooMany = route.isUncounted ? null : deps.limits.countStranger(request.raw, null);
    return tooMany === null ? route.handle(deps, request) : deps.limits.slow(tooMany);
  }
  // Before the body is read: a stranger's bytes are not worth any memory.
  const admission = await admitRequest(deps, request, { scopes: route.scopes, unbound: route.unbound });
  if (admission.kind === "refused") return admission;
  const params = request.params as Readonly<Record<string, string>>;
  // A name that cannot be kept names nothing, like a malformed id.
  if (Object.values(params).some((text) => textFault(text) !== null)) return notFound("thing");
  const { principal } = admission;
  const { tenantId } = principal;
  deps.turns.seen(tenantId);
  // What is read may be large. What is said to a run is not held up: it may be a cancel.
  const tooMany = route.method === "GET" && deps.turns.owes(tenantId) ? await awaitTurn(deps, tenantId) : null;
  if (tooMany !== null) return tooMany;
  const cursors = new ListCursor(deps.tokenSecrets[0].secret, tenantId, pathOf(route.path, params));
  const query = route.query === null ? NOTHING : readQuery(route.query, request.query, cursors);
  if (query.kind === "refused") return query;
  if (route.rawBody !== null) deps.slowBodies.allow(request.raw);
  const body = route.body === null ? NOTHING : checkBody(route.body, await takeBody(deps, tenantId, request));
  if (body.kind === "refused") return body;
  const idempotency = route.headers.includes("Idempotency-Key") ? idempotencyKeyOf(request) : NO_KEY;
  if (idempotency.kind === "refused") return idempotency;
  const response = await route.handle({
    deps,
    principal,
    request,
    params,
    query: query.value,
    body: body.value,
    idempotencyKey: idempotency.key,
  });
  const answer = response.kind === "json" ? writtenOut(deps, tenantId, withSealedCursor(response, cursors)) : response;
  if (answer.kind === "text" || answer.kind === "stream") {
    const bytes = answer.kind === "text" ? Buffer.byteLength(answer.text) : answer.bytesInHand;
    deps.limits.answers.add({ response: reply.raw, owner: tenantId, bytes });
  }
  return answer;
}

type JsonResponse = Extract<RouteResponse, { kind: "json" }>;
type TextResponse = Extract<RouteResponse, { kind: "text" }>;

/** Writes the body as text, and charges a large one to its tenant. */
function writtenOut({ turns }: EdgeDeps, tenantId: string, response: JsonResponse): TextResponse {
  const { status, body, headers = {} } = response;
  const text = JSON.stringify(body);
  chargeBytes(turns, tenantId, text.length);
  return { kind: "text", status, headers, mediaType: JSON_TYPE, text };
}

const JSON_TYPE = "application/json; charset=utf-8";

/** The cursor of the next page is sealed here, for every list alike. */
function withSealedCursor(response: JsonResponse, cursors: ListCursor): JsonResponse {
  if (!("nextCursor" in response.body)) return response;
  const { nextCursor } = response.body;
  if (typeof nextCursor !== "string") return response;
  return { ...response, body: { ...response.body, nextCursor: cursors.seal(nextCursor) } };
}

type Parsed = { readonly kind: "valid"; readonly value: unknown } | Refusal;

const NOTHING = { kind: "valid", value: undefined } as const;
const NO_KEY = { kind: "key", key: undefined } as const;

/** The cursor of a run's events is a position, which anyone may write. All others are opened. */
function readQuery(schema: z.ZodObject, query: unknown, cursors: ListCursor): Parsed {
  // Strict, so that a misspelt filter is refused and does not silently list everything.
  const parsed = schema.strict().safeParse({ ...(query as object) });
  if (!parsed.success) return refuseQuery(schema, schemaFaults(parsed.error));
  const { cursor } = parsed.data;
  if (typeof cursor !== "string" || "after" in schema.shape) return { kind: "valid", value: parsed.data };
  const opened = cursors.open(cursor);
  if (opened === null) return refuseQuery(schema, [NEVER_GIVEN]);
  return { kind: "valid", value: { ...parsed.data, cursor: opened } };
}

const NEVER_GIVEN = {
  path: "cursor",
  message: "was never given by this list; take 'nextCursor' of a page, or leave it out for the first page",
};

function refuseQuery(schema: z.ZodObject, faults: NonNullable<Refusal["faults"]>): Refusal {
  const isPosition = faults.every(
    ({ path }) => path === "after" || path === "before" || (path === "cursor" && "after" in schema.shape),
  );
  return isPosition
    ? refuse("invalid_position", "A position is '<seq>-<sub>', as events carry it in 'id'.", faults)
    : refuse("invalid_request", "The query is not valid; see 'errors'.", faults);
}

function checkBody(schema: z.ZodType, body: ReadBody): Parsed {
  if (body.kind === "refused") return body;
  // A call whose every field may be left out may be made without a body.
  const parsed = schema.safeParse(body.kind === "json" ? body.value : {});
  if (parsed.success) return { kind: "valid", value: parsed.data };
  return refuse("invalid_request", "The body is not valid; see 'errors'.", schemaFaults(parsed.error));
}

function send({ clock }: EdgeDeps, reply: FastifyReply, response: RouteResponse): FastifyReply {
  if (response.kind === "refused") return sendProblem(reply, response);
  if (response.kind === "constant") return sendConstant(reply, response.page);
  if (response.kind === "events") return sendEvents(reply, { clock, ...response });
  void reply.code(response.status).headers({ ...response.headers });
  switch (response.kind) {
    case "json":
      return reply.type(JSON_TYPE).send(JSON.stringify(response.body));
    case "text":
      return reply.type(response.mediaType).send(response.text);
    case "stream":
      return reply.send(response.stream);
    case "empty":
      return reply.send();
    default:
      return response satisfies never;
  }
}
