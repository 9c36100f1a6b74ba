import type { JsonValue, Page, Run, RunEvent, StartedRun, ToolCall } from "@hsafa/protocol";
import { PAGE_LIMIT } from "./limits.ts";

/** What the runner asks of the gateway that it is pointed at. The credential needs all scopes of a tenant. */
export interface LiveGateway {
  readonly url: string;
  readonly credential: string;
  pushAgent(config: Readonly<Record<string, JsonValue>>): Promise<void>;
  startRun(body: Readonly<Record<string, JsonValue>>): Promise<string>;
  cancelRun(runId: string): Promise<void>;
  findRun(runId: string): Promise<Run>;
  /** In the order in which the model asked for them. */
  readCalls(runId: string): Promise<readonly ToolCall[]>;
  readEvents(runId: string): Promise<readonly RunEvent[]>;
}

export function liveGateway(url: string, credential: string): LiveGateway {
  async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${credential}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  }

  async function pages<T>(path: string): Promise<readonly T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const more: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page: Page<T> = await ask("GET", `${path}?limit=${PAGE_LIMIT}${more}`);
      items.push(...page.data);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return items;
  }

  return {
    url,
    credential,
    pushAgent: async (config) => void (await ask("POST", "/api/agents", { name: config.name, config })),
    startRun: async (body) => (await ask<StartedRun>("POST", "/api/runs", body)).runId,
    cancelRun: async (runId) => void (await ask("POST", `/api/runs/${runId}/cancel`, {})),
    findRun: (runId) => ask("GET", `/api/runs/${runId}`),
    async readCalls(runId) {
      const events = await pages<RunEvent>(`/api/runs/${runId}/events`);
      const order = events.flatMap((event) => (event.type === "tool.requested" ? [event.data.callId] : []));
      const calls = await pages<ToolCall>(`/api/runs/${runId}/tool-calls`);
      return calls.toSorted((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
    },
    readEvents: (runId) => pages(`/api/runs/${runId}/events`),
  };
}
