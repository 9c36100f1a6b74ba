/** What a gateway tells its operator about tenants: by its metrics nothing, and by its log one tenant a line. */
import type { PushedAgent, StartedRun, TenantWithKey } from "@hsafa/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSettings } from "../../src/config.ts";
import { openLog } from "../../src/open-log.ts";
import { openPorts } from "../../src/open-ports.ts";
import { serveGateway } from "../../src/serve-gateway.ts";
import { openRawHttp } from "../support/raw-http.ts";
import { until } from "../support/until.ts";

const OPERATOR = "operator-key-0123456789abcdefghijk";
const LABELS = new Set(["method", "route", "status", "le", "reason"]);

interface Line {
  readonly msg: string;
  readonly tenantId?: string;
}

/** What is one tenant's alone. */
interface Own {
  readonly tenantId: string;
  readonly key: string;
  readonly runId: string;
  readonly words: readonly string[];
}

let url = "";
let log = "";
let end: () => Promise<void>;
let tenants: readonly Own[];

async function call<Body>(method: string, path: string, credential: string, body?: unknown): Promise<Body> {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${credential}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await response.json().catch(() => null)) as Body;
}

/** A tenant with a run that ended, and with requests that went well and badly. */
async function live(name: string): Promise<Own> {
  const { id: tenantId, key } = await call<TenantWithKey>("POST", "/api/tenants", OPERATOR, { name });
  const agent = `agent-of-${name}`;
  const config = { name: agent, model: "demo/echo" };
  const { agentId } = await call<PushedAgent>("POST", "/api/agents", key.key, { name: agent, config });
  const { runId } = await call<StartedRun>("POST", "/api/runs", key.key, {
    agent,
    input: "go",
    threadId: `chat-${name}`,
  });
  await until("the run has ended", async () => {
    const { status } = await call<{ status: string }>("GET", `/api/runs/${runId}`, key.key);
    return status === "completed";
  });
  const words = [name, agent, agentId, `chat-${name}`, `path-of-${name}`, key.key, tenantId, runId];
  await call("GET", `/api/path-of-${name}`, key.key);
  await call("GET", `/api/agents/${agent}?path-of-${name}`, key.key);
  await call("GET", `/api/runs/path-of-${name}`, key.key);
  return { tenantId, key: key.key, runId, words };
}

beforeAll(async () => {
  const settings = readSettings({ PORT: "0", HSAFA_ADMIN_KEY: OPERATOR });
  const opened = await openPorts(settings, { isEphemeral: true, logLevel: "error" });
  const logger = openLog("debug", { secrets: [], to: { write: (line: string) => void (log += line) } });
  const gateway = await serveGateway(settings, { ...opened, logger, ports: { ...opened.ports, log: logger } });
  ({ url } = gateway);
  end = () => gateway.close();
  tenants = [await live("acme"), await live("globex")];
});
afterAll(() => end());

const metrics = async (): Promise<string> => (await fetch(`${url}/metrics`)).text();

/** The series of hsafa's own metrics, without their values. */
function seriesOf(text: string): string[] {
  return text.split("\n").flatMap((line) => /^(hsafa_\S+(?:\{.*\})?) \S+$/.exec(line)?.[1] ?? []);
}

test("no label of a metric names anything of a tenant, or anything that a client chose", async () => {
  const series = seriesOf(await metrics());
  expect(series.length).toBeGreaterThan(50);
  for (const name of series.flatMap((one) => [...one.matchAll(/(\w+)="/g)].map(([, label = ""]) => label)))
    expect(LABELS).toContain(name);
  const words = tenants.flatMap((tenant) => tenant.words);
  expect(words.filter((word) => series.some((one) => one.includes(word)))).toEqual([]);
});

test("paths, methods and hosts that a client makes up add no series", async () => {
  const ask = async (n: number): Promise<void> => {
    const raw = await openRawHttp(url);
    for (const method of ["GET", "PROPFIND", "MKCOL", "SEARCH", "PURGE"]) {
      raw.socket.write(`${method} /made-up-${n} HTTP/1.1\r\nhost: 127.0.0.1:1\r\n\r\n`);
    }
    await until("all are answered", () => raw.received().split("HTTP/1.1 ").length > 5);
    raw.socket.destroy();
    await call("GET", `/api/runs/made-up-${n}`, OPERATOR);
    await call("PUT", `/api/secrets/made-up-${n}`, OPERATOR, {});
  };
  await ask(0);
  // A request is counted when its answer has gone out, which may be a moment later.
  const first = [/"other",route="unknown"/, /"PUT",route="\/api\/secrets\/:name"/, /"GET",route="\/metrics"/];
  let before: string[] = [];
  await until("the first of each kind is counted", async () => {
    before = seriesOf(await metrics());
    return first.every((kind) => before.some((one) => kind.test(one)));
  });
  for (let n = 1; n <= 20; n++) await ask(n);
  expect(seriesOf(await metrics())).toEqual(before);
  expect(before.filter((one) => one.includes("made-up") || one.includes("PROPFIND"))).toEqual([]);
});

test("a line of the log about something of a tenant names that tenant, and no line names two", async () => {
  await until("all runs are told", () => tenants.every(({ runId }) => log.includes(`"runId":"${runId}"`)));
  const lines = log.split("\n").filter((line) => line !== "");
  const told = lines.map((text) => ({ text, line: JSON.parse(text) as Line }));
  for (const { tenantId, runId, words } of tenants) {
    const own = told.filter(({ text }) => words.some((word) => text.includes(word)));
    expect(own.filter(({ line }) => line.tenantId !== tenantId)).toEqual([]);
    expect(own.some(({ line, text }) => line.msg === "done with a run" && text.includes(runId))).toBe(true);
    expect(own.some(({ line }) => line.msg === "request served")).toBe(true);
    const others = tenants.filter((other) => other.tenantId !== tenantId).flatMap((other) => other.words);
    expect(own.filter(({ text }) => others.some((word) => text.includes(word)))).toEqual([]);
  }
});
