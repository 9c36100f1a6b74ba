import { createHash } from "node:crypto";
import { z } from "zod";
import { refuse } from "../../../access/refusal.ts";
import { isMetricsReader, METRICS_TYPE } from "../metrics-reader.ts";
import { docsPage, homePage, PAGE_STYLE } from "../pages.ts";
import { consoleFiles } from "../console.ts";
import { constantPage } from "../constant-page.ts";
import { openApi } from "../openapi.ts";
import { json, open, type Route } from "../route.ts";
import { apiRoutes } from "../api-routes.ts";

const tag = "Health";
const status = z.object({ status: z.string() });
const JSON_TYPE = "application/json; charset=utf-8";
const HTML_TYPE = "text/html; charset=utf-8";
/** A page has its one style, and nothing else: no script, no form, no address to load from. */
const styleHash = createHash("sha256").update(PAGE_STYLE).digest("base64");
const pageHeaders = {
  "content-security-policy": `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
};

/** Health, metrics and documentation. Anyone may read them. */
export const healthRoutes: readonly Route[] = [
  open({
    method: "GET",
    path: "/health",
    isUncounted: true,
    tag,
    summary: "Whether the process serves",
    responses: { 200: { description: "It does", schema: status } },
    handle: () => Promise.resolve({ kind: "constant", page: health() }),
  }),
  open({
    method: "GET",
    path: "/ready",
    isUncounted: true,
    tag,
    summary: "Whether what the gateway rests on answers",
    responses: { 200: { description: "It does", schema: status } },
    async handle(deps) {
      const missing = await deps.readiness();
      return missing === null ? json(200, { status: "ready" }) : refuse("unavailable", missing);
    },
  }),
  open({
    method: "GET",
    path: "/metrics",
    tag,
    summary: "Metrics for Prometheus",
    responses: { 200: { description: "The metrics", mediaType: "text/plain" } },
    async handle(deps, request) {
      if (deps.metricsText === null) {
        return refuse("not_found", "The metrics are on a port of their own; see HSAFA_METRICS_PORT.");
      }
      if (!isMetricsReader(request.headers.authorization, deps.metricsKey)) {
        return refuse("unauthenticated", "Send 'Authorization: Bearer <HSAFA_METRICS_KEY>'.");
      }
      return { kind: "text", status: 200, mediaType: METRICS_TYPE, text: await deps.metricsText() };
    },
  }),
  open({
    method: "GET",
    path: "/openapi.json",
    tag,
    summary: "This API as OpenAPI 3.1",
    responses: { 200: { description: "The document" } },
    handle: () => Promise.resolve({ kind: "constant", page: openApiDocument() }),
  }),
  open({
    method: "GET",
    path: "/docs",
    tag,
    summary: "This API for reading",
    responses: { 200: { description: "A page", mediaType: "text/html" } },
    handle: () => Promise.resolve({ kind: "constant", page: docs() }),
  }),
  open({
    method: "GET",
    path: "/",
    tag,
    summary: "The console",
    responses: { 200: { description: "A page", mediaType: "text/html" } },
    handle: () => Promise.resolve({ kind: "constant", page: consoleFiles()?.page ?? home() }),
  }),
];

const health = constantPage({ mediaType: JSON_TYPE, text: () => JSON.stringify({ status: "ok" }) });
const openApiDocument = constantPage({
  mediaType: JSON_TYPE,
  text: () => JSON.stringify(openApi([...apiRoutes, ...healthRoutes])),
});
const docs = constantPage({
  mediaType: HTML_TYPE,
  text: () => docsPage([...apiRoutes, ...healthRoutes]),
  headers: pageHeaders,
});
/**
 * Makes the pages that anyone may ask for, before anyone does. The description of the API takes tens of ms of the event
 * loop. A first request would take them from all others.
 */
export function makeConstantPages(): void {
  for (const page of [health, openApiDocument, docs, home]) page();
}

const home = constantPage({ mediaType: HTML_TYPE, text: homePage, headers: pageHeaders });
