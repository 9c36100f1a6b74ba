import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import { type ValidationFault, schemaFaults } from "../../access/schema-faults.ts";
import { jsonFault, textFault } from "../../access/json-faults.ts";
import { notFound, type Refusal, refuse } from "../../access/refusal.ts";
import { admitRequest } from "./credentials.ts";
import type { EdgeDeps } from "./deps.ts";
import { sendProblem } from "./problem.ts";
import { readBody } from "./read-body.ts";
import type { Answer, Route } from "./route.ts";

/** Serves one route of the table: who asks, then what is asked, then its handler. */
export function serveRoute(app: FastifyInstance, deps: EdgeDeps, route: Route): void {
  if (route.access === "elsewhere") return;
  app.route({
    method: route.method === "GET" ? ["GET", "HEAD"] : route.method,
    url: route.path,
    handler: async (request, reply) => send(reply, await answer(deps, route, request)),
  });
}

async function answer(
  deps: EdgeDeps,
  route: Exclude<Route, { access: "elsewhere" }>,
  request: FastifyRequest,
): Promise<Answer> {
  if (route.access === "open") return route.handle(deps, request);
  // Before the body is read: a stranger's bytes are not worth any memory.
  const admission = await admitRequest(deps, request, { scopes: route.scopes, unbound: route.unbound });
  if (admission.kind === "refused") return admission;
  const params = request.params as Readonly<Record<string, string>>;
  // A name that cannot be kept names nothing, like a malformed id.
  if (Object.values(params).some((text) => textFault(text) !== null)) return notFound("thing");
  const query = route.query === null ? { kind: "valid" as const, value: {} } : readQuery(route.query, request.query);
  if (query.kind === "refused") return query;
  const body =
    route.body === null ? { kind: "valid" as const, value: undefined } : await parseBody(route.body, request);
  if (body.kind === "refused") return body;
  const { principal } = admission;
  return route.handle({ deps, principal, request, params, query: query.value, body: body.value });
}

type Parsed = { readonly kind: "valid"; readonly value: unknown } | Refusal;

function readQuery(schema: z.ZodObject, query: unknown): Parsed {
  const unfit = jsonFault(query, 2);
  // Strict, so that a misspelt filter is told and does not silently list everything.
  const parsed = unfit === null ? schema.strict().safeParse({ ...(query as object) }) : null;
  if (parsed?.success === true) return { kind: "valid", value: parsed.data };
  const faults: readonly ValidationFault[] =
    parsed === null ? (unfit === null ? [] : [unfit]) : schemaFaults(parsed.error);
  const isPosition =
    faults.length > 0 && faults.every(({ path }) => path === "after" || (path === "cursor" && "after" in schema.shape));
  return isPosition
    ? refuse("invalid_position", "A position is '<seq>-<sub>', as events carry it in 'id'.", faults)
    : refuse("invalid_request", "The query is not valid; see 'errors'.", faults);
}

async function parseBody(schema: z.ZodType, request: FastifyRequest): Promise<Parsed> {
  const body = await readBody(request);
  if (body.kind === "refused") return body;
  // A call whose every field may be left out may be made without a body.
  const parsed = schema.safeParse(body.kind === "json" ? body.value : {});
  if (parsed.success) return { kind: "valid", value: parsed.data };
  return refuse("invalid_request", "The body is not valid; see 'errors'.", schemaFaults(parsed.error));
}

function send(reply: FastifyReply, answered: Answer): FastifyReply {
  if (answered.kind === "refused") return sendProblem(reply, answered);
  void reply.code(answered.status).headers({ ...answered.headers });
  switch (answered.kind) {
    case "json":
      return reply.type("application/json; charset=utf-8").send(JSON.stringify(answered.body));
    case "text":
      return reply.type(answered.mediaType).send(answered.text);
    case "empty":
      return reply.send();
    default:
      return answered satisfies never;
  }
}
