import { SCOPES } from "@hsafa/protocol";
import type { TestGateway } from "../../support/test-gateway.ts";
import type { Things } from "./access-world.ts";
import type { RouteRow } from "./route-rows.ts";

/** A call of the API, as `/openapi.json` documents it. */
export interface RouteOfApi {
  readonly method: string;
  /** With `{name}` for what varies. */
  readonly path: string;
  readonly isOpen: boolean;
  /** Each of these is enough for a key. */
  readonly scopes: readonly string[];
  /** The fields of its body and the parameters of its query that name something. */
  readonly naming: readonly string[];
  readonly query: readonly string[];
}

/** An answer, without what differs between any two requests: their ids, and the names that they asked for. */
export interface Asked {
  readonly status: number;
  readonly code: string | null;
  readonly text: string;
}

interface OpenApiOperation {
  readonly security?: readonly unknown[];
  readonly description?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: {
    readonly content: Readonly<
      Record<string, { readonly schema: { readonly properties?: Readonly<Record<string, unknown>> } }>
    >;
  };
}

/** Names of fields that say which thing is meant. */
const NAMING = /(Id|Key)$|^(agent|agents|device|key|parent|subject|tenant)$/;

/** Reads the calls of the API, by `METHOD /path`. */
export async function readRoutes(gateway: TestGateway): Promise<ReadonlyMap<string, RouteOfApi>> {
  const { body } = await gateway.call<{ paths: Record<string, Record<string, OpenApiOperation>> }>(
    "GET",
    "/openapi.json",
  );
  const routes = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([lower, operation]): RouteOfApi => {
      const query = (operation.parameters ?? []).filter((one) => one.in === "query").map(({ name }) => name);
      const properties = operation.requestBody?.content["application/json"]?.schema.properties ?? {};
      const named = [...(operation.description ?? "").matchAll(/`([a-z:]+)`/g)].map(([, scope = ""]) => scope);
      return {
        method: lower.toUpperCase(),
        path,
        isOpen: operation.security?.length === 0,
        scopes: named.filter((scope) => (SCOPES as readonly string[]).includes(scope)),
        naming: [...Object.keys(properties), ...query].filter((name) => NAMING.test(name)),
        query,
      };
    }),
  );
  return new Map(routes.map((route) => [`${route.method} ${route.path}`, route]));
}

/** Asks one route about these things. `changed` replaces one field of the body, or is one more parameter. */
export async function askRoute(
  { url }: TestGateway,
  params: {
    readonly route: RouteOfApi;
    readonly row: RouteRow;
    readonly authorization: string | null;
    readonly things: Things;
    readonly changed: { readonly field: string; readonly value: unknown } | undefined;
  },
): Promise<Asked> {
  const { route, row, authorization, things, changed } = params;
  const inQuery = changed !== undefined && route.query.includes(changed.field);
  const query = inQuery ? `?${new URLSearchParams({ [changed.field]: String(changed.value) }).toString()}` : "";
  const more = changed === undefined || inQuery ? {} : { [changed.field]: changed.value };
  const body = row.body === undefined ? undefined : JSON.stringify({ ...row.body(things), ...more });
  const leaving = new AbortController();
  const response = await fetch(`${url}${pathOf(route.path, things)}${query}`, {
    method: route.method,
    signal: leaving.signal,
    headers: {
      ...(authorization === null ? {} : { authorization }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body }),
  });
  // A stream that is open says enough by its status.
  if (response.headers.get("content-type")?.startsWith("text/event-stream") === true) {
    leaving.abort();
    return { status: response.status, code: null, text: "" };
  }
  const { value } = changed ?? {};
  const named: readonly string[] = [
    ...Object.values<string>({ ...things }),
    ...(typeof value === "string" ? [value] : []),
  ];
  const received = (await response.text()).replace(/"requestId":"[^"]*"/, "");
  const text = named.reduce<string>((rest, name) => rest.replaceAll(name, "…"), received);
  const code = /"code":"(\w+)"/.exec(text)?.[1] ?? null;
  return { status: response.status, code: response.status < 400 ? null : code, text };
}

function pathOf(template: string, things: Things): string {
  const values: Readonly<Record<string, string>> = {
    idOrName: things.agent,
    versionId: things.version,
    name: things.secret,
    id: idIn(template, things),
  };
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`it is not known what {${name}} names in ${template}`);
    return value;
  });
}

function idIn(template: string, { run, thread, device, file, key }: Things): string {
  const [, , noun = ""] = template.split("/");
  const ids: Readonly<Record<string, string>> = { runs: run, threads: thread, devices: device, files: file, keys: key };
  return ids[noun] ?? "";
}
