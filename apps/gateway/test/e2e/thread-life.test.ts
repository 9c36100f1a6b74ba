import { createClient, type HsafaError } from "@hsafa/client";
import type { Page, Run, Thread, ThreadMessage } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectProblem } from "../support/expect-problem.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";
import { until } from "../support/until.ts";

const ask = { name: "ask", target: "external" as const, inputSchema: { type: "object" } };

describe.each(GATEWAY_PAIRS)("the life of threads %s", (_name, openPair, isSkipped) => {
  describe.skipIf(isSkipped)("from its name to its end", () => {
    let pair: GatewayPair;
    beforeAll(async () => {
      pair = await openPair();
      await pair.a.pushAgent({ name: "echo", model: "demo/echo" });
      await pair.a.pushAgent({ name: "asks", model: "demo/tools", tools: [ask] });
    });
    afterAll(() => pair.close());

    async function say(threadId: string, input: string, agent = "echo"): Promise<Run> {
      const { runId } = await pair.b.startRun({ agent, input, threadId });
      return pair.a.waitForRun(runId, ({ status }) => status === "completed" || status === "waiting_tool");
    }

    async function said(threadId: string): Promise<unknown[]> {
      const page = await pair.b.call<Page<ThreadMessage>>("GET", `/api/threads/${threadId}/messages`);
      return page.body.data.flatMap(({ message }) => (message.role === "user" ? [message.content] : []));
    }

    test("a thread gets a title, which the list shows", async () => {
      await say("named", "hello");
      const renamed = await pair.a.call<Thread>("PUT", "/api/threads/named/title", { title: "Shopping" });
      expect(renamed).toMatchObject({ status: 200, body: { key: "named", title: "Shopping" } });
      const list = await pair.b.call<Page<Thread>>("GET", "/api/threads");
      expect(list.body.data[0]).toEqual(renamed.body);
      expectProblem(await pair.a.call("PUT", "/api/threads/named/title", { title: "" }), 400, "invalid_request");
      expectProblem(await pair.a.call("PUT", "/api/threads/nothing/title", { title: "x" }), 404, "not_found");
    });

    test("a deleted thread is gone at once: its run ends as canceled, its watchers hear of it, and its key is free", async () => {
      const run = await say("doomed", "wait for me", "asks");
      const client = createClient({ url: pair.b.url, token: pair.b.apiKey });
      const watched = pair.b.watch(run.id);
      const heard: string[] = [];
      const ended = (async () => {
        for await (const { runId } of client.threads.watch("doomed")) heard.push(runId);
      })().catch((error: HsafaError) => error.code);
      await until("the watcher hears of the run", () => heard.length > 0);
      await client.threads.delete("doomed");
      expect(await ended).toBe("not_found");
      const events = await watched;
      expect(events.at(-1)).toMatchObject({ type: "run.canceled", data: { reason: "its thread was deleted" } });
      const [call] = await pair.a.toolCalls(run.id);
      expect(call?.status).toBe("failed");
      expectProblem(await pair.a.call("GET", "/api/threads/doomed"), 404, "not_found");
      expectProblem(await pair.a.call("DELETE", "/api/threads/doomed"), 404, "not_found");
      const start = { agent: "echo", input: "x", threadId: run.threadId };
      expectProblem(await pair.b.call("POST", "/api/runs", start), 404, "not_found");
      await say("doomed", "a new one");
      expect(await said("doomed")).toEqual(["a new one"]);
    });

    test("a branch goes on from a run, and the thread that it left goes on without it", async () => {
      await say("trunk", "one");
      const two = await say("trunk", "two");
      await say("trunk", "three");
      const client = createClient({ url: pair.a.url, token: pair.a.apiKey });
      const branch = await client.threads.branch(two.id, { key: "branch", title: "Other way" });
      expect(branch).toMatchObject({ title: "Other way", branchedFrom: { threadId: two.threadId, runId: two.id } });
      const own = await say("branch", "instead");
      expect(await said("branch")).toEqual(["one", "two", "instead"]);
      expect(await said("trunk")).toEqual(["one", "two", "three"]);
      const events = await pair.a.events(own.id);
      const started = events.find(({ type }) => type === "run.started");
      expect(started?.data).toMatchObject({ historyRunIds: [expect.any(String), two.id] });
      await client.threads.delete("trunk");
      expect(await said("branch")).toEqual(["one", "two", "instead"]);
    });

    test("a branch of what is no ended run of a thread is refused, and says why", async () => {
      const open = await say("open", "wait", "asks");
      const branch = (body: object) => pair.a.call("POST", "/api/threads", body);
      expectProblem(await branch({ fromRunId: open.id }), 409, "run_not_ended");
      const { runId } = await pair.a.startRun({ agent: "echo", input: "alone" });
      await pair.a.waitForEnd(runId);
      expectProblem(await branch({ fromRunId: runId }), 400, "invalid_request");
      expectProblem(await branch({ fromRunId: "01890a5d-ac96-774b-bcce-b302099a8057" }), 404, "not_found");
      const ended = await say("taken", "one");
      await say("other", "one");
      expectProblem(await branch({ fromRunId: ended.id, key: "other" }), 409, "name_taken");
    });

    test("users rename, branch and delete their own threads, and nobody else's", async () => {
      const body = { agent: "echo", input: "mine", threadId: "private", subject: "ann" };
      const { runId } = (await pair.a.call<{ runId: string }>("POST", "/api/runs", body)).body;
      const run = await pair.a.waitForEnd(runId);
      const token = async (subject: string, more: object = {}) => {
        const made = { scopes: ["runs:write", "runs:read"], subject, ...more };
        return (await pair.a.call<{ token: string }>("POST", "/api/tokens", made)).body.token;
      };
      const [ann, bob] = [await token("ann"), await token("bob")];
      const bound = await token("bob", { threadId: run.threadId });
      const path = `/api/threads/${run.threadId}`;
      const as = (credential: string) => ({ credential });
      expectProblem(await pair.a.call("PUT", `${path}/title`, { title: "x" }, as(bob)), 404, "not_found");
      expectProblem(await pair.a.call("DELETE", path, undefined, as(bob)), 404, "not_found");
      expectProblem(await pair.a.call("POST", "/api/threads", { fromRunId: runId }, as(bob)), 404, "not_found");
      // It may speak in her thread, and no more than that.
      expect((await pair.a.call("PUT", `${path}/title`, { title: "Ours" }, as(bound))).status).toBe(200);
      expectProblem(await pair.a.call("DELETE", path, undefined, as(bound)), 403, "forbidden");
      expectProblem(await pair.a.call("POST", "/api/threads", { fromRunId: runId }, as(bound)), 403, "forbidden");
      const branch = await pair.a.call<Thread>("POST", "/api/threads", { fromRunId: runId }, as(ann));
      expect(branch.body.subject).toBe("ann");
      const byOperator = await pair.a.call<Thread>("POST", "/api/threads", { fromRunId: runId });
      expect(byOperator.body.subject).toBe("ann");
      expect((await pair.a.call("DELETE", path, undefined, as(ann))).status).toBe(204);
    });

    test("a user's run on a thread of nobody shows the user no more of it by a branch", async () => {
      const shared = (await pair.a.call<Thread>("POST", "/api/threads", {})).body;
      const before = { agent: "echo", input: "not for ann", threadId: shared.id };
      await pair.a.waitForEnd((await pair.a.call<{ runId: string }>("POST", "/api/runs", before)).body.runId);
      const hers = { agent: "echo", input: "hers", threadId: shared.id, subject: "ann" };
      const { runId } = (await pair.a.call<{ runId: string }>("POST", "/api/runs", hers)).body;
      expect(await pair.a.waitForEnd(runId)).toMatchObject({ subject: "ann" });
      const made = { scopes: ["runs:write", "runs:read"], subject: "ann" };
      const { token } = (await pair.a.call<{ token: string }>("POST", "/api/tokens", made)).body;
      const branch = await pair.a.call("POST", "/api/threads", { fromRunId: runId }, { credential: token });
      expectProblem(branch, 404, "not_found");
    });
  });
});
