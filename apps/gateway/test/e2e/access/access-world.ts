import { randomUUID } from "node:crypto";
import {
  type AgentVersion,
  type ApiKeyWithSecret,
  type CreatedToken,
  type Page,
  type PushedAgent,
  SCOPES,
  type Scope,
  type StartedRun,
  type StoredFile,
  type Thread,
  type ToolCall,
} from "@hsafa/protocol";
import { v7 } from "uuid";
import { apiKeyHash, newApiKey } from "../../../src/access/api-key.ts";
import { RawDevice } from "../../support/raw-device.ts";
import { startAlone } from "../../support/gateway-pairs.ts";
import type { TestGateway } from "../../support/test-gateway.ts";
import { startTwoGateways } from "../../support/two-gateways.ts";
import { until } from "../../support/until.ts";
import { makeStrangers, type Strangers } from "./strangers.ts";

/** One thing of each kind that an id can name. */
export interface Things {
  readonly run: string;
  readonly thread: string;
  readonly threadKey: string;
  readonly agent: string;
  readonly agentName: string;
  readonly version: string;
  readonly device: string;
  readonly deviceKey: string;
  /** Calls of the run: for a person, for a person after an approval, and in the hands of the device. */
  readonly call: string;
  readonly approval: string;
  readonly deviceCall: string;
  readonly file: string;
  readonly key: string;
  readonly secret: string;
  readonly subject: string;
  readonly tenant: string;
}

/** What a token may be bound to. */
export const BOUNDS = ["run", "thread", "device"] as const;
export type Bound = (typeof BOUNDS)[number];
export type BoundTokens = Readonly<Record<Bound, string>>;

/** A tenant with two sets of things, another tenant with a set of its own, and everybody who asks for them. */
export interface AccessWorld {
  /** The gateway that is asked. In a fleet, another one made the things. */
  readonly gateway: TestGateway;
  readonly mine: Things;
  readonly others: Things;
  readonly theirs: Things;
  /** The device of `mine`, connected. */
  readonly device: RawDevice;
  /** Ids of nothing. */
  readonly missing: () => Things;
  /** A key of the other tenant, with every scope. */
  readonly foreignKey: string;
  readonly strangers: Strangers;
  /** Tokens with every scope, bound to what is in `mine`, and to what is in `others`. */
  readonly here: BoundTokens;
  readonly elsewhere: BoundTokens;
  /** A key of the tenant of `mine` with these scopes. */
  readonly keyWith: (scopes: readonly Scope[]) => Promise<string>;
  readonly close: () => Promise<void>;
}

const SCHEMA = { type: "object" } as const;
const TOOL_NAMES = ["ask", "approved", "on_device"];
const ENV = {
  HSAFA_SECRETS_KEY: "seals-the-secrets-of-this-test-0123456789",
  // The table asks more in a second than any client.
  HSAFA_TENANT_REQUESTS_PER_S: "1000000",
  HSAFA_KEY_REQUESTS_PER_S: "1000000",
  HSAFA_ADDRESS_REQUESTS_PER_S: "1000000",
};

export async function startAccessWorld(kind: "embedded" | "fleet"): Promise<AccessWorld> {
  const gateways = kind === "embedded" ? await startAlone({ env: ENV }) : await startTwoGateways(() => ({ env: ENV }));
  const { a: maker, b: gateway } = gateways;
  const foreignKey = newApiKey();
  await maker.gateway.store.fleet.ensureApiKey({
    tenantName: "foreign",
    name: "foreign",
    keyHash: apiKeyHash(foreignKey),
    scopes: ["admin"],
  });
  const devices: RawDevice[] = [];
  const make = async (name: string, credential: string, tenant: string): Promise<Things> => {
    const { things, device } = await makeThings(maker, { name, credential, tenant });
    devices.push(device);
    return things;
  };
  const mine = await make("mine", maker.apiKey, "default");
  const others = await make("others", maker.apiKey, "default");
  const theirs = await make("theirs", foreignKey, "foreign");
  // The other tenant has a user of the same name, so that a list of this user is theirs and not empty.
  await openCalls(callerOf(maker, foreignKey), { ...runOf(theirs), subject: mine.subject });
  const [device] = devices;
  if (device === undefined) throw new Error("there is no device");
  return {
    gateway,
    mine,
    others,
    theirs,
    device,
    missing,
    foreignKey,
    strangers: await makeStrangers(gateway),
    here: await boundTokens(gateway, mine),
    elsewhere: await boundTokens(gateway, others),
    keyWith: async (scopes) => (await makeKey(gateway, scopes)).key,
    async close() {
      for (const one of devices) one.socket.terminate();
      await gateways.close();
    },
  };
}

async function makeKey(gateway: TestGateway, scopes: readonly Scope[], credential?: string): Promise<ApiKeyWithSecret> {
  const body = { name: `key-${randomUUID()}`, scopes };
  const options = credential === undefined ? {} : { credential };
  return (await gateway.call<ApiKeyWithSecret>("POST", "/api/keys", body, options)).body;
}

async function boundTokens(gateway: TestGateway, things: Things): Promise<BoundTokens> {
  const token = async (bound: Readonly<Record<string, string>>): Promise<string> => {
    const body = { scopes: [...SCOPES], agents: [things.agentName], versions: true, ...bound };
    return (await gateway.call<CreatedToken>("POST", "/api/tokens", body)).body.token;
  };
  return {
    run: await token({ runId: things.run }),
    thread: await token({ threadId: things.thread }),
    device: await token({ deviceKey: things.deviceKey }),
  };
}

type Caller = <T>(method: string, path: string, body?: unknown) => Promise<T>;

function callerOf(gateway: TestGateway, credential: string): Caller {
  return async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await gateway.call<T>(method, path, body, { credential });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
}

function runOf({ agentName, deviceKey }: Pick<Things, "agentName" | "deviceKey">) {
  return { agent: agentName, input: "x", deviceKey };
}

/** Starts a run, and waits until all its calls are open. */
async function openCalls(
  call: Caller,
  body: object,
): Promise<{ readonly runId: string; readonly calls: readonly ToolCall[] }> {
  const { runId } = await call<StartedRun>("POST", "/api/runs", body);
  let calls: readonly ToolCall[] = [];
  await until("all calls are open", async () => {
    calls = (await call<Page<ToolCall>>("GET", `/api/runs/${runId}/tool-calls`)).data;
    return calls.length === TOOL_NAMES.length;
  });
  return { runId, calls };
}

/** Makes one thing of each kind. Its run waits for a person, for an approval and for its device. */
async function makeThings(
  gateway: TestGateway,
  { name, credential, tenant }: { readonly name: string; readonly credential: string; readonly tenant: string },
): Promise<{ readonly things: Things; readonly device: RawDevice }> {
  const call = callerOf(gateway, credential);
  const [agentName, deviceKey, threadKey] = [`agent-${name}`, `device-${name}`, `thread-${name}`];
  const config = {
    name: agentName,
    model: "demo/script",
    tools: [
      { name: "ask", target: "external", inputSchema: SCHEMA },
      { name: "approved", target: "external", approval: "always", inputSchema: SCHEMA },
      { name: "on_device", device: { key: deviceKey }, timeoutMs: 600_000, inputSchema: SCHEMA },
    ],
    settings: {
      providerOptions: { demo: { script: [TOOL_NAMES.map((tool) => ({ call: tool, args: {} })), [{ say: "end" }]] } },
    },
  };
  const { agentId, versionId } = await call<PushedAgent>("POST", "/api/agents", { name: agentName, config });
  const thread = await call<Thread>("POST", "/api/threads", { key: threadKey });
  await call("PUT", `/api/secrets/secret-${name}`, { value: `value-of-${name}` });
  const { id: file } = await call<StoredFile>("POST", "/api/files", { of: name });
  const { id: keyId } = await makeKey(gateway, ["runs:read"], credential);
  const device = await new RawDevice(`${gateway.url.replace("http", "ws")}/devices/connect`).register({
    token: credential,
    deviceKey,
    tools: [{ name: "on_device", inputSchema: SCHEMA }],
  });
  const { deviceId } = await device.next("device.registered");
  const { runId, calls } = await openCalls(call, { ...runOf({ agentName, deviceKey }), threadId: thread.id });
  await device.next("tool.call.request");
  const callOf = (toolName: string): string => calls.find((one) => one.toolName === toolName)?.id ?? "";
  const { data: versions } = await call<Page<AgentVersion>>("GET", `/api/agents/${agentName}/versions`);
  if (versions[0]?.id !== versionId) throw new Error("the version is not listed");
  const things: Things = {
    run: runId,
    thread: thread.id,
    threadKey,
    agent: agentId,
    agentName,
    version: versionId,
    device: deviceId,
    deviceKey,
    call: callOf("ask"),
    approval: callOf("approved"),
    deviceCall: callOf("on_device"),
    file,
    key: keyId,
    secret: `secret-${name}`,
    subject: `subject-${name}`,
    tenant,
  };
  return { things, device };
}

function missing(): Things {
  const name = randomUUID();
  return {
    run: v7(),
    file: v7(),
    thread: v7(),
    threadKey: `thread-${name}`,
    agent: v7(),
    agentName: `agent-${name}`,
    version: v7(),
    device: v7(),
    deviceKey: `device-${name}`,
    call: v7(),
    approval: v7(),
    deviceCall: v7(),
    key: v7(),
    secret: `secret-${name}`,
    subject: `subject-${name}`,
    tenant: `tenant-${name}`,
  };
}
