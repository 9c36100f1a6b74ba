import { ERRORS, QUOTA_NAMES, type Scope } from "@hsafa/protocol";
import { z } from "zod";
import { scopesWith } from "../../access/scopes.ts";
import { COOKIE_NAME, takesCookie } from "./credentials.ts";
import type { DocumentedResponse, Route } from "./route.ts";

/** Makes the OpenAPI 3.1 document of the routes, from the schemas that their requests are checked with. */
export function openApi(routes: readonly Route[]): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = templateOf(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "hsafa",
      version: "1",
      description:
        "A distributed agent runtime: runs on the server, watched from anywhere, with tools on the devices where they belong.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "An API key, or a browser token made by POST /api/tokens",
        },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "hsafa_session_<port>",
          description: "The console's own: for pages of the gateway itself, by POST /api/session",
        },
        cookie: { type: "apiKey", in: "cookie", name: COOKIE_NAME, description: "For reading runs only" },
      },
      responses: {
        Problem: {
          description: "What was wrong, and what to do",
          content: { "application/problem+json": { schema: problemSchema } },
        },
      },
    },
  };
}

const problemSchema = {
  type: "object",
  required: ["type", "title", "status", "code", "detail", "requestId"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    code: { type: "string", enum: Object.keys(ERRORS) },
    detail: { type: "string" },
    requestId: { type: "string" },
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["path", "message"],
        properties: { path: { type: "string" }, message: { type: "string" } },
      },
    },
    runId: { type: "string" },
    quota: {
      type: "object",
      required: ["name", "used", "limit"],
      properties: {
        name: { type: "string", enum: QUOTA_NAMES },
        used: { type: "number" },
        limit: { type: "number" },
      },
    },
  },
} as const;

function operationOf(route: Route): Record<string, unknown> {
  return {
    operationId: operationIdOf(route),
    tags: [route.tag],
    summary: route.summary,
    ...(route.access === "open"
      ? { security: [] }
      : { security: securityOf(route), description: scopesText(route.scopes) }),
    parameters: [...pathParameters(route.path), ...queryParameters(route), ...headerParameters(route)],
    ...(route.rawBody === null ? {} : { requestBody: { required: true, content: { [route.rawBody]: {} } } }),
    ...(route.body === null
      ? {}
      : {
          requestBody: {
            required: !route.body.safeParse({}).success,
            content: content(route.body, "application/json", "input"),
          },
        }),
    responses: { ...responsesOf(route.responses), default: { $ref: "#/components/responses/Problem" } },
  };
}

function securityOf(route: Exclude<Route, { access: "open" }>): Record<string, string[]>[] {
  const always: Record<string, string[]>[] = [{ bearer: [] }, { session: [] }];
  return takesCookie(route.method, route.scopes) ? [...always, { cookie: [] }] : always;
}

function scopesText(scopes: readonly Scope[]): string {
  if (scopes.length === 0) return "Any key or token may.";
  const code = (scope: Scope): string => `\`${scope}\``;
  const any = [...new Set([...scopes, ...scopes.flatMap((scope) => scopesWith(scope).forAll)])];
  const ofKeys = scopes.flatMap((scope) => scopesWith(scope).forKeys);
  const rest = ofKeys.length === 0 ? "" : `, or a key with ${ofKeys.map(code).join(" or ")}`;
  return `Needs the scope ${any.map(code).join(" or ")}${rest}.`;
}

function responsesOf(responses: Readonly<Record<number, DocumentedResponse>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(responses).map(([status, { description, schema, mediaType }]) => {
      if (schema === undefined && mediaType === undefined) return [status, { description }];
      // Bytes have no schema (OpenAPI 3.1).
      if (mediaType === "application/octet-stream") return [status, { description, content: { [mediaType]: {} } }];
      return [
        status,
        { description, content: content(schema ?? z.string(), mediaType ?? "application/json", "output") },
      ];
    }),
  );
}

function content(schema: z.ZodType, mediaType: string, io: "input" | "output"): Record<string, unknown> {
  return { [mediaType]: { schema: jsonSchemaOf(schema, io) } };
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters({ query }: Route): object[] {
  if (query === null) return [];
  const required = new Set(jsonSchemaOf(query, "input").required);
  return Object.entries(query.shape).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.has(name),
    schema: jsonSchemaOf(schema as z.ZodType, "input"),
  }));
}

function headerParameters({ headers }: Route): object[] {
  return headers.map((name) => ({ name, in: "header", required: false, schema: { type: "string" } }));
}

/** A check that zod does by code alone has no JSON Schema; it is documented as any value. */
function jsonSchemaOf(schema: z.ZodType, io: "input" | "output"): { readonly required?: readonly string[] } {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any", target: "draft-2020-12" });
  return rest;
}

function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)/g, "{$1}");
}

function operationIdOf({ method, path }: Route): string {
  const words = path
    .replaceAll(/^\/(api\/)?|:/g, "")
    .split(/[/.-]/)
    .filter((word) => word !== "");
  return [method.toLowerCase(), ...words]
    .map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join("");
}
