import {
  type ApiKeyWithSecret,
  AUDIT_ACTIONS,
  type AuditAction,
  type AuditEntry,
  type Device,
  type Page,
  type TenantWithKey,
} from "@hsafa/protocol";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { apiRoutes } from "../../../src/edge/http/api-routes.ts";
import { type ApiGateway, startApiGateway } from "../../support/api-gateway.ts";
import { expectProblem } from "../../support/expect-problem.ts";
import { RawDevice } from "../../support/raw-device.ts";
import { uploaded } from "../../support/upload.ts";

let gateway: ApiGateway;
let admin: ApiKeyWithSecret;
beforeAll(async () => {
  gateway = await startApiGateway();
  admin = await newKey("auditor", ["admin"]);
});
afterAll(() => gateway.close());

async function newKey(name: string, scopes: string[], credential = gateway.apiKey): Promise<ApiKeyWithSecret> {
  return (await gateway.call<ApiKeyWithSecret>("POST", "/api/keys", { name, scopes }, { credential })).body;
}

/** As the key `auditor`, which no other test uses. */
async function call<Body = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Body> {
  const answer = await gateway.call<Body>(method, path, body, { credential: admin.key });
  expect(answer.status).toBeLessThan(300);
  return answer.body;
}

async function list(query: string, credential = gateway.apiKey): Promise<readonly AuditEntry[]> {
  const answer = await gateway.call<Page<AuditEntry>>("GET", `/api/audit?${query}`, undefined, { credential });
  expect(answer.status).toBe(200);
  return answer.body.data;
}

async function connect(token: string, deviceKey: string): Promise<RawDevice> {
  const device = new RawDevice(`${gateway.url.replace("http", "ws")}/devices/connect`);
  onTestFinished(() => device.socket.terminate());
  return device.register({ token, deviceKey });
}

async function deviceOf(deviceKey: string): Promise<string> {
  const { data } = await call<Page<Device>>("GET", "/api/devices");
  return data.find(({ key }) => key === deviceKey)?.id ?? "";
}

const push = (model: string, promote = true): Promise<{ versionId: string }> =>
  call("POST", "/api/agents", { name: "audited", config: { name: "audited", model }, promote });

/** Does each act over the wire and returns its targets; a text says why no test here can. */
const ACTS: Record<AuditAction, (() => Promise<Record<string, unknown>>) | string> = {
  "agent.push": async () => ({ versionId: (await push("demo/echo")).versionId, agentName: "audited" }),
  "agent.promote": async () => {
    const { versionId } = await push("demo/tools", false);
    await call("POST", "/api/agents/audited/promote", { versionId });
    return { versionId, agentName: "audited" };
  },
  "run.cancel": async () => {
    const { runId } = await gateway.startWaitingRun();
    await call("POST", `/api/runs/${runId}/cancel`, { reason: "no more" });
    return { runId };
  },
  "approval.decide": async () => {
    const { runId, callId } = await gateway.startWaitingRun("approved");
    await call("POST", `/api/runs/${runId}/approvals`, { callId, approved: false });
    return { runId, callId };
  },
  "key.create": async () => ({ keyId: (await newKey("made", ["runs:read"], admin.key)).id, keyName: "made" }),
  "key.rotate": async () => {
    const { id } = await newKey("turned", ["runs:read"]);
    await call("POST", `/api/keys/${id}/rotate`);
    return { keyId: id, keyName: "turned" };
  },
  "key.revoke": async () => {
    const { id } = await newKey("ended", ["runs:read"]);
    await call("DELETE", `/api/keys/${id}`);
    return { keyId: id, keyName: "ended" };
  },
  "token.revoke": async () => {
    await call("POST", "/api/tokens/revoke", { subject: "mallory" });
    return { subject: "mallory" };
  },
  "secret.put": async () => {
    await call("PUT", "/api/secrets/audited", { value: "value of the secret" });
    return { secret: "audited" };
  },
  "secret.delete": async () => {
    await call("DELETE", "/api/secrets/audited");
    return { secret: "audited" };
  },
  "quota.set": async () => {
    const answer = await gateway.call("PUT", "/api/quotas", { quotas: { devices: 50 } });
    expect(answer.status).toBe(200);
    return {};
  },
  "device.pair": async () => {
    const device = await connect((await newKey("enrolling", ["devices:enroll"])).key, "enrolled");
    const { code } = await device.next("device.pairing");
    await call("POST", "/api/devices/pairings", { code: code ?? "" });
    return { deviceKey: "enrolled", deviceId: await deviceOf("enrolled") };
  },
  "device.take_over": async () => {
    await connect((await newKey("owner", ["devices:connect"])).key, "taken");
    await connect(admin.key, "taken");
    return { deviceKey: "taken", deviceId: await deviceOf("taken") };
  },
  "device.delete": async () => {
    await connect(admin.key, "forgotten");
    const deviceId = await deviceOf("forgotten");
    await call("DELETE", `/api/devices/${deviceId}`);
    return { deviceKey: "forgotten", deviceId };
  },
  "thread.delete": async () => {
    const { id: threadId } = await call<{ id: string }>("POST", "/api/threads", {});
    await call("DELETE", `/api/threads/${threadId}`);
    return { threadId };
  },
  "file.delete": async () => {
    const { id: fileId } = await uploaded(gateway, "words");
    await call("DELETE", `/api/files/${fileId}`);
    return { fileId };
  },
  "tenant.disable": "the operator does it to another tenant; see below",
  "tenant.enable": "the operator does it to another tenant; see below",
  "tenant.create": "a gateway makes its tenant at its start; see the entry of the gateway below",
  "audit.prune": "an operator does it by SQL; see the contract of the audit entries",
};

test.each(AUDIT_ACTIONS.flatMap((action) => (typeof ACTS[action] === "string" ? [] : [[action]])))(
  "%s over the wire is found with who did it and from where",
  async (action) => {
    const act = ACTS[action];
    if (typeof act === "string") return;
    const targets = await act();
    const [entry] = await list(`action=${action}&limit=1`);
    const isOperator = action === "quota.set";
    expect(entry).toMatchObject({
      action,
      targets,
      by: {
        kind: isOperator ? "operator" : "api_key",
        name: isOperator ? "operator" : "auditor",
        ...(isOperator ? {} : { keyId: admin.id }),
        subject: null,
        address: "127.0.0.1",
      },
    });
    expect(Math.abs(Date.parse(entry?.at ?? "") - Date.now())).toBeLessThan(60_000);
    expect(JSON.stringify(entry)).not.toContain("value of the secret");
  },
);

test("what a token does names its subject and its key", async () => {
  const { runId } = await gateway.startWaitingRun();
  const credential = await gateway.createToken({ scopes: ["runs:cancel"], runId, subject: "alice" });
  expect((await gateway.call("POST", `/api/runs/${runId}/cancel`, {}, { credential })).status).toBe(202);
  expect(await list("subject=alice")).toMatchObject([
    { action: "run.cancel", targets: { runId }, by: { kind: "token", name: "operator", subject: "alice" } },
  ]);
});

test("a user sees own acts in the log, and nobody else's", async () => {
  const { runId } = await gateway.startWaitingRun();
  const tokenOf = (subject?: string, more: object = {}) =>
    gateway.createToken({ scopes: ["runs:cancel", "audit:read"], subject, ...more });
  const canceling = await tokenOf("carol", { runId });
  expect((await gateway.call("POST", `/api/runs/${runId}/cancel`, {}, { credential: canceling })).status).toBe(202);
  const [hers, his, nobodys] = [await tokenOf("carol"), await tokenOf("dave"), await tokenOf()];
  expect(await list("limit=200", hers)).toMatchObject([{ action: "run.cancel", by: { subject: "carol" } }]);
  expect(await list("subject=carol", his)).toEqual([]);
  expect(await list("limit=200", his)).toEqual([]);
  expect(await list("limit=200", nobodys)).toEqual([]);
});

test("what a gateway did at its start is there, and what was refused is not", async () => {
  expect(await list("action=tenant.create")).toMatchObject([{ by: { kind: "gateway", keyId: null, address: null } }]);
  const before = await list("limit=200");
  const reader = await gateway.createToken({ scopes: ["runs:read"] });
  const refused: [string, string, unknown?][] = [
    ["PUT", "/api/secrets/x", { value: "value of the secret" }],
    ["DELETE", `/api/keys/${admin.id}`],
    ["POST", "/api/agents", { name: "audited", config: { name: "audited", model: "demo/echo" } }],
  ];
  for (const [method, path, body] of refused) {
    expectProblem(await gateway.call(method, path, body, { credential: reader }), 403, "forbidden");
  }
  expectProblem(await gateway.call("DELETE", "/api/secrets/nothing"), 404, "not_found");
  expect(await list("limit=200")).toEqual(before);
});

test("the log is read with its own scope, for one's own tenant, by filters that are checked", async () => {
  const { key } = await newKey("reader of the log", ["audit:read"]);
  expect((await list("limit=1", key)).length).toBe(1);
  for (const scopes of [["runs:read"], ["agents:write", "runs:write", "approvals:decide"]]) {
    const credential = (await newKey("other", scopes)).key;
    expectProblem(await gateway.call("GET", "/api/audit", undefined, { credential }), 403, "forbidden");
  }
  const { runId } = await gateway.startWaitingRun();
  const bound = await gateway.createToken({ scopes: ["audit:read"], runId });
  expectProblem(await gateway.call("GET", "/api/audit", undefined, { credential: bound }), 403, "forbidden");
  const foreign = await list("limit=200", gateway.foreignKey);
  expect(foreign.map(({ action }) => action).toSorted()).toEqual(["key.create", "tenant.create"]);
  for (const query of ["action=run.started", "since=yesterday", "keyId=x", "subject=a%20b", "cursor=none", "by=x"]) {
    expectProblem(await gateway.call("GET", `/api/audit?${query}`), 400, "invalid_request");
  }
  expectProblem(await gateway.call("DELETE", "/api/audit"), 405, "method_not_allowed");
  const pages = await gateway.readPages<AuditEntry>("/api/audit", 3);
  expect(pages.flat()).toEqual(await list("limit=200"));
});

test("what the operator does to a tenant is in the log of that tenant", async () => {
  const { body: made } = await gateway.call<TenantWithKey>("POST", "/api/tenants", { name: "audited tenant" });
  for (const change of ["disable", "enable"]) await gateway.call("POST", `/api/tenants/${made.id}/${change}`);
  const quotas = { tenant: "audited tenant", quotas: { devices: 5 } };
  expect((await gateway.call("PUT", "/api/quotas", quotas)).status).toBe(200);
  const entries = await list("limit=10", made.key.key);
  expect(entries.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
    "quota.set set",
    "tenant.enable enabled",
    "tenant.disable disabled",
    "key.create created",
    "tenant.create created",
  ]);
  for (const entry of entries) expect(entry.by).toMatchObject({ kind: "operator", name: "operator" });
});

test("the operator reads the log of a tenant by its name or id, and nobody else names a tenant", async () => {
  const { body: made } = await gateway.call<TenantWithKey>("POST", "/api/tenants", { name: "read from outside" });
  const own = await list("limit=10", made.key.key);
  expect(own.map(({ action }) => action)).toEqual(["key.create", "tenant.create"]);
  for (const tenant of [made.id, "read from outside"]) {
    expect(await list(new URLSearchParams({ tenant, limit: "10" }).toString())).toEqual(own);
  }
  // By pages and filters too, and also once nothing of the tenant is served.
  await gateway.call("POST", `/api/tenants/${made.id}/disable`);
  const actions: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const more: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const page = await gateway.call<Page<AuditEntry>>("GET", `/api/audit?tenant=${made.id}&limit=1${more}`);
    actions.push(...page.body.data.map(({ action }) => action));
    cursor = page.body.nextCursor;
  }
  expect(actions).toEqual(["tenant.disable", "key.create", "tenant.create"]);
  expect(await list(`tenant=${made.id}&action=key.create`)).toHaveLength(1);
  expectProblem(await gateway.call("GET", "/api/audit?tenant=nobody"), 404, "not_found");
  expectProblem(await gateway.call("GET", "/api/audit?tenant="), 400, "invalid_request");
  // Not even for the own tenant: one refusal for all names.
  for (const credential of [gateway.foreignKey, admin.key]) {
    for (const tenant of ["default", "other", "nobody"]) {
      const answer = await gateway.call("GET", `/api/audit?tenant=${tenant}`, undefined, { credential });
      expectProblem(answer, 403, "forbidden");
    }
  }
});

/** The routes that change something, and the acts that they do; a text says why one leaves no entry. */
const ROUTES: Record<string, readonly AuditAction[] | string> = {
  "POST /api/tokens": "a token is not stored; what it does names its key and subject",
  "POST /api/tokens/cookie": "it hands back what the caller has",
  "POST /api/tokens/revoke": ["token.revoke"],
  "POST /api/keys": ["key.create"],
  "POST /api/keys/:id/rotate": ["key.rotate"],
  "DELETE /api/keys/:id": ["key.revoke"],
  "POST /api/agents": ["agent.push"],
  "POST /api/agents/:idOrName/promote": ["agent.promote"],
  "PUT /api/threads/:id/title": "it names a thread for people, and takes nothing away",
  "POST /api/files": "it adds a file, and takes nothing away",
  "POST /api/runs": "the record of the run tells it",
  "POST /api/runs/:id/fork": "the record of the run tells it",
  "POST /api/runs/:id/messages": "the record of the run tells it",
  "POST /api/runs/:id/tool-results": "the record of the run tells it",
  "POST /api/runs/:id/approvals": ["approval.decide"],
  "POST /api/runs/:id/cancel": ["run.cancel"],
  "POST /api/threads": "a thread holds nothing by itself",
  "DELETE /api/devices/:id": ["device.delete"],
  "DELETE /api/files/:id": ["file.delete"],
  "DELETE /api/threads/:id": ["thread.delete", "run.cancel"],
  "POST /api/devices/pairings": ["device.pair"],
  "PUT /api/secrets/:name": ["secret.put"],
  "DELETE /api/secrets/:name": ["secret.delete"],
  "PUT /api/quotas": ["quota.set"],
  "POST /api/session": "it holds a key or a token that is there already, and ends with it",
  "POST /api/session/local": "it holds the development key, which this user's other programs can read",
  "DELETE /api/session": "it takes nothing away but the cookie",
  "POST /api/tenants": ["tenant.create", "key.create"],
  "POST /api/tenants/:idOrName/keys": ["key.create"],
  "POST /api/tenants/:idOrName/disable": ["tenant.disable", "run.cancel"],
  "POST /api/tenants/:idOrName/enable": ["tenant.enable"],
};

test("every call that changes something leaves an entry, or says here why not", () => {
  const changing = apiRoutes.filter(({ method }) => method !== "GET").map(({ method, path }) => `${method} ${path}`);
  expect(Object.keys(ROUTES).toSorted()).toEqual(changing.toSorted());
});
